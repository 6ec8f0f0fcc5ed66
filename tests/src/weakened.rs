//! Eleven ways to weaken Carnet on purpose, each with a test that notices.
//!
//! A test that never fails proves nothing. Each line here takes one protection out of the sources; the program `weakened`
//! builds that and runs the test that is to fail. An ordinary test holds that every line still fits the sources.

use std::{fs, path::Path};

/// A protection that is taken out, and the test that notices.
#[derive(Clone, Copy, Debug)]
pub struct Weakening {
    /// What is missing then.
    pub name: &'static str,
    /// The file, from the root.
    pub file: &'static str,
    /// What stands there, once, and what is put in its place; more than one where it stands in two places.
    pub changes: &'static [(&'static str, &'static str)],
    /// Where the test is: arguments of `cargo test`.
    pub tests: &'static [&'static str],
    /// The test that must fail, or the part of a name that several share.
    pub notices: &'static str,
}

const CRASH: &[&str] = &["--package", "carnet-tests", "--test", "crash"];
const VAULT: &[&str] = &["--package", "carnet-vault", "--lib"];
const SEAL: &[&str] = &["--package", "carnet-seal", "--lib"];
const PROTOCOL: &[&str] = &["--package", "carnet-protocol", "--lib"];
const CRYPTO: &[&str] = &["--package", "carnet-crypto", "--lib"];
const RELAY: &[&str] = &["--package", "carnet-relay", "--test", "relay"];

/// All of them.
pub const WEAKENINGS: [Weakening; 11] = [
    Weakening {
        name: "the header has one slot",
        file: "vault/src/store/block.rs",
        changes: &[("            head.next_slot = 1 - head.next_slot;\n", "")],
        tests: CRASH,
        notices: "fault_a2_no_torn_write_loses_what_was_acknowledged",
    },
    Weakening {
        name: "a device that joins need not keep to the keys that it committed to",
        file: "vault/src/pairing.rs",
        changes: &[("        self.commitment.check(&nonce, &[&said])?;\n", "")],
        tests: VAULT,
        notices: "atk_12_keys_that_were_not_committed_to_are_refused",
    },
    Weakening {
        name: "no signature is checked",
        file: "vault/crypto/src/sign.rs",
        changes: &[(
            "        key.verify_strict(message, &signature).map_err(|_| BadSignature)\n",
            "        let _ = key.verify_strict(message, &signature);\n        Ok(())\n",
        )],
        tests: CRYPTO,
        notices: "a_signature_holds_only_in_its_domain_record_and_hash",
    },
    Weakening {
        name: "the nonce is constant",
        file: "vault/seal/src/envelope.rs",
        changes: &[(
            "    let mut nonce = [0; NONCE_BYTES];\n    rng.fill_bytes(&mut nonce);\n    nonce\n",
            "    let _ = rng;\n    [0; NONCE_BYTES]\n",
        )],
        tests: SEAL,
        notices: "sealing_twice_never_gives_the_same_bytes",
    },
    Weakening {
        name: "the anchors of a snapshot are not compared",
        file: "vault/src/snapshot.rs",
        changes: &[(
            "            if !is_it {\n                return Err(refused);\n            }\n",
            "            let _ = is_it;\n",
        )],
        tests: VAULT,
        notices: "atk_16_a_lie_that_reaches_further_hides_no_honest_snapshot",
    },
    Weakening {
        name: "an envelope does not say which one it follows",
        file: "vault/protocol/src/envelope.rs",
        changes: &[("                &self.previous.0,\n", ""), ("            .raw(&self.previous.0)\n", "")],
        tests: PROTOCOL,
        notices: "fault_b5_fault_b6_vectors_of_envelopes",
    },
    Weakening {
        name: "no quota is charged",
        file: "sync/relay/src/mailbox.rs",
        changes: &[(
            "        if !self.charge(group, view.number, payer, length)? {\n",
            "        if !self.charge(group, view.number, payer, length)? && false {\n",
        )],
        tests: RELAY,
        notices: "quotas_bound_what_a_record_stores_and_how_often_a_device_asks",
    },
    Weakening {
        name: "a payload inflates without bound",
        file: "vault/src/payload.rs",
        changes: &[(
            "    if payload.len() > PAYLOAD_BYTES_MAX || u64::try_from(deflated.len()) != Ok(consumed) {\n",
            "    if u64::try_from(deflated.len()) != Ok(consumed) {\n",
        )],
        tests: VAULT,
        notices: "atk_19_a_payload_that_inflates_beyond_the_limit_is_refused",
    },
    Weakening {
        name: "the context leaves the section out",
        file: "vault/protocol/src/envelope.rs",
        changes: &[(
            "            .raw(&self.record.0)\n            .raw(&self.section.0)\n            .u32(self.volume.0)\n",
            "            .raw(&self.record.0)\n            .u32(self.volume.0)\n",
        )],
        tests: PROTOCOL,
        notices: "fault_b5_fault_b6_vectors_of_envelopes",
    },
    Weakening {
        name: "a key is not held to the name of its epoch",
        file: "vault/seal/src/envelope.rs",
        changes: &[("    if found.commitment() == *parent { Ok", "    if found.commitment() != EpochId([0; 32]) { Ok")],
        tests: SEAL,
        notices: "atk_15_a_step_of_the_ladder_holds_the_parent_or_is_refused",
    },
    Weakening {
        name: "what is acknowledged was not synced",
        file: "vault/src/store/block.rs",
        changes: &[(
            "        self.disk.sync_data().map_err(|error| self.failed(error))?;\n        if writes_slot {\n",
            "        if writes_slot {\n",
        )],
        tests: CRASH,
        notices: "fault_a1_no_cut_loses_what_was_acknowledged",
    },
];

impl Weakening {
    /// The weakened text of its file under `root`; none when the place is not there, or there twice.
    pub fn weaken(&self, root: &Path) -> Option<String> {
        let text = fs::read_to_string(root.join(self.file)).ok()?;
        self.changes
            .iter()
            .try_fold(text, |text, (from, to)| (text.matches(from).count() == 1).then(|| text.replacen(from, to, 1)))
    }
}
