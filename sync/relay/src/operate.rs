//! Making a relay, and running it.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use carnet_crypto::{door::Clock, fault::Fault};
use carnet_protocol::frame::RelayAddress;

use crate::{
    config::{CONFIG_FILE, Config, ConfigError, Policy},
    key::{self, NodeKey, SecretFileError},
    mailbox::{Books, Shelf},
    net::{BindError, Listener},
    relay::Shared,
    slot,
    store::{
        Store, StoreError,
        writer::{Desk, Writer},
    },
    stream::{self, Ends, Peer},
};

/// How often what has expired is taken away.
const TIDY_EVERY: Duration = Duration::from_mins(10);

/// A relay could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// There is one already; it is kept.
    #[error("{0} holds a relay already")]
    Exists(PathBuf),
    /// The folder or a file in it.
    #[error("{path}: {source}")]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The key or the token.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl InitError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Exists(_) => Fault::Caller,
            Self::Io { .. } => Fault::Disk,
            Self::Secret(error) => error.fault(),
            Self::Store(error) => error.fault(),
        }
    }
}

/// A relay could not run, or had to stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The sockets.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// `relay.toml`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The key or the token.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ServeError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Bind(error) => error.fault(),
            Self::Config(error) => error.fault(),
            Self::Secret(error) => error.fault(),
            Self::Store(error) => error.fault(),
        }
    }
}

/// Where a relay runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeOptions {
    /// The folder that [`init`] made.
    pub data: PathBuf,
    /// The sockets to listen on, one or more; port 0 lets the system choose.
    pub listen: Vec<SocketAddr>,
}

/// Makes a relay in `data`: the folder, `relay.toml`, the key, the token if `policy` asks for one, an empty store.
///
/// # Errors
/// [`InitError`]; an existing relay is left as it is.
pub fn init(data: &Path, policy: Policy, rng: &mut impl rand::CryptoRng) -> Result<(), InitError> {
    create_folder(data)?;
    NodeKey::create(data, rng)?;
    if policy == Policy::Token {
        key::create_token(data, rng)?;
    }
    Store::create(data, 1)?;
    write_config(data, &Config { policy, ..Config::default() })
}

/// Makes an empty folder that only its owner reads, or takes one that holds no relay.
pub(crate) fn create_folder(data: &Path) -> Result<(), InitError> {
    let failed = |source| InitError::Io { path: data.to_owned(), source };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(data).map_err(failed)?;
    if data.join(CONFIG_FILE).exists() {
        return Err(InitError::Exists(data.to_owned()));
    }
    Ok(())
}

/// Writes `relay.toml` last: a folder with it holds a whole relay.
pub(crate) fn write_config(data: &Path, config: &Config) -> Result<(), InitError> {
    let path = data.join(CONFIG_FILE);
    let text = config.to_text().map_err(|source| InitError::Io { path: path.clone(), source })?;
    Ok(key::write_secret_file(&path, text.as_bytes())?)
}

/// A relay without sockets: streams are brought to it. [`serve`] is one with sockets.
pub struct Relay {
    shared: Arc<Shared>,
}

impl Relay {
    /// Opens the relay in `data`, where [`init`] made it. Nothing is written before the desk works.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn open(data: &Path, clock: Arc<dyn Clock>) -> Result<(Self, Desk), ServeError> {
        let config = Config::read(data)?;
        let key = Arc::new(NodeKey::read(data)?);
        let token = match config.policy {
            Policy::Open => None,
            Policy::Token => Some(key::read_token(data)?),
        };
        let store = Arc::new(Store::open(data)?);
        let shelf = Arc::new(Shelf::default());
        let limits = config.limits.clone();
        let books = Books::new(&store, Arc::clone(&shelf), Arc::clone(&key), Arc::clone(&clock), limits)?;
        let (writer, desk) = Writer::new(Arc::clone(&store), books);
        let shared = Arc::new(Shared::new(store, writer, shelf, key, clock, config, token));
        Ok((Self { shared }, desk))
    }

    /// Serves one stream, on a connection from `address` with this exporter, to its end.
    pub fn answer(&self, ends: Ends, exporter: [u8; 32], address: IpAddr) -> impl Future<Output = ()> + Send + use<> {
        stream::serve(Peer::new(Arc::clone(&self.shared), address, exporter), ends)
    }
}

/// Runs the relay in `options.data` until `shutdown`. `listening` is called once, with the address for devices.
///
/// Whatever was acknowledged is durable; stopping in the middle of anything loses nothing else than time.
///
/// # Errors
/// [`ServeError`], before `listening`, or later when the store fails: then nothing more is acknowledged.
pub async fn serve(
    options: ServeOptions,
    clock: Arc<dyn Clock>,
    listening: impl FnOnce(&RelayAddress),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (relay, desk) = Relay::open(&options.data, clock)?;
    let thread = desk.start().map_err(StoreError::from)?;
    let Relay { shared } = relay;
    let writer = shared.writer.clone();
    let listener = Listener::bind(shared.key.expose_seed(), &options.listen).await?;
    tidy(&writer).await?;
    listening(&RelayAddress { token: shared.token, ..listener.address() });
    let tidying = tokio::spawn(keep_tidy(writer.clone()));
    let mut is_poisoned = false;
    let stopped = async {
        tokio::select! {
            () = shutdown => {}
            () = writer.poisoned() => is_poisoned = true,
        }
    };
    listener.serve(shared, stopped).await;
    tidying.abort();
    let _ = tidying.await;
    drop(writer);
    // Streams that still hold the writer end within their own time limits; a poisoned writer has ended already.
    let _ = tokio::time::timeout(Duration::from_secs(5), tokio::task::spawn_blocking(move || thread.join())).await;
    if is_poisoned { Err(StoreError::Poisoned.into()) } else { Ok(()) }
}

async fn keep_tidy(writer: Writer) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        if tidy(&writer).await.is_err() {
            return;
        }
    }
}

async fn tidy(writer: &Writer) -> Result<(), StoreError> {
    writer.write(1, |books, group| slot::expire(group, books.now())).await
}
