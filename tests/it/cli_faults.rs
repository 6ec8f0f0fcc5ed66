//! What goes wrong around the command: each ends with its own exit status and a code, and loses nothing.
//!
//! "Loses nothing" is the digest of the canonical export, before and after.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    time::Duration,
};

use carnet_tests::process::{Carnet, Home, Ran, copy, finish, program, text, uptime, wait};

use crate::{
    cli_record::{camille, samples},
    cli_sync::words_of,
};

/// How often it is looked whether the other process has the lock, 20 ms apart.
const TRIES: u32 = 3000;
/// Longest that a command may wait for a vault in use, in seconds, beside its own work.
const BUSY_SECONDS: f64 = 10.0;

/// A vault with something to lose, and its digest.
fn vault(home: &Home) -> (Carnet, String) {
    let carnet = home.vault("vault", "Ana");
    carnet.run(&["profile", "add", "disease", "--name", "Asthme"]).data();
    let digest = carnet.digest();
    (carnet, digest)
}

#[test]
fn fault_e7_a_wrong_passphrase_ends_with_3_and_loses_nothing() {
    let home = Home::new();
    let (carnet, digest) = vault(&home);
    for wrong in ["trois chevaux bleus devant la gar", "Trois chevaux bleus devant la gare", " "] {
        let other = carnet.with_passphrase(home.secret("wrong", wrong));
        let code = other.run(&["status"]).refused(3);
        assert!(["wrong_passphrase", "passphrase_length"].contains(&code.as_str()), "{code}");
    }
    assert_eq!(carnet.digest(), digest);
}

#[test]
fn fault_j_a_passphrase_file_for_all_or_none_at_all_ends_with_3() {
    let home = Home::new();
    let (carnet, digest) = vault(&home);
    let shared = home.secret("shared", carnet_tests::process::PASSPHRASE);
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o640)).expect("permissions");
    assert_eq!(carnet.with_passphrase(shared).run(&["status"]).refused(3), "file_shared");
    assert_eq!(carnet.run_locked(&["status"]).refused(3), "no_terminal");
    assert_eq!(carnet.digest(), digest);
}

#[test]
fn fault_j_a_secret_or_an_unknown_word_on_the_command_line_ends_with_2_and_is_not_repeated() {
    let home = Home::new();
    let carnet = home.carnet("vault");
    for words in [
        &["status", "--passphrase", "hunter2hunter2"][..],
        &["status", "--passphrase=hunter2hunter2"],
        &["--seed", "hunter2hunter2", "status"],
        &["pair", "join", "--ticket", "hunter2hunter2"],
        &["unlock", "--new-passphrase=hunter2hunter2"],
        &["status", "--frobnicate"],
        &["frobnicate"],
        &["profile", "add", "wish"],
        &[],
    ] {
        for ran in [carnet.run_locked(words), carnet.talk(words)] {
            assert_eq!(ran.code, Some(2), "{words:?}: {}{}", ran.out, ran.err);
            assert!(!format!("{}{}", ran.out, ran.err).contains("hunter2"), "{words:?}: {}{}", ran.out, ran.err);
        }
    }
    assert!(!carnet.vault.exists(), "nothing was made");
}

#[test]
fn a_folder_without_a_vault_and_a_file_that_is_none_are_told_apart() {
    let home = Home::new();
    let carnet = home.carnet("vault");
    assert_eq!(carnet.run(&["status"]).refused(1), "no_vault");
    fs::create_dir(&carnet.vault).expect("a folder");
    fs::copy(format!("{}/scan.png", samples()), carnet.vault.join("vault.carnet")).expect("a file");
    assert_eq!(carnet.run(&["status"]).refused(5), "not_a_vault");
    let made = carnet.run(&["init", "--name", "Ana", "--no-relay", "--no-kit"]);
    assert_eq!(made.refused(5), "not_a_vault", "what is there is not written over");
}

