//! The far end of a relay's streams, as fast as the relay lets it be: it believes every checkpoint.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use carnet_crypto::sign::PublicKey;
use carnet_protocol::checkpoint::Head;
use carnet_protocol::frame::{
    Create, Cursor, Frame, FrameHeader, Hello, Item, Pull, Push, RELAY_ALPN, RelayAddress, StreamRole,
    hello::EXPORTER_LABEL,
};
use carnet_relay::{Config, Policy, ServeOptions, init, serve};
use iroh::{
    Endpoint, EndpointAddr, RelayMode, SecretKey, TransportAddr,
    endpoint::{Connection, RecvStream, SendStream, presets},
};
use rand::{rand_core::UnwrapErr, rngs::SysRng};

use super::story::Story;
use crate::{people::Now, report::Failure, settings::CHILD};

/// A relay in a process of its own, which ends with this value.
pub(crate) struct RelayProcess {
    /// Where it listens.
    pub(crate) address: RelayAddress,
    child: Child,
}

impl RelayProcess {
    /// Makes a relay in `data`, if there is none, and starts it.
    pub(crate) fn start(data: &Path) -> Result<Self, Failure> {
        if !data.exists() {
            init(data, Policy::Open, &mut UnwrapErr(SysRng))?;
            let mut config = Config::default();
            config.limits.connections_per_address_max = config.limits.connections_max;
            config.limits.requests_per_device_per_minute = u32::MAX;
            config.limits.streams_per_address_per_minute = u32::MAX;
            fs::write(data.join("relay.toml"), config.to_text())?;
        }
        let mut child = Command::new(std::env::current_exe()?)
            .args([CHILD, "relay"])
            .arg(data)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("the relay has no voice")?).read_line(&mut line)?;
        Ok(Self { address: line.trim().parse().map_err(|_| "the relay did not start")?, child })
    }

    /// The number of its process.
    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Ends it in good order.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The work of that process: a relay until nobody holds its standard input.
pub(crate) fn relay_alone(data: &Path) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new()?;
    let options = ServeOptions { data: data.to_owned(), listen: vec!["127.0.0.1:0".parse()?] };
    let listening = |address: &RelayAddress| println!("{address}");
    let ended = async {
        let mut byte = [0];
        drop(tokio::io::AsyncReadExt::read(&mut tokio::io::stdin(), &mut byte).await);
    };
    runtime.block_on(serve(options, Arc::new(Now), listening, ended))?;
    Ok(())
}

/// An endpoint of a device.
pub(crate) async fn endpoint(number: u64) -> Result<Endpoint, Failure> {
    let mut seed = [0x42; 32];
    seed[..8].copy_from_slice(&number.to_le_bytes());
    let builder = Endpoint::builder(presets::Minimal)
        .secret_key(SecretKey::from_bytes(&seed))
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0".parse::<SocketAddr>()?)?;
    Ok(builder.bind().await?)
}

/// One stream of one device of a story.
pub(crate) struct Client {
    send: SendStream,
    receive: RecvStream,
    connection: Connection,
}

impl Client {
    /// Brings the record of a story to the relay, with its keys.
    pub(crate) async fn create(endpoint: &Endpoint, relay: &RelayAddress, story: &Story) -> Result<Self, Failure> {
        let mut client = Self::connect(endpoint, relay).await?;
        let proof = StreamRole::Device.prove(&story.key, &story.record(), &client.exporter()?);
        client.welcomed(&Frame::Create(Create { token: None, proof, genesis: story.genesis.clone() })).await?;
        client.push(vec![Item::Operation(story.rekey.clone())]).await?;
        Ok(client)
    }

    /// Opens a stream of a record that the relay has.
    pub(crate) async fn hello(endpoint: &Endpoint, relay: &RelayAddress, story: &Story) -> Result<Self, Failure> {
        let mut client = Self::connect(endpoint, relay).await?;
        let proof = StreamRole::Device.prove(&story.key, &story.record(), &client.exporter()?);
        client.welcomed(&Frame::Hello(Hello { record: story.record(), device: story.device, proof })).await?;
        Ok(client)
    }

