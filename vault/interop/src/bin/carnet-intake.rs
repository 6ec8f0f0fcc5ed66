//! The intake worker as a program of its own, for tests of its limits and for whoever wants to confine it apart.

use std::process::ExitCode;

fn main() -> ExitCode {
    let is_worker = std::env::args().nth(1).as_deref() == Some(carnet_interop::intake::worker::ARGUMENT);
    ExitCode::from(if is_worker { carnet_interop::intake::worker::serve() } else { 2 })
}