#[test]
fn fault_b5_a_vault_of_an_unknown_version_is_left_as_it_is() {
    let home = Home::new();
    let (carnet, digest) = vault(&home);
    let path = carnet.vault.join("vault.carnet");
    let whole = fs::read(&path).expect("the vault");
    let mut later = whole.clone();
    for copy in [0, 32 * 1024] {
        later[copy + 16..copy + 20].copy_from_slice(&9_u32.to_le_bytes());
    }
    home.file("vault/vault.carnet", &later);
    assert_eq!(carnet.run(&["status"]).refused(1), "vault_version");
    assert_eq!(fs::read(&path).expect("the vault"), later, "not a byte was changed");
    home.file("vault/vault.carnet", &whole);
    assert_eq!(carnet.digest(), digest);
}

#[test]
fn a_foreign_vault_in_the_place_of_ours_is_not_opened() {
    let home = Home::new();
    let (carnet, digest) = vault(&home);
    let other = Home::new();
    let secret = home.secret("other", "un autre secret que personne ne sait");
    let theirs = other.carnet("vault").with_passphrase(secret);
    theirs.run(&["init", "--name", "Zoé", "--no-relay", "--no-kit"]).data();
    let ours = fs::read(carnet.vault.join("vault.carnet")).expect("our vault");
    home.file("vault/vault.carnet", fs::read(theirs.vault.join("vault.carnet")).expect("their vault"));
    assert_eq!(carnet.run(&["profile", "list"]).refused(3), "wrong_passphrase");
    home.file("vault/vault.carnet", ours);
    assert_eq!(carnet.digest(), digest);
}

#[test]
fn fault_b1_a_damaged_vault_is_told_as_damage_and_a_copy_still_opens() {
    let home = Home::new();
    let (carnet, digest) = vault(&home);
    let spare = home.carnet("spare");
    copy(&carnet.vault, &spare.vault);
    let mut bytes = fs::read(carnet.vault.join("vault.carnet")).expect("the vault");
    let start = 73_728;
    for byte in bytes.iter_mut().skip(start).step_by(97) {
        *byte ^= 0x20;
    }
    home.file("vault/vault.carnet", bytes);
    assert_eq!(carnet.run(&["doctor", "--deep"]).refused(5), "damaged");
    assert_eq!(spare.digest(), digest);
}

