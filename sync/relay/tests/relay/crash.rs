//! `kill -9` of the real binary in the middle of writes. Whatever was acknowledged must be there afterwards.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use carnet_crypto::digest::content_hash;
use carnet_protocol::frame::{Frame, Item, ObjectAsked, ObjectId, ObjectPart, Push, RelayAddress};

use crate::{
    client::{Client, Device},
    world::{LETTERS, NOTES, Pen, World},
};

/// Times the relay is killed.
const KILLS: usize = 20;

struct Killable {
    child: Child,
    address: RelayAddress,
}

impl Killable {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_carnet-relay"))
            .args(["serve", "--data", data.to_str().unwrap(), "--listen", "127.0.0.1:0", "--json", "--quiet"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let event: serde_json::Value = serde_json::from_str(&line).expect("the relay starts again after a kill");
        let address = event["address"].as_str().unwrap().parse().unwrap();
        Self { child, address }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_a10_what_was_acknowledged_survives_kill_9_at_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let made = Command::new(env!("CARGO_BIN_EXE_carnet-relay"))
        .args(["init", "--data", data.to_str().unwrap(), "--quiet"])
        .status()
        .unwrap();
    assert!(made.success());
    let mut device = Device::new(1).await;
    let mut relay = Killable::start(&data);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut world = World::begin(&relay.address.key, 5, u64::try_from(now.as_millis()).unwrap() - 60_000);
    let mut client = Client::create(&device, &relay.address, &world).await;
    let items = world.items();
    assert_eq!(client.push(&mut world, items).await.refusals, []);
    let mut pens = [Pen::new(&world.owner, NOTES), Pen::new(&world.owner, LETTERS)];
    let mut acknowledged = [0_usize; 2];
    let (mut objects, mut stored_early, mut cut_off): (Vec<ObjectId>, usize, usize) = (Vec::new(), 0, 0);
    for round in 0..KILLS {
        let delay = Duration::from_millis(u64::try_from(3 + (round * 37) % 90).unwrap());
        let stopwatch = tokio::time::sleep(delay);
        tokio::pin!(stopwatch);
        let writing = write_until_gone(&mut client, &world, &mut pens, &mut acknowledged, &mut objects);
        tokio::select! {
            () = writing => panic!("the relay went away by itself"),
            () = &mut stopwatch => {}
        }
        relay.kill();
        relay = Killable::start(&data);
        // The relay comes back elsewhere; an endpoint that believes in its old path would wait for it to time out.
        device = Device::new(1).await;
        client = Client::create(&device, &relay.address, &world).await;
        let brought = client.pull(&mut world).await;
        assert_eq!(brought.mismatches, []);
        for (pen, acknowledged) in pens.iter_mut().zip(&mut acknowledged) {
            let there = brought.envelopes(pen.section);
            let written: Vec<_> = pen.written.iter().map(|(_, bytes)| bytes.clone()).collect();
            assert!(there.len() >= *acknowledged, "round {round}: {} of {acknowledged}", there.len());
            assert_eq!(there[..], written[..there.len()], "round {round}: in their order, unaltered");
            stored_early += there.len() - *acknowledged;
            cut_off += written.len() - there.len();
            // What has no acknowledgement is sent again.
            let again = pen.items_from(there.len());
            for part in again.chunks(64) {
                assert_eq!(client.push(&mut world, part.to_vec()).await.refusals, []);
            }
            *acknowledged = written.len();
        }
        for object in &objects {
            let Frame::ObjectState(state) = client.line.ask(&Frame::ObjectAsked(ObjectAsked { object: *object })).await
            else {
                panic!()
            };
            assert!(state.complete, "round {round}: an acknowledged object");
        }
    }
    relay.kill();
    let total: usize = acknowledged.iter().sum();
    assert!(total > KILLS, "writes went on while the relay was killed");
    // The control: had acknowledgements come before the commit, these would have been lost.
    assert!(stored_early + cut_off > 0, "no kill came in the middle of a write");
    println!(
        "kill -9: {KILLS} · acknowledged {total} envelopes, {} objects · lost 0 · without acknowledgement: \
         stored {stored_early}, cut off {cut_off}",
        objects.len()
    );
}

/// Pushes small and large envelopes and objects, noting what is acknowledged, until it is interrupted.
async fn write_until_gone(
    client: &mut Client,
    world: &World,
    pens: &mut [Pen; 2],
    acknowledged: &mut [usize; 2],
    objects: &mut Vec<ObjectId>,
) {
    for step in 0_usize.. {
        let which = step % 2;
        let pen = &mut pens[which];
        let count = 1 + step % 5;
        let items: Vec<Item> =
            (0..count).map(|n| pen.write(world, if (step + n) % 7 == 0 { 40_000 } else { 256 })).collect();
        let sent = client.line.send.write_all(&Frame::Push(Push { items }).encode()).await;
        if sent.is_err() {
            return std::future::pending().await;
        }
        match client.line.hear().await {
            Some(Frame::Pushed(pushed)) if pushed.refusals.is_empty() => acknowledged[which] += count,
            Some(other) => panic!("{other:?}"),
            None => return std::future::pending().await,
        }
        if step % 3 == 2 {
            let bytes = vec![u8::try_from(step % 256).unwrap(); 50_000 + step];
            let object = ObjectId(content_hash(&bytes));
            let total = u64::try_from(bytes.len()).unwrap();
            let put = Frame::ObjectPut(ObjectPart { object, total, start: 0, bytes });
            if client.line.send.write_all(&put.encode()).await.is_err() {
                return std::future::pending().await;
            }
            match client.line.hear().await {
                Some(Frame::ObjectState(state)) if state.complete => objects.push(object),
                Some(other) => panic!("{other:?}"),
                None => return std::future::pending().await,
            }
        }
    }
}
