//! A real keyring for a test: GNOME Keyring on a bus of its own, with a home of its own, unlocked with a password that
//! is thrown away. Nothing of the machine's own session is reached, and nothing is left.

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Programs that this needs. Debian has them in `dbus-daemon`, `dbus-bin` and `gnome-keyring`.
const PROGRAMS: [&str; 4] = ["dbus-daemon", "dbus-monitor", "dbus-send", "gnome-keyring-daemon"];
/// The collection that the daemon makes when it is unlocked.
const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";
/// A bus that starts nobody: who is on it was started here.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:dir=FOLDER</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>"#;

/// A bus, on which a keyring may be. Both end when it is dropped.
pub struct Bus {
    folder: TempDir,
    daemon: Child,
    /// Where programs find it: `DBUS_SESSION_BUS_ADDRESS`.
    pub address: String,
}

impl Bus {
    /// A bus with nobody on it. None, after a line that counts the test as skipped, where a program is missing.
    ///
    /// # Panics
    /// If the bus does not start.
    pub fn start(test: &str) -> Option<Self> {
        let missing: Vec<&str> = PROGRAMS.into_iter().filter(|program| place(program).is_none()).collect();
        if !missing.is_empty() {
            println!("SKIPPED {test}: not on this machine: {} (Debian: dbus, gnome-keyring)", missing.join(", "));
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder for the bus");
        let config = folder.path().join("bus.conf");
        let path = folder.path().to_str().expect("a path in text").to_owned();
        let mut settings = File::create_new(&config).expect("the settings of the bus");
        settings.write_all(BUS.replace("FOLDER", &path).as_bytes()).expect("the settings can be written");
        let mut command = program("dbus-daemon");
        command
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .arg(format!("--config-file={}", config.display()));
        let mut daemon = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the bus starts");
        let mut address = String::new();
        let said = daemon.stdout.take().expect("a pipe");
        BufReader::new(said).read_line(&mut address).expect("the bus says where it is");
        let address = address.trim().to_owned();
        assert!(!address.is_empty(), "the bus ended");
        Some(Self { folder, daemon, address })
    }

    fn send(&self, path: &str, member: &str, arguments: &[&str]) -> String {
        let mut command = program("dbus-send");
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command.args(["--session", "--print-reply", "--dest=org.freedesktop.secrets", path, member]).args(arguments);
        let output = command.output().expect("dbus-send runs");
        let said = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success(), "{member}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// A keyring, unlocked.
pub struct Keyring {
    /// The bus that it is on.
    pub bus: Bus,
    daemon: Child,
}

impl Keyring {
    /// An empty keyring on a new bus. None where [`Bus::start`] gives none.
    ///
    /// # Panics
    /// If it does not start.
    pub fn start(test: &str) -> Option<Self> {
        let bus = Bus::start(test)?;
        let mut monitor = program("dbus-monitor");
        monitor.env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
        monitor.args(["--session", "type='signal',member='NameOwnerChanged',arg0='org.freedesktop.secrets'"]);
        let mut monitor = monitor.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the monitor starts");
        let mut heard = BufReader::new(monitor.stdout.take().expect("a pipe")).lines();
        let mut next = || heard.next().expect("the monitor goes on").expect("text");
        // Its own arrival on the bus: from here on it hears who comes.
        next();
        // The keyring insists that nobody else can look into it.
        let home = bus.folder.path().join("home");
        std::fs::DirBuilder::new().mode(0o700).create(&home).expect("a home for the keyring");
        let mut command = program("gnome-keyring-daemon");
        command.env("HOME", &home).env("XDG_RUNTIME_DIR", &home).env("DBUS_SESSION_BUS_ADDRESS", &bus.address);
        command.args(["--foreground", "--components=secrets", "--unlock"]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut daemon = command.spawn().expect("the keyring starts");
        let mut password = daemon.stdin.take().expect("a pipe");
        password.write_all(b"jetable").expect("the keyring takes its password");
        drop(password);
        while !next().contains("org.freedesktop.secrets") {}
        monitor.kill().expect("the monitor can be ended");
        monitor.wait().expect("the monitor ends");
        Some(Self { bus, daemon })
    }

    /// Locks it, as a person does who leaves the desk.
    pub fn lock(&self) {
        let member = "org.freedesktop.Secret.Service.Lock";
        self.bus.send("/org/freedesktop/secrets", member, &[&format!("array:objpath:{COLLECTION}")]);
    }

    /// What a curious neighbour sees of each entry of Carnet: its label and its attributes.
    pub fn entries(&self) -> Vec<String> {
        let about = |path: &String| {
            let read = |name: &str| {
                let words = ["string:org.freedesktop.Secret.Item", &format!("string:{name}")];
                self.bus.send(path, "org.freedesktop.DBus.Properties.Get", &words)
            };
            read("Label") + &read("Attributes")
        };
        self.paths().iter().map(about).collect()
    }

    /// Takes every entry of Carnet out.
    pub fn clear(&self) {
        for path in self.paths() {
            self.bus.send(&path, "org.freedesktop.Secret.Item.Delete", &[]);
        }
    }

    fn paths(&self) -> Vec<String> {
        let member = "org.freedesktop.Secret.Service.SearchItems";
        let found = self.bus.send("/org/freedesktop/secrets", member, &["dict:string:string:application,carnet"]);
        let paths = found.split('"').filter(|part| part.starts_with(COLLECTION));
        paths.map(str::to_owned).collect()
    }

    /// Makes it silent: it is there, and answers nobody any more.
    pub fn silence(&self) {
        let process = Pid::from_child(&self.daemon);
        kill_process(process, Signal::STOP).expect("the keyring can be stopped");
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn program(name: &str) -> Command {
    let path = place(name).unwrap_or_else(|| panic!("{name} is gone"));
    #[expect(clippy::disallowed_methods, reason = "a keyring is another program")]
    let mut command = Command::new(path);
    command.env_clear().stdin(Stdio::null());
    command
}

/// Where a program of the system lies.
fn place(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/usr/local/bin", "/bin"].iter().map(|folder| Path::new(folder).join(name)).find(|path| path.is_file())
}