#[test]
fn fault_a9_a_second_process_waits_for_the_first_and_then_ends_with_75() {
    let home = Home::new();
    let (carnet, _) = vault(&home);
    // A command that reads entries from its standard input holds the vault for as long as nobody closes that.
    let mut first = carnet.start(&["profile", "add", "--from-json", "-"]);
    first.say("[");
    let lock = File::open(carnet.vault.join("vault.lock")).expect("the lock is a file of its own");
    for _ in 0..TRIES {
        if lock.try_lock().is_err() {
            break;
        }
        lock.unlock().expect("our own lock");
        wait(Duration::from_millis(20));
    }
    let begun = uptime();
    let refused = carnet.run(&["measure", "add", "weight", "70"]);
    assert_eq!(refused.refused(75), "busy");
    let waited = uptime() - begun;
    assert!((BUSY_SECONDS - 1.0..BUSY_SECONDS * 6.0).contains(&waited), "waited {waited} s");

    // One that comes while the first is about to end gets its turn, and nothing of either is lost.
    let second = {
        let carnet = carnet.clone();
        std::thread::spawn(move || carnet.run(&["profile", "add", "allergy", "--name", "Pollen"]))
    };
    first.say(r#"{"kind": "disease", "name": "Rhinite"}]"#);
    let (code, said) = first.finish();
    assert_eq!(code, Some(0), "{said:?}");
    second.join().expect("the second command").data();
    let names = carnet.run(&["profile", "list"]).out;
    assert!(["Asthme", "Rhinite", "Pollen"].iter().all(|name| names.contains(name)), "{names}");
}

#[test]
fn fault_g10_another_persons_file_is_refused_and_leaves_nothing() {
    let home = Home::new();
    let carnet = home.carnet("vault");
    carnet.run(&["init", "--name", "Jean", "--birth", "1950-01-01", "--no-relay", "--no-kit"]).data();
    let before = carnet.digest();
    let report = format!("{}/laboratoire.xml", samples());
    let ran = carnet.run(&["import", &report]);
    assert_eq!(ran.refused(1), "other_person");
    assert!(!ran.out.contains("DUFRESNE") && !ran.out.contains("1984"), "no refusal says who it is about: {}", ran.out);
    assert_eq!(carnet.digest(), before, "nothing was written");
    let forced = carnet.run(&["import", "--accept-other-person", &report]);
    assert_eq!(forced.warnings(), ["warning_other_person"]);
    assert!(forced.data()["files"][0]["added"].as_u64().is_some_and(|added| added > 0));
}

#[test]
fn fault_g10_another_persons_export_is_refused_and_ones_own_comes_back() {
    let home = Home::new();
    let theirs = camille(&home, "theirs");
    theirs.run(&["profile", "add", "allergy", "--name", "Arachide"]).data();
    let (archive, digest) = (theirs.export("camille.zip"), theirs.digest());
    let ours = home.carnet("vault");
    ours.run(&["init", "--name", "Jean", "--birth", "1950-01-01", "--no-relay", "--no-kit"]).data();
    let before = ours.digest();
    let ran = ours.run(&["import", text(&archive)]);
    assert_eq!(ran.refused(1), "other_person");
    assert_eq!(ours.digest(), before, "nothing was written");
    // A record that says nothing of its person yet takes it, and says so; the one it was made of finds itself.
    let empty = home.vault("empty", "Quelqu'un");
    let ran = empty.run(&["import", text(&archive)]);
    assert_eq!(ran.warnings(), ["warning_nobody_to_compare"]);
    assert_eq!(empty.digest(), digest);
    let again = theirs.run(&["import", text(&archive)]);
    assert_eq!((again.warnings(), &again.data()["total"]["added"]), (Vec::new(), &serde_json::json!(0)));
}

#[test]
fn fault_g8_a_file_is_what_its_bytes_are_and_not_what_its_name_says() {
    let home = Home::new();
    let carnet = camille(&home, "vault");
    let import = |path: &Path| carnet.run(&["import", text(path)]);
    let pdf = fs::read(format!("{}/radiographie.pdf", samples())).expect("a sample");
    let kept = import(&home.file("photo.xml", &pdf)).data();
    assert_eq!(kept["files"][0]["format"], "pdf", "a PDF under another name is a PDF: {kept}");
    let digest = carnet.digest();

    let zip = fs::read(format!("{}/export.zip", samples())).expect("a sample");
    let mut altered = zip.clone();
    let middle = altered.len() / 3;
    altered[middle] ^= 1;
    for (name, bytes, code) in [
        ("notes.pdf", b"{\"a\": 1}".to_vec(), "format_unknown"),
        ("scan.png", (0..4096_u32).map(|at| u8::try_from(at * 31 % 256).expect("a byte")).collect(), "format_unknown"),
        ("export.zip", zip[..zip.len() / 2].to_vec(), "file_refused"),
        ("report.xml", b"<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><id".to_vec(), "file_refused"),
        ("bundle.json", b"{\"resourceType\": \"Bundle\", \"entry\": [".to_vec(), "file_refused"),
        ("empty.pdf", Vec::new(), "nothing_to_import"),
    ] {
        let ran = import(&home.file(name, bytes));
        assert_eq!(ran.refused(1), code, "{name}: {}", ran.out);
        assert_eq!(carnet.digest(), digest, "{name} left something behind");
    }
    assert_eq!(import(&home.path("nowhere.pdf")).refused(1), "file_unreadable");
    fs::create_dir(home.path("folder")).expect("a folder");
    assert_eq!(import(&home.path("folder")).refused(1), "nothing_to_import");
    let ran = import(&home.file("altered.zip", altered));
    assert_ne!(ran.code, Some(0), "an altered archive is not taken for whole: {}", ran.out);
    assert_eq!(carnet.run(&["doctor", "--deep"]).data()["verified"], true);
}

#[test]
fn what_is_not_there_is_refused_by_its_kind() {
    let home = Home::new();
    let (carnet, digest) = vault(&home);
    assert_eq!(carnet.run(&["profile", "show", "ffffffffffff"]).refused(1), "entry_unknown");
    assert_eq!(carnet.run(&["profile", "remove", "abc"]).refused(1), "entry_ambiguous");
    assert_eq!(carnet.run(&["--record", "Personne", "status"]).code, Some(0), "status is about the whole vault");
    assert_eq!(carnet.run(&["--record", "Personne", "profile", "list"]).refused(2), "record_unknown");
    assert_eq!(carnet.run(&["device", "remove", "ffffffffffff", "--yes"]).refused(1), "device_unknown");
    assert_eq!(carnet.run(&["export", "--out", text(&home.path("x.zip"))]).refused(2), "confirmation_needed");
    assert_eq!(carnet.run(&["profile", "add", "--from-json", "-"]).refused(2), "bad_json");
    assert_eq!(carnet.digest(), digest);
}

#[test]
fn fault_a12_a_full_disk_is_said_and_loses_nothing() {
    let home = Home::new();
    let big = home.file("big.txt", "une ligne de texte qui se repète et qui remplit le disque\n".repeat(300_000));
    let Some(said) = on_own_disk(
        "cli_faults::fault_a12_a_full_disk_is_said_and_loses_nothing",
        &home,
        "12m",
        &format!(
            "run init init --name Ana --no-relay --no-kit
             run disease profile add disease --name Asthme
             run before export --yes --out {home}/before.zip
             run full import {big}
             run doctor doctor --deep
             run after export --yes --out {home}/after.zip",
            home = text(&home.path("")).trim_end_matches('/'),
            big = text(&big),
        ),
    ) else {
        return;
    };
    said("init").data();
    assert_eq!(said("full").refused(1), "disk_full");
    assert_eq!(said("doctor").data()["verified"], true);
    assert_eq!(digest_of(&home, "before.zip"), digest_of(&home, "after.zip"));
}

#[test]
fn fault_a12_what_leaves_for_a_full_disk_is_said_to_fail_and_leaves_no_part() {
    let home = Home::new();
    let carnet = home.carnet("vault");
    carnet.run(&["init", "--name", "Ana", "--no-relay", "--kit-out", text(&home.path("kit.pdf"))]).data();
    let words = home.secret("words", &words_of(&fs::read(home.path("kit.pdf")).expect("the sheet")));
    // Bytes that nothing makes smaller.
    let mut state = 7_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    })
    .take(3 << 20)
    .collect();
    let note = home.file("noise.pdf", [b"%PDF-1.4\n".as_slice(), &noise].concat());
    carnet.run(&["document", "add", text(&note)]).data();
    let digest = carnet.digest();
    let Some(said) = on_own_disk(
        "cli_faults::fault_a12_what_leaves_for_a_full_disk_is_said_to_fail_and_leaves_no_part",
        &home,
        "1m",
        &format!(
            "full=$disk
             disk={home}
             run archive export --yes --out $full/all.zip
             run fhir export --yes --format fhir --out $full/all.json
             run exchange sync --file $full/stick
             run document document show {id} --out $full/noise.pdf
             ls -A \"$full\" >{home}/said/left
             /usr/bin/head -c 2m /dev/zero >\"$full/fill\"
             run kit recovery kit --yes --words-fd 0 --out $full/kit.pdf <{words}
             run small export --yes --section treatments --out $full/small.zip
             run rehearse recovery rehearse --words-fd 0 <{words}
             ls -A \"$full\" >>{home}/said/left",
            home = text(&home.path("")).trim_end_matches('/'),
            id = carnet.run(&["document", "list"]).data()[0]["id"].as_str().expect("an id"),
            words = text(&words),
        ),
    ) else {
        return;
    };
    for name in ["archive", "fhir", "exchange", "document", "kit", "small"] {
        assert_eq!(said(name).refused(1), "disk_full", "{name}");
        assert!(!said(name).err.contains("ZipWriter"), "{name}: {}", said(name).err);
    }
    said("rehearse").data();
    assert_eq!(fs::read_to_string(home.path("said/left")).expect("the list"), "fill\n", "no part is left of any");
    assert_eq!(carnet.digest(), digest);
    assert_eq!(carnet.run(&["doctor", "--deep"]).data()["verified"], true);
}

