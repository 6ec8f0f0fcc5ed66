//! What is understood at all: one version, one suite. Anything else is refused without being changed or deleted.

use crate::codec::{DecodeError, Reader};

/// The version of every format in this crate.
pub const VERSION: u8 = 1;

/// The suite of algorithms: Ed25519, BLAKE3, XChaCha20-Poly1305, HPKE with X-Wing, Argon2id.
pub const SUITE: u8 = carnet_crypto::sign::SUITE;

/// Reads a version byte and a suite byte.
///
/// # Errors
/// [`DecodeError::Unsupported`] for any but [`VERSION`] and [`SUITE`]: there is nothing to negotiate.
pub fn read(reader: &mut Reader<'_>) -> Result<(), DecodeError> {
    let version = reader.u8("version")?;
    if version != VERSION {
        return Err(DecodeError::Unsupported { what: "version", value: version.into() });
    }
    let suite = reader.u8("suite")?;
    if suite != SUITE {
        return Err(DecodeError::Unsupported { what: "suite", value: suite.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use carnet_crypto::fault::Fault;

    use super::*;

    #[test]
    fn atk_25_another_version_or_suite_is_unsupported_not_malformed() {
        assert_eq!(read(&mut Reader::new(&[1, 1])), Ok(()));
        for (bytes, what) in [([0, 1], "version"), ([2, 1], "version"), ([1, 0], "suite"), ([1, 2], "suite")] {
            let error = read(&mut Reader::new(&bytes)).unwrap_err();
            assert!(matches!(error, DecodeError::Unsupported { what: found, .. } if found == what), "{error}");
            assert_eq!(error.fault(), Fault::Unsupported);
        }
    }
}
