//! What the operator does: audit, backup, restore, the command itself.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use carnet_crypto::door::UnixMillis;
use carnet_protocol::{
    checkpoint::Succession,
    frame::{Cause, Frame, Item, Mismatch, Reconcile, RelayAddress},
};
use carnet_relay::{audit, backup, restore, status};

use crate::{
    client::{Client, Device, RunningRelay, folder},
    world::{NOTES, Pen, START, World},
};

#[tokio::test]
async fn an_audit_shows_pseudonyms_counts_sizes_and_times_while_the_relay_runs() {
    let folder = folder();
    let data = folder.path().join("relay");
    let relay = RunningRelay::start(&data).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    let mut items = world.items();
    items.extend([256, 256, 30_000].map(|size| pen.write(&world, size)));
    client.push(&mut world, items).await;
    let audit = audit(&data, UnixMillis(START)).unwrap();
    let record = &audit.records[0];
    assert_eq!(record.record, world.record().to_string());
    assert_eq!(record.authors, [world.owner.id.to_string()]);
    assert_eq!(record.operations.iter().collect::<Vec<_>>(), [(&"genesis", &1), (&"rekey", &1)]);
    let section = &record.sections[0];
    assert_eq!((section.envelopes, section.kinds["changes"], section.feeds.len()), (3, 3, 1));
    assert_eq!(section.sizes.values().sum::<u64>(), 3);
    assert_eq!(status(&data).unwrap(), audit.status);
    relay.stop().await;
}

#[tokio::test]
async fn fault_b4_a_restored_relay_begins_a_new_store_epoch_and_gets_back_what_it_lacks() {
    let folder = folder();
    let (data, file, restored) =
        (folder.path().join("relay"), folder.path().join("backup"), folder.path().join("restored"));
    let relay = RunningRelay::start(&data).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let mut pen = Pen::new(&world.owner, NOTES);
    let mut items = world.items();
    items.extend((0..3).map(|n| pen.write(&world, if n == 1 { 50_000 } else { 256 })));
    client.push(&mut world, items).await;
    backup(&data, &file).unwrap();
    assert!(backup(&data, &file).is_err(), "a backup is never overwritten");
    let phone = world.second(2);
    let added = world.last();
    let items = vec![added, pen.write(&world, 256), pen.write(&world, 256)];
    let pushed = client.push(&mut world, items.clone()).await;
    let last = client.pull(&mut world).await.checkpoint.unwrap();
    let (known, views) = (client.known.clone(), client.views);
    relay.stop().await;

    restore(&file, &restored, UnixMillis(START + 9_000_000)).unwrap();
    assert!(restore(&file, &restored, UnixMillis(START)).is_err(), "an existing relay is never replaced");
    let again = folder.path().join("again");
    restore(&file, &again, UnixMillis(START + 9_001_000)).unwrap();
    let epochs = [&data, &restored, &again].map(|data| status(data).unwrap().store_epoch);
    assert!(epochs.is_sorted_by(|a, b| a < b), "each restoration is a life of its own: {epochs:?}");

    let relay = RunningRelay::start(&restored).await;
    assert_eq!(relay.address.key, client.relay, "the same relay");
    let mut client = Client::create(&device, &relay.address, &world).await;
    (client.known, client.views) = (known, views);
    let pull = client.next_pull(false);
    client.known.sections.clear();
    client.known.membership = None;
    client.line.say(&Frame::Pull(pull)).await;
    let brought = client.brought(&mut world, Cause::Pull).await;
    assert_eq!(brought.mismatches, [Mismatch::Membership, Mismatch::Section(0)]);
    let checkpoint = brought.checkpoint.unwrap().checkpoint;
    assert_eq!(checkpoint.compare(&last.checkpoint), Succession::Restored, "no alarm");
    client.line.say(&Frame::Reconcile(Reconcile { section: NOTES, entries: vec![] })).await;
    client.known.forget(&NOTES);
    let Some(Frame::Vector(vector)) = client.line.hear().await else { panic!() };
    assert_eq!(vector.entries[0].seq, 3, "what it still has");
    client.brought(&mut world, Cause::Reconcile).await;
    // Offered again, the operation with the receipt of the relay's earlier life.
    let Item::Operation(mut operation) = items[0].clone() else { panic!() };
    operation.receipts.push(pushed.receipts[0].1);
    let mut items = items;
    items[0] = Item::Operation(operation);
    assert_eq!(client.push(&mut world, items).await.refusals, []);
    let mut reader = Client::hello(&device, &relay.address, &world, &phone).await;
    let brought = reader.pull(&mut world).await;
    assert_eq!(brought.envelopes(NOTES).len(), 5);
    let receipts: Vec<_> = brought.operations.iter().map(|operation| operation.receipts.len()).collect();
    assert_eq!(receipts, [1, 1, 2], "both receipts are kept");
    relay.stop().await;
}