#[test]
fn fault_a12_a_kit_whose_vault_is_full_never_leaves_a_record_without_its_words() {
    let home = Home::new();
    let carnet = home.carnet("vault");
    carnet.run(&["init", "--name", "Ana", "--no-relay", "--kit-out", text(&home.path("kit.pdf"))]).data();
    let words = home.secret("words", &words_of(&fs::read(home.path("kit.pdf")).expect("the sheet")));
    let Some(said) = on_own_disk(
        "cli_faults::fault_a12_a_kit_whose_vault_is_full_never_leaves_a_record_without_its_words",
        &home,
        "8m",
        &format!(
            "/bin/cp -a {home}/vault \"$disk/vault\"
             /usr/bin/head -c 9m /dev/zero >\"$disk/fill\"
             run kit recovery kit --yes --words-fd 0 --out {home}/new.pdf <{words}
             rm \"$disk/fill\"
             /bin/cp -a \"$disk/vault\" {home}/after",
            home = text(&home.path("")).trim_end_matches('/'),
            words = text(&words),
        ),
    ) else {
        return;
    };
    assert_eq!(
        (said("kit").refused(1), said("kit").warnings()),
        ("disk_full".into(), vec!["warning_kit_uncertain".into()])
    );
    // Nobody can say at that moment which of the two is in force: both sheets are there, and one of them opens it.
    let after = home.carnet("after");
    let opens = |sheet: &str| {
        let words = words_of(&fs::read(home.path(sheet)).expect("the sheet"));
        after.run_with(&["recovery", "rehearse", "--words-fd", "0"], &format!("{words}\n")).code == Some(0)
    };
    assert_ne!(opens("kit.pdf"), opens("new.pdf"));
    assert_eq!(after.run(&["doctor", "--deep"]).data()["verified"], true);
}

