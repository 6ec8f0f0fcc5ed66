//! `demo-relay`: the relay of the demonstration, as a process of its own. An operator runs `carnet-relay` instead.

use std::{
    io::Read as _,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use carnet_relay::{Policy, ServeOptions, audit, init, serve};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

use crate::{error::Failure, network, session::Session, ui::Report};

/// The words of the command, for its failures.
const STEP: &str = "demo-relay";

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Serve {
        #[arg(value_name = "DIR")]
        data: PathBuf,
    },
    Audit {
        #[arg(value_name = "DIR")]
        data: PathBuf,
    },
}

pub(crate) fn run(options: &Options, session: &Session<'_>) -> Result<Report, Failure> {
    match &options.action {
        Action::Serve { data } => serve_until_end_of_input(data, session),
        Action::Audit { data } => {
            let seen = audit(data, session.clock.now()).map_err(|error| failed(&error))?;
            Ok(Report { data: serde_json::to_value(&seen).unwrap_or_default(), ..Report::default() })
        }
    }
}

/// Makes a relay in a new folder, or takes the one that is there, and serves on this machine only until whoever started
/// it closes standard input or ends.
fn serve_until_end_of_input(folder: &Path, session: &Session<'_>) -> Result<Report, Failure> {
    if !folder.exists() {
        init(folder, Policy::Open, &mut Session::chance()).map_err(|error| failed(&error))?;
    }
    let (stop, stopped) = oneshot::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        while std::io::stdin().read(&mut byte).is_ok_and(|read| read > 0) {}
        let _ = stop.send(());
    });
    let options =
        ServeOptions { data: folder.to_owned(), listen: vec![SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)] };
    let listening = |address: &carnet_vault::RelayAddress| {
        let fields = Map::from_iter([("address".to_owned(), Value::String(address.to_string()))]);
        session.ui.event("listening", fields);
    };
    let shutdown = async move {
        let _ = stopped.await;
    };
    let served = network::runtime()?.block_on(serve(options, Arc::clone(&session.clock), listening, shutdown));
    served.map_err(|error| failed(&error))?;
    Ok(Report::default())
}

fn failed(error: &impl std::fmt::Display) -> Failure {
    Failure::DemoStep { step: STEP.to_owned(), message: error.to_string() }
}
