//! Padded sizes, so that what a relay or a disk sees tells little of what is inside.
//!
//! Up to 1 KiB the next multiple of 128 bytes; above, Padme (Nikitin et al., 2019, "Reducing Metadata Leakage from
//! Encrypted Files and Communication with PURBs"), which adds at most 12 %. Payloads carry their padding inside
//! (`0x80`, then zeros); attached files are followed by zeros, their true size being in the record.

use carnet_crypto::fault::Fault;

/// Up to this length, padding goes to the next multiple of [`STEP_BYTES`].
pub const STEPPED_BYTES_MAX: u64 = 1024;
/// The step of short paddings.
pub const STEP_BYTES: u64 = 128;

/// What ends the content of a padded payload.
const MARK: u8 = 0x80;

/// The bytes are not a padded payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the padding is not valid")]
pub struct PaddingRefused;

impl PaddingRefused {
    /// Who must act.
    pub fn fault(&self) -> Fault {
        Fault::Peer
    }
}

/// The padded length of `length` bytes, at least 128. At the end of the range of lengths, `length` itself.
pub fn padded_len(length: u64) -> u64 {
    if length <= STEPPED_BYTES_MAX {
        return length.max(1).next_multiple_of(STEP_BYTES);
    }
    // Padme: of the bits of the length keep the first, and as many more as the number of the first bit has.
    let exponent = length.ilog2();
    let kept = exponent.ilog2().saturating_add(1);
    let step = 1_u64.checked_shl(exponent.saturating_sub(kept)).unwrap_or(1);
    length.checked_next_multiple_of(step).unwrap_or(length)
}

/// `content`, the mark, and zeros up to the padded length.
pub fn pad(mut content: Vec<u8>) -> Vec<u8> {
    content.push(MARK);
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    let padded = usize::try_from(padded_len(length)).unwrap_or(content.len());
    content.resize(padded, 0);
    content
}

/// The content of a padded payload.
///
/// # Errors
/// [`PaddingRefused`]: no mark, something after it, or another length than [`pad`] gives.
pub fn unpad(padded: &[u8]) -> Result<&[u8], PaddingRefused> {
    let mark = padded.iter().rposition(|byte| *byte != 0).ok_or(PaddingRefused)?;
    let (content, rest) = padded.split_at_checked(mark).ok_or(PaddingRefused)?;
    let marked = u64::try_from(mark).ok().and_then(|mark| mark.checked_add(1)).ok_or(PaddingRefused)?;
    let expected = usize::try_from(padded_len(marked)).map_err(|_| PaddingRefused)?;
    if rest.first() == Some(&MARK) && padded.len() == expected { Ok(content) } else { Err(PaddingRefused) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_padded_lengths_are_those_of_the_format() {
        let expected = [
            (0, 128),
            (1, 128),
            (128, 128),
            (129, 256),
            (1023, 1024),
            (1024, 1024),
            (1025, 1088),
            (4096, 4096),
            (4097, 4352),
            (65_536, 65_536),
            (65_537, 67_584),
            (1 << 40, 1 << 40),
            ((1 << 40) + 1, (1 << 40) + (1 << 34)),
            (u64::MAX, u64::MAX),
        ];
        for (length, padded) in expected {
            assert_eq!(padded_len(length), padded, "{length}");
        }
    }

    proptest! {
        #[test]
        fn padding_costs_at_most_an_eighth_and_is_stable(length in 1024_u64..1 << 50) {
            let padded = padded_len(length);
            prop_assert!(padded >= length);
            prop_assert!(padded - length <= length / 8);
            prop_assert_eq!(padded_len(padded), padded);
            prop_assert!(padded_len(length + 1) >= padded);
        }

        #[test]
        fn what_was_padded_comes_back(content in proptest::collection::vec(0_u8..3, 0..4_000)) {
            // Few values, so that content often ends in what looks like padding.
            let content: Vec<u8> = content.into_iter().map(|byte| [0, MARK, 7][usize::from(byte)]).collect();
            let padded = pad(content.clone());
            prop_assert_eq!(unpad(&padded), Ok(content.as_slice()));
        }

        #[test]
        fn fault_b6_only_one_padding_of_a_content_is_accepted(bytes in proptest::collection::vec(0_u8..2, 0..300)) {
            let bytes: Vec<u8> = bytes.into_iter().map(|byte| if byte == 0 { 0 } else { MARK }).collect();
            if let Ok(content) = unpad(&bytes) {
                prop_assert_eq!(pad(content.to_vec()), bytes);
            }
        }
    }

    #[test]
    fn a_payload_of_nothing_is_as_long_as_a_short_one() {
        assert_eq!(pad(Vec::new()).len(), pad(vec![1; 127]).len());
        assert_eq!(PaddingRefused.fault(), Fault::Peer);
    }
}