#[test]
fn fault_a5_a_read_only_disk_is_said_and_loses_nothing() {
    let home = Home::new();
    let Some(said) = on_own_disk(
        "cli_faults::fault_a5_a_read_only_disk_is_said_and_loses_nothing",
        &home,
        "32m",
        &format!(
            "run init init --name Ana --no-relay --no-kit
             run before export --yes --out {home}/before.zip
             /bin/mount -o remount,ro \"$disk\"
             run add profile add disease --name Asthme
             run new init --name Zoe --no-relay --no-kit
             /bin/mount -o remount,rw \"$disk\"
             run after export --yes --out {home}/after.zip",
            home = text(&home.path("")).trim_end_matches('/'),
        ),
    ) else {
        return;
    };
    said("init").data();
    assert_eq!(said("add").refused(1), "read_only");
    assert_eq!(said("new").refused(1), "read_only");
    assert_eq!(digest_of(&home, "before.zip"), digest_of(&home, "after.zip"));
}

#[test]
fn with_no_network_at_all_everything_works_but_calling_a_relay() {
    let home = Home::new();
    let home_path = text(&home.path("")).trim_end_matches('/').to_owned();
    let Some(said) = apart(
        "cli_faults::with_no_network_at_all_everything_works_but_calling_a_relay",
        &home,
        &["--net"],
        &format!(
            "disk={home_path}
             run init init --name Ana --birth 1984-02-29 --no-relay --no-kit
             run import import {samples}/export.zip {samples}/laboratoire.xml {samples}/scan.png
             run disease profile add disease --name Asthme
             run list profile list
             run document document list
             run log log verify
             run doctor doctor --deep
             run export export --yes --out {home_path}/all.zip
             run handed sync --file {home_path}/stick
             run sync sync --once",
            samples = samples(),
        ),
    ) else {
        return;
    };
    for name in ["init", "import", "disease", "list", "document", "log", "doctor", "export", "handed"] {
        said(name).data();
    }
    // No relay was named: that is said at once, and is no failure of the network.
    assert_ne!(said("sync").code, Some(6));
    let again = home.vault("again", "Ana");
    again.run(&["import", text(&home.path("all.zip"))]).data();
    assert_eq!(again.digest(), home.carnet("vault").digest());
}

