//! The Secret Service of Linux desktops, over the session bus (Secret Service API draft 0.2, freedesktop.org).
//!
//! The key crosses the bus under a key agreed for the connection. No prompt of the service is ever begun, so that a
//! command waits for nobody, and no answer is waited for longer than [`PATIENCE`].

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use secret_service::{EncryptionType, Error, Item, SearchItemsResult, SecretService};
use zeroize::Zeroizing;

use super::{LABEL, Unkept};

/// How long the service may take for all that one call asks of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is kept, as the service wants to know it.
const CONTENT_TYPE: &str = "application/octet-stream";

pub(super) fn keep(name: &str, key: &[u8]) -> Result<(), Unkept> {
    ask(async |service| {
        let collection = service.get_default_collection().await?;
        collection.ensure_unlocked().await?;
        collection.create_item(LABEL, attributes(name), key, true, CONTENT_TYPE).await?;
        Ok(())
    })
}

pub(super) fn key(name: &str) -> Result<Zeroizing<Vec<u8>>, Unkept> {
    ask(async |service| Ok(Zeroizing::new(item(service.search_items(attributes(name)).await?)?.get_secret().await?)))
}

pub(super) fn forget(name: &str) -> Result<(), Unkept> {
    ask(async |service| Ok(item(service.search_items(attributes(name)).await?)?.delete().await?))
}

/// By what an entry is found again: whose it is, and its random name.
fn attributes(name: &str) -> HashMap<&str, &str> {
    HashMap::from([("application", "carnet"), ("vault-key", name)])
}

fn item(mut found: SearchItemsResult<Item<'_>>) -> Result<Item<'_>, Trouble> {
    match (found.unlocked.pop(), found.locked.is_empty()) {
        (Some(item), _) => Ok(item),
        (None, false) => Err(Trouble(Unkept::Locked)),
        (None, true) => Err(Trouble(Unkept::NoEntry)),
    }
}

/// Connects, does `work` and hangs up.
fn ask<T>(work: impl AsyncFnOnce(&SecretService<'_>) -> Result<T, Trouble>) -> Result<T, Unkept> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Unkept::Refused(error.to_string()))?;
    let work = async {
        let service = SecretService::connect(EncryptionType::Dh).await?;
        work(&service).await
    };
    let done = runtime.block_on(async { tokio::time::timeout(PATIENCE, work).await });
    done.map_err(|_| Unkept::Silent)?.map_err(|Trouble(unkept)| unkept)
}

/// What went wrong on the way.
struct Trouble(Unkept);

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self(match error {
            // No bus, nobody on it who keeps keys, or nothing that keys could be put in.
            Error::Unavailable | Error::NoResult => Unkept::Absent,
            Error::Locked | Error::Prompt | Error::PromptDisconnected => Unkept::Locked,
            error if is_without_bus(&error) || is_nobody(&error.to_string()) => Unkept::Absent,
            error => Unkept::Refused(error.to_string()),
        })
    }
}

/// Whether there is no bus at the place where one should be.
fn is_without_bus(error: &Error) -> bool {
    let error: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(error), |error| error.source())
        .any(|cause| cause.is::<io::Error>() || cause.is::<Arc<io::Error>>())
}

/// Whether the bus says by the name of its error that there is no Secret Service, and none that it could start.
fn is_nobody(error: &str) -> bool {
    ["ServiceUnknown", "NameHasNoOwner", "Spawn"]
        .iter()
        .any(|name| error.contains(&format!("org.freedesktop.DBus.Error.{name}")))
}