#[tokio::test]
async fn fault_b2_a_cut_or_altered_backup_is_refused() {
    let folder = folder();
    let (data, file) = (folder.path().join("relay"), folder.path().join("backup"));
    let relay = RunningRelay::start(&data).await;
    let mut world = World::new(&relay.address.key, 5);
    let device = Device::new(1).await;
    let mut client = Client::create(&device, &relay.address, &world).await;
    let mut items = world.items();
    items.push(Pen::new(&world.owner, NOTES).write(&world, 20_000));
    client.push(&mut world, items).await;
    backup(&data, &file).unwrap();
    relay.stop().await;
    let whole = std::fs::read(&file).unwrap();
    let damaged = folder.path().join("damaged");
    let mut tried = 0;
    for at in (0..whole.len()).step_by(whole.len() / 19) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        for bytes in [whole[..at].to_vec(), flipped] {
            std::fs::write(&damaged, bytes).unwrap();
            let target = folder.path().join(format!("target{tried}"));
            assert!(restore(&damaged, &target, UnixMillis(0)).is_err(), "{at}");
            assert!(!target.join("relay.toml").exists(), "what was refused does not look like a relay");
            tried += 1;
        }
    }
    let longer = [whole, vec![0]].concat();
    std::fs::write(&damaged, longer).unwrap();
    assert!(restore(&damaged, &folder.path().join("longer"), UnixMillis(0)).is_err());
}

fn command(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_carnet-relay")).args(arguments).output().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn the_command_makes_runs_audits_backs_up_and_restores_a_relay() {
    let folder = tempfile::tempdir().unwrap();
    let (data, file, copy) = (folder.path().join("data"), folder.path().join("backup"), folder.path().join("copy"));
    let made = command(&["init", "--data", text(&data), "--policy", "token", "--lang", "en"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert!(made.stdout.is_empty() && String::from_utf8_lossy(&made.stderr).contains("The relay is ready"));
    assert_eq!(command(&["init", "--data", text(&data)]).status.code(), Some(1), "a relay is never replaced");
    assert_eq!(command(&["serve"]).status.code(), Some(2));
    let nowhere = command(&["serve", "--data", text(&data), "--listen", "192.0.2.1:1"]);
    assert_eq!(nowhere.status.code(), Some(6), "{}", String::from_utf8_lossy(&nowhere.stderr));

    let mut running = Command::new(env!("CARGO_BIN_EXE_carnet-relay"))
        .args(["serve", "--data", text(&data), "--listen", "127.0.0.1:0", "--json", "--quiet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines();
    let first: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!((&first["schema"], &first["event"]), (&"carnet.cli/1".into(), &"listening".into()));
    let address = first["address"].as_str().unwrap();
    assert!(!address.contains(' ') && address.parse::<RelayAddress>().unwrap().token.is_some());
    let second = command(&["serve", "--data", text(&data), "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(75), "one process serves one folder");
    let status = command(&["status", "--data", text(&data), "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!((&status["event"], &status["records"]), (&"status".into(), &0.into()));
    let audited = command(&["audit", "--data", text(&data), "--out", "-"]);
    let audited: serde_json::Value = serde_json::from_slice(&audited.stdout).unwrap();
    assert_eq!(audited["schema"], "carnet.relay-audit/1");
    let page = folder.path().join("audit.json");
    assert!(command(&["audit", "--data", text(&data), "--out", text(&page)]).status.success());
    let again = command(&["audit", "--data", text(&data), "--out", text(&page)]);
    assert!(!again.status.success());
    let named = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(named.contains("audit.json"), "{named}");
    assert!(command(&["backup", "--data", text(&data), "--out", text(&file)]).status.success());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for file in [&file, &page] {
            assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let stopped = Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap();
        assert!(stopped.success());
        assert!(running.wait().unwrap().success());
        let last: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(last["event"], "stopped");
    }
    let _ = running.kill();
    assert!(command(&["restore", "--from", text(&file), "--data", text(&copy)]).status.success());
    assert!(command(&["gc", "--data", text(&copy)]).status.success());
    std::fs::write(&file, b"nonsense").unwrap();
    let broken = command(&["restore", "--from", text(&file), "--data", text(&folder.path().join("x"))]);
    assert_eq!(broken.status.code(), Some(5));
    let french = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert!(french.contains("sauvegarde"), "{french}");
}