fn digest_of(home: &Home, name: &str) -> serde_json::Value {
    let mark = carnet_tests::process::member(&home.path(name), "carnet.json");
    let mark: serde_json::Value = serde_json::from_slice(&mark).expect("JSON");
    assert!(mark["digest"].is_string(), "{mark}");
    mark["digest"].clone()
}

/// Runs `script` where `$disk` is a disk of its own of `size`. See [`apart`].
fn on_own_disk<'a>(test: &str, home: &'a Home, size: &str, script: &str) -> Option<impl Fn(&str) -> Ran + use<'a>> {
    fs::create_dir(home.path("disk")).expect("a folder");
    let mount = format!(
        "disk={disk}
         /bin/mount -t tmpfs -o size={size} none \"$disk\" || exit 99
         {script}",
        disk = text(&home.path("disk")),
    );
    apart(test, home, &["--mount"], &mount)
}

/// Runs `script` with a part of the system of its own (`spaces`); in it, `run NAME WORDS` is the command on the vault
/// in the folder `$disk`. Gives what each said, by its name; nothing where this machine lets nobody do that.
fn apart<'a>(test: &str, home: &'a Home, spaces: &[&str], script: &str) -> Option<impl Fn(&str) -> Ran + use<'a>> {
    fs::create_dir(home.path("said")).expect("a folder");
    let script = format!(
        "run() {{
             name=$1; shift
             {program} --vault \"$disk/vault\" --passphrase-file {passphrase} --json \"$@\" >{said}/$name 2>{said}/$name.err
             echo $? >{said}/$name.code
         }}
         {script}
         exit 0",
        program = text(&program("carnet")),
        passphrase = text(&home.path("passphrase")),
        said = text(&home.path("said")),
    );
    let skipped = |reason: &str| println!("SKIPPED {test}: {reason}");
    if !Path::new("/usr/bin/unshare").exists() || !Path::new("/bin/mount").exists() {
        skipped("no unshare and mount on this machine");
        return None;
    }
    #[expect(clippy::disallowed_methods, reason = "a disk that can be filled needs a name space of its own")]
    let mut command = Command::new("/usr/bin/unshare");
    command.env_clear().env("HOME", home.path("")).env("CARNET_LANG", "en");
    command.args(["--user", "--map-root-user"]).args(spaces).args(["/bin/sh", "-c", &script]);
    let ran = finish(&mut command, "", &["unshare"]);
    if ran.code != Some(0) {
        skipped(&format!("this machine lets nobody set a part of it apart: {}", ran.err.trim()));
        return None;
    }
    Some(move |name: &str| {
        let read = |name: &str| fs::read_to_string(home.path("said").join(name)).expect("every command was run");
        Ran::of(name, read(&format!("{name}.code")).trim().parse().ok(), read(name), read(&format!("{name}.err")))
    })
}
