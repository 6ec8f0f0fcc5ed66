//! `sync`: one exchange of a record with its relay.

use carnet_sync::{sync_with_relay, trust_relay_again};
use carnet_vault::{Record, RelayAddress};
use serde_json::Value;

use crate::{
    error::Failure,
    msg,
    network::{self, Teller, synced_json, synced_page, synced_warnings},
    session::Session,
    ui::Report,
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    once: bool,
    #[arg(long, value_name = "ADDR")]
    relay: Option<String>,
    #[arg(long)]
    trust_again: bool,
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    let named: Option<RelayAddress> =
        options.relay.as_ref().map(|text| text.parse()).transpose().map_err(|_| Failure::BadRelay)?;
    let mut vault = session.open()?;
    let meant = session.meant(&vault)?;
    if let Some(relay) = &named {
        name_relay(&mut vault.record(&meant.id)?, relay)?;
    }
    if options.trust_again {
        session.ui.confirm(&msg!("ask-trust-again", name = &meant.label))?;
    }
    let exchanged = network::run(vault, async |node, shared| {
        if options.trust_again {
            trust_relay_again(shared, meant.id).await?;
        }
        let mut teller = Teller::new(session.ui);
        Ok(sync_with_relay(node, shared, meant.id, &mut |event| teller.tell(event)).await?)
    })?;
    let mut data = synced_json(&exchanged);
    if let Some(fields) = data.as_object_mut() {
        fields.insert("record".to_owned(), Value::String(meant.id.to_string()));
    }
    let (page, warnings) = (synced_page(&exchanged), synced_warnings(&exchanged));
    Ok(Report { data, page, warnings, ..Report::default() })
}

/// Gives the record a relay, for all its devices. Another one than it has takes the recovery kit.
fn name_relay(record: &mut Record<'_>, relay: &RelayAddress) -> Result<(), Failure> {
    if record.relay_key().is_some_and(|key| key != relay.key) {
        return Err(Failure::OtherRelay);
    }
    Ok(record.name_relay(relay)?)
}
