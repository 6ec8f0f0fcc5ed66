//! Where the command finds its settings: options, then a few variables, then `carnet.toml`, then defaults.
//!
//! This is the only reader of the environment and of the home folder. A secret is never read from either, nor from
//! the file. The formats have no options: nothing here can weaken a promise.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use carnet_record::ZoneHistory;

use crate::{error::Failure, i18n::Language};

/// Largest configuration file read, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// Every variable that is read, and no other.
const VARIABLES: [&str; 16] = [
    "APPDATA",
    "CARNET_CONFIG",
    "CARNET_LANG",
    "CARNET_RECORD",
    "CARNET_RELAY",
    "CARNET_VAULT",
    "CARNET_ZONE",
    "COLUMNS",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_MESSAGES",
    "LOCALAPPDATA",
    "TZ",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
];

/// The variables of [`VARIABLES`] that are set and not empty.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// The environment of this process.
    pub(crate) fn of_process() -> Self {
        let set = VARIABLES.iter().filter_map(|name| {
            #[expect(clippy::disallowed_methods, reason = "this is the one reader of the environment")]
            let value = std::env::var_os(name)?;
            (!value.is_empty()).then(|| ((*name).to_owned(), value))
        });
        Self(set.collect())
    }

    fn value(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).map(OsString::as_os_str)
    }

    fn text(&self, name: &str) -> Option<String> {
        Some(self.value(name)?.to_string_lossy().into_owned())
    }

    fn folder(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.value(name)?);
        path.is_absolute().then_some(path)
    }

    /// The language asked for by `CARNET_LANG`, else by the locale; nothing when neither names one of ours.
    pub(crate) fn language(&self) -> Option<Language> {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| self.text(name));
        [self.text("CARNET_LANG"), locale].into_iter().flatten().find_map(|name| Language::of_locale(&name))
    }

    /// The width of the terminal, where it is stated.
    pub(crate) fn columns(&self) -> Option<usize> {
        self.text("COLUMNS")?.parse().ok().filter(|columns| *columns > 0)
    }

    /// The zone of this machine, where it has one of the tz database.
    fn machine_zone(&self) -> Option<ZoneHistory> {
        let linked = || {
            let target = std::fs::read_link("/etc/localtime").ok()?;
            let name = target.to_str()?.split_once("zoneinfo/")?.1.to_owned();
            Some(name)
        };
        let name = self.text("TZ").map(|name| name.trim_start_matches(':').to_owned()).or_else(linked)?;
        ZoneHistory::single(&name).ok()
    }

    fn data_folder(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            self.folder("LOCALAPPDATA").map(|folder| folder.join("Carnet"))
        } else if cfg!(target_os = "macos") {
            self.folder("HOME").map(|home| home.join("Library/Application Support/Carnet"))
        } else {
            let data = self.folder("XDG_DATA_HOME").or_else(|| Some(self.folder("HOME")?.join(".local/share")))?;
            Some(data.join("carnet"))
        }
    }

    fn config_file(&self) -> Option<PathBuf> {
        if let Some(named) = self.value("CARNET_CONFIG") {
            return Some(PathBuf::from(named));
        }
        let folder = if cfg!(windows) {
            self.folder("APPDATA")?.join("Carnet")
        } else if cfg!(target_os = "macos") {
            self.folder("HOME")?.join("Library/Application Support/Carnet")
        } else {
            self.folder("XDG_CONFIG_HOME").or_else(|| Some(self.folder("HOME")?.join(".config")))?.join("carnet")
        };
        Some(folder.join("carnet.toml"))
    }
}

/// `carnet.toml`. A key that is not here is refused.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Folder of the vault, absolute.
    vault: Option<PathBuf>,
    /// Record that commands act on when none is named.
    record: Option<String>,
    /// Language of the talk: `fr` or `en`.
    language: Option<Language>,
    /// Address of the relay that new records and `sync` use.
    relay: Option<String>,
    /// Zone in which the person lives, as a name of the tz database.
    zone: Option<String>,
}

/// What the options of the command line say about the settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stated {
    /// `--vault`.
    pub(crate) vault: Option<PathBuf>,
    /// `--record`.
    pub(crate) record: Option<String>,
    /// `--lang`.
    pub(crate) language: Option<Language>,
}

/// The settings of one run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Config {
    /// Folder of the vault.
    pub(crate) vault: PathBuf,
    /// Record named for this run.
    pub(crate) record: Option<String>,
    /// Language of the talk.
    pub(crate) language: Language,
    /// Address of the relay, where one is set.
    pub(crate) relay: Option<String>,
    /// Zone in which the person lives, where one is set or the machine has one.
    pub(crate) zone: Option<ZoneHistory>,
}

impl Config {
    /// Settles the settings: `stated`, then `environment`, then the file, then defaults.
    pub(crate) fn settle(stated: Stated, environment: &Environment) -> Result<Self, Failure> {
        let named = environment.value("CARNET_CONFIG").is_some();
        let file = match environment.config_file() {
            Some(path) => read(&path, named)?,
            None => File::default(),
        };
        let vault = stated
            .vault
            .or_else(|| environment.value("CARNET_VAULT").map(PathBuf::from))
            .or(file.vault)
            .or_else(|| environment.data_folder())
            .ok_or(Failure::NoHome)?;
        let zone = match environment.text("CARNET_ZONE").or(file.zone) {
            Some(name) => Some(ZoneHistory::single(&name).map_err(|_| Failure::BadZone)?),
            None => environment.machine_zone(),
        };
        Ok(Self {
            vault,
            record: stated.record.or_else(|| environment.text("CARNET_RECORD")).or(file.record),
            language: stated.language.or(environment.stated_language()).or(file.language).unwrap_or_else(|| {
                // A locale is a habit of the machine, so the file comes before it.
                environment.language().unwrap_or_default()
            }),
            relay: environment.text("CARNET_RELAY").or(file.relay),
            zone,
        })
    }
}

