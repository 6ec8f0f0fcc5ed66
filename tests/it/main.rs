//! One integration binary: everything that needs two crates, or a whole process.

mod acceptance;
mod architecture;
mod cli_archive;
mod cli_attacks;
mod cli_damage;
mod cli_export;
mod cli_faults;
mod cli_journey;
mod cli_keystore;
mod cli_kill;
mod cli_kit;
mod cli_lists;
mod cli_local;
mod cli_pair;
mod cli_record;
mod cli_secrets;
mod cli_sync;
mod cli_watch;
mod cli_words;
mod fixtures;
mod fixtures_apple;
mod fixtures_cda;
mod fixtures_fhir;
mod fuzz;
mod supply;
mod vectors;
