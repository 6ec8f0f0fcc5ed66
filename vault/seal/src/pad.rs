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