    async fn connect(endpoint: &Endpoint, relay: &RelayAddress) -> Result<Self, Failure> {
        let PublicKey(key) = relay.key;
        let sockets = relay.addresses.iter().copied().map(TransportAddr::Ip);
        let address = EndpointAddr::from_parts(iroh::PublicKey::from_bytes(&key)?, sockets);
        let connection = endpoint.connect(address, RELAY_ALPN).await?;
        let (send, receive) = connection.open_bi().await?;
        Ok(Self { send, receive, connection })
    }

    fn exporter(&self) -> Result<[u8; 32], Failure> {
        let mut exporter = [0; 32];
        let exported = self.connection.export_keying_material(&mut exporter, EXPORTER_LABEL, b"");
        exported.map_err(|_| "the connection gives no keying material")?;
        Ok(exporter)
    }

    async fn welcomed(&mut self, frame: &Frame) -> Result<(), Failure> {
        self.say(frame).await?;
        match self.hear().await? {
            Frame::Welcome => Ok(()),
            other => Err(format!("the relay answered {:?}", other.kind()).into()),
        }
    }

    /// Sends a frame.
    pub(crate) async fn say(&mut self, frame: &Frame) -> Result<(), Failure> {
        Ok(self.send.write_all(&frame.encode()).await?)
    }

    /// Hears a frame.
    pub(crate) async fn hear(&mut self) -> Result<Frame, Failure> {
        let mut header = [0; FrameHeader::BYTES];
        self.receive.read_exact(&mut header).await?;
        let header = FrameHeader::parse(header).map_err(|_| "no header of a frame")?;
        let mut body = vec![0; header.body_bytes];
        self.receive.read_exact(&mut body).await?;
        Ok(Frame::decode(header, &body).map_err(|_| "no frame")?)
    }

    /// Pushes, and waits until it is durable.
    pub(crate) async fn push(&mut self, items: Vec<Item>) -> Result<(), Failure> {
        self.say(&Frame::Push(Push { items })).await?;
        self.pushed().await
    }

    /// Waits for the answer to a push.
    pub(crate) async fn pushed(&mut self) -> Result<(), Failure> {
        match self.hear().await? {
            Frame::Pushed(pushed) if pushed.refusals.is_empty() => Ok(()),
            Frame::Pushed(pushed) => Err(format!("the relay refused {:?}", pushed.refusals.first()).into()),
            other => Err(format!("the relay answered {:?}", other.kind()).into()),
        }
    }

    /// Asks for everything from the beginning and throws it away. Gives the number of envelopes and their bytes.
    pub(crate) async fn pull_all(&mut self) -> Result<(usize, usize), Failure> {
        self.pull_from_start().await?;
        self.drain().await
    }

    async fn pull_from_start(&mut self) -> Result<(), Failure> {
        let membership = Cursor::at(&Head::START);
        let pull = Pull { store_epoch: 0, take_snapshots: false, membership, views: 0, sections: Vec::new() };
        self.say(&Frame::Pull(pull)).await
    }

    /// Hears frames up to the end of an answer.
    pub(crate) async fn drain(&mut self) -> Result<(usize, usize), Failure> {
        let (mut envelopes, mut bytes) = (0, 0);
        loop {
            match self.hear().await? {
                Frame::Tail(tail) => {
                    envelopes += tail.envelopes.len();
                    bytes += tail.envelopes.iter().map(Vec::len).sum::<usize>();
                }
                Frame::Operations(_) => {}
                Frame::Pulled(_) => return Ok((envelopes, bytes)),
                other => return Err(format!("the relay answered {:?}", other.kind()).into()),
            }
        }
    }
}