impl Environment {
    fn stated_language(&self) -> Option<Language> {
        self.text("CARNET_LANG").and_then(|name| Language::of_locale(&name))
    }
}

/// The file at `path`; none is fine, unless it was `named`.
fn read(path: &Path, named: bool) -> Result<File, Failure> {
    let text = match read_bounded(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !named => return Ok(File::default()),
        Err(error) => return Err(Failure::unreadable(path, &error)),
    };
    toml::from_str(&text).map_err(|error| Failure::ConfigInvalid {
        path: path.display().to_string(),
        reason: error.message().to_owned(),
    })
}

fn read_bounded(path: &Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: &[(&str, &str)]) -> Environment {
        Environment(set.iter().map(|(name, value)| ((*name).into(), OsString::from(*value))).collect())
    }

    fn file(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("carnet.toml");
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), text.as_bytes()).unwrap();
        let path = path.display().to_string();
        (folder, path)
    }

    #[test]
    fn an_option_beats_a_variable_beats_the_file_beats_the_default() {
        let (_folder, path) = file("vault = '/file'\nlanguage = 'en'\nrelay = 'r'\n");
        let home = [("HOME", "/home/x"), ("CARNET_CONFIG", path.as_str())];
        let stated = || Stated { vault: Some("/option".into()), ..Stated::default() };

        let all = environment(&[home[0], home[1], ("CARNET_VAULT", "/variable")]);
        assert_eq!(Config::settle(stated(), &all).unwrap().vault, Path::new("/option"));
        assert_eq!(Config::settle(Stated::default(), &all).unwrap().vault, Path::new("/variable"));
        let config = Config::settle(Stated::default(), &environment(&home)).unwrap();
        assert_eq!((config.vault.as_path(), config.language), (Path::new("/file"), Language::English));
        assert_eq!(config.relay.as_deref(), Some("r"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_default_folder_is_the_platforms() {
        let config = Config::settle(Stated::default(), &environment(&[("HOME", "/home/x")])).unwrap();
        assert_eq!(config.vault, Path::new("/home/x/.local/share/carnet"));
        let moved = environment(&[("HOME", "/home/x"), ("XDG_DATA_HOME", "/data")]);
        assert_eq!(Config::settle(Stated::default(), &moved).unwrap().vault, Path::new("/data/carnet"));
        assert_eq!(Config::settle(Stated::default(), &environment(&[])), Err(Failure::NoHome));
    }

    #[test]
    fn an_unknown_key_is_refused_and_its_value_is_not_repeated() {
        let (_folder, path) = file("passphrase = 'hunter2'\n");
        let refused = Config::settle(Stated::default(), &environment(&[("CARNET_CONFIG", &path)]));
        let Err(Failure::ConfigInvalid { reason, .. }) = refused else { panic!("{refused:?}") };
        assert!(reason.contains("passphrase") && !reason.contains("hunter2"), "{reason}");
    }

    #[test]
    fn a_zone_that_does_not_exist_is_refused_and_one_of_the_machine_is_passed_over() {
        let home = ("HOME", "/home/x");
        let (_folder, path) = file("zone = 'Europe/Pariss'\n");
        for wrong in [("CARNET_ZONE", "Amerika/Montreal"), ("CARNET_CONFIG", path.as_str())] {
            assert_eq!(Config::settle(Stated::default(), &environment(&[home, wrong])), Err(Failure::BadZone));
        }
        let zone = |set: &[(&str, &str)]| Config::settle(Stated::default(), &environment(set)).unwrap().zone;
        assert_eq!(zone(&[home, ("TZ", "CET-1CEST")]), None);
        let montreal = ZoneHistory::single("America/Montreal").ok();
        assert_eq!(zone(&[home, ("TZ", "Asia/Tokyo"), ("CARNET_ZONE", "America/Montreal")]), montreal);
    }

    #[test]
    fn a_named_file_must_exist() {
        let refused =
            Config::settle(Stated::default(), &environment(&[("HOME", "/x"), ("CARNET_CONFIG", "/absent/c.toml")]));
        assert!(matches!(refused, Err(Failure::FileUnreadable { .. })), "{refused:?}");
    }

    #[test]
    fn fault_j_lang_absent_or_foreign_means_french() {
        for set in [&[][..], &[("LANG", "C.UTF-8")], &[("LC_ALL", "de_DE"), ("LANG", "en_GB")]] {
            assert_eq!(environment(set).language().unwrap_or_default(), Language::French, "{set:?}");
        }
        assert_eq!(environment(&[("LANG", "en_GB.UTF-8")]).language(), Some(Language::English));
        assert_eq!(environment(&[("LANG", "en_GB"), ("CARNET_LANG", "fr")]).language(), Some(Language::French));
    }
}
