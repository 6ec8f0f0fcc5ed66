//! The relay of a world: the real one, on a folder of its own, that can be killed and started again.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
    sync::Arc,
};

use carnet_crypto::{
    door::{Clock, UnixMillis},
    sign::SigningKey,
};
use carnet_relay::{Ends, Policy, Relay};
use carnet_vault::RelayAddress;
use rand::rngs::StdRng;

use crate::{
    device::NodeClock,
    executor::{Executor, NodeId},
    network::{Net, Opened},
};

/// A relay and its data.
pub(crate) struct RelayNode {
    pub(crate) id: NodeId,
    pub(crate) clock: Arc<NodeClock>,
    pub(crate) address: RelayAddress,
    data: PathBuf,
    /// How often it was started: each life has a folder of its own.
    lives: u32,
    net: Net,
    executor: Executor,
    running: Option<Relay>,
}

impl RelayNode {
    /// Makes a relay under `folder`, that takes records from everybody, and starts it.
    pub(crate) fn new(id: NodeId, folder: &Path, rng: &mut StdRng, net: &Net, executor: &Executor) -> Self {
        let data = folder.join(format!("relay-{id}-0"));
        carnet_relay::init(&data, Policy::Open, rng).unwrap();
        let key = SigningKey::from_seed(&seed_of(&data)).public();
        let port = u16::try_from(id).unwrap() + 1_000;
        let address = RelayAddress::new(key, vec![([127, 0, 0, 1], port).into()], None);
        let (net, executor) = (net.clone(), executor.clone());
        let clock = NodeClock::new(&net);
        let mut relay = Self { id, clock, address, data, lives: 0, net, executor, running: None };
        relay.start();
        relay
    }

    /// What its key grows from, which a relay that lies has too.
    pub(crate) fn seed(&self) -> [u8; 32] {
        seed_of(&self.data)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// Starts on what is in its folder.
    pub(crate) fn start(&mut self) {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let (relay, desk) = Relay::open(&self.data, clock).expect("a relay that was killed starts again");
        drop(self.executor.spawn(self.id, desk.run()));
        self.net.join(self.id, self.address.key, None);
        self.running = Some(relay);
    }

    /// Its process is killed: what it wrote is there, what it had in memory is gone.
    pub(crate) fn die(&mut self) {
        let life = self.copy_data();
        self.net.vanish(self.id);
        self.running = None;
        self.executor.kill(self.id);
        fs::remove_dir_all(&self.data).unwrap();
        self.data = life;
    }

    /// While it does not run, deletes what confirmed snapshots cover.
    pub(crate) fn collect(&self) -> u64 {
        let now = UnixMillis(self.clock.now().0);
        let collected = carnet_relay::collect(&self.data, now, 0).expect("a relay collects");
        collected.envelopes
    }

    /// Serves a stream that a device opened.
    pub(crate) fn answer(&self, opened: Opened) {
        let Some(relay) = &self.running else { return };
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let ends = Ends { incoming: Box::new(opened.incoming), outgoing: Box::new(opened.outgoing) };
        drop(self.executor.spawn(self.id, relay.answer(ends, opened.exporter, address)));
    }

    fn copy_data(&mut self) -> PathBuf {
        self.lives += 1;
        let to = self.data.with_file_name(format!("relay-{}-{}", self.id, self.lives));
        copy_folder(&self.data, &to);
        to
    }
}

fn seed_of(data: &Path) -> [u8; 32] {
    *fs::read(data.join("relay.key")).unwrap().first_chunk().unwrap()
}

/// Copies a folder with everything in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
