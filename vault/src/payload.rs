//! From changes to the sealed payload of an envelope, and back: deflate, checkpoint last seen, padding, AEAD.
//!
//! Nothing here knows the store or who may write. What comes from outside is inflated within a limit and only after
//! the AEAD opened. Source: `docs/protocol.md`, "Plaintext".

use std::io::{Read as _, Write as _};

use carnet_crypto::sign::SigningKey;
use carnet_protocol::{
    codec::DecodeError,
    envelope::{Envelope, EnvelopeContext, EnvelopeRefused, Header},
    limits::{CIPHERTEXT_BYTES_MAX, PAYLOAD_BYTES_MAX},
    payload::{Plaintext, Seen},
};
use carnet_seal::{
    envelope::{OpenRefused, open, seal},
    pad::{PaddingRefused, pad, unpad},
    secret::SectionKey,
};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use rand::CryptoRng;

/// Why a payload could not be sealed, or what was opened is not a payload.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PayloadError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("the payload is too large for one envelope")]
    TooLarge,
    #[error("the payload does not inflate, or beyond the limit")]
    Inflate,
    #[error(transparent)]
    Open(#[from] OpenRefused),
    #[error(transparent)]
    Padding(#[from] PaddingRefused),
    #[error(transparent)]
    Sign(#[from] EnvelopeRefused),
}

/// What a payload is sealed with besides its context.
pub(crate) struct Sealing<'a> {
    /// The key of the epoch that the context names.
    pub(crate) key: &'a SectionKey,
    /// The device's key in this record.
    pub(crate) signing: &'a SigningKey,
    /// Position in the feed.
    pub(crate) seq: u32,
    /// Whether the membership heads differ from those of the feed's last envelope.
    pub(crate) heads_changed: bool,
    /// What the device last saw of the relay.
    pub(crate) seen: Option<Seen>,
}

/// Seals and signs `payload` as the next envelope of its feed. It is deflated where that makes it smaller.
///
/// # Errors
/// [`PayloadError::TooLarge`] when it does not fit an envelope even deflated.
pub(crate) fn seal_payload(
    context: &EnvelopeContext,
    sealing: &Sealing<'_>,
    payload: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Envelope, PayloadError> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return Err(PayloadError::TooLarge);
    }
    let deflated = deflate(payload);
    let is_deflated = deflated.len() < payload.len();
    let payload = if is_deflated { &deflated } else { payload };
    // What would no longer fit goes without: it is said by the next one.
    let with_seen = sealing.seen.map(|seen| (pad(Plaintext { payload, seen: Some(seen) }.encode()), true));
    let with_seen = with_seen.filter(|(padded, _)| padded.len() <= CIPHERTEXT_BYTES_MAX);
    let (padded, with_checkpoint) =
        with_seen.unwrap_or_else(|| (pad(Plaintext { payload, seen: None }.encode()), false));
    let length = u32::try_from(padded.len()).map_err(|_| PayloadError::TooLarge)?;
    if padded.len() > CIPHERTEXT_BYTES_MAX {
        return Err(PayloadError::TooLarge);
    }
    let mut header = Header::new(context, sealing.seq, sealing.heads_changed, length);
    header.deflated = is_deflated;
    header.with_checkpoint = with_checkpoint;
    let (nonce, ciphertext) = seal(sealing.key, &context.aead_context(&header), &padded, rng);
    Ok(Envelope::sign(context, header, nonce, ciphertext, sealing.signing)?)
}

/// Opens a verified envelope: its payload, inflated, and what its author had seen of the relay.
///
/// # Errors
/// The AEAD refuses, or what it protects is not a payload within the limits.
pub(crate) fn open_payload(
    context: &EnvelopeContext,
    envelope: &Envelope,
    key: &SectionKey,
) -> Result<(Vec<u8>, Option<Seen>), PayloadError> {
    let header = &envelope.header;
    let padded = open(key, &context.aead_context(header), &envelope.nonce, &envelope.ciphertext)?;
    let plaintext = Plaintext::decode(unpad(&padded)?, header.with_checkpoint)?;
    let payload = if header.deflated { inflate(plaintext.payload)? } else { plaintext.payload.to_vec() };
    Ok((payload, plaintext.seen))
}

fn deflate(payload: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(payload.len() / 2), Compression::default());
    // Writing to memory does not fail; if it did, the payload would travel as it is.
    let written = encoder.write_all(payload).and_then(|()| encoder.finish());
    written.unwrap_or_else(|_| payload.to_vec())
}

fn inflate(deflated: &[u8]) -> Result<Vec<u8>, PayloadError> {
    let limit = u64::try_from(PAYLOAD_BYTES_MAX).unwrap_or(u64::MAX);
    let mut payload = Vec::new();
    let mut decoder = DeflateDecoder::new(deflated).take(limit.saturating_add(1));
    decoder.read_to_end(&mut payload).map_err(|_| PayloadError::Inflate)?;
    let consumed = decoder.into_inner().total_in();
    if payload.len() > PAYLOAD_BYTES_MAX || u64::try_from(deflated.len()) != Ok(consumed) {
        return Err(PayloadError::Inflate);
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use carnet_crypto::id::{DeviceId, EnvelopeId, Incarnation, RecordId, SectionId, VolumeId};
    use carnet_protocol::{envelope::EnvelopeKind, membership::HeadsDigest};
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    fn sealed(payload: &[u8]) -> (EnvelopeContext, Envelope, SectionKey) {
        let mut rng = StdRng::from_seed([1; 32]);
        let key = SectionKey::generate(&mut rng);
        let signing = SigningKey::from_seed(&[2; 32]);
        let context = EnvelopeContext {
            record: RecordId([3; 32]),
            section: SectionId([4; 16]),
            volume: VolumeId(0),
            kind: EnvelopeKind::Changes,
            device: DeviceId([5; 16]),
            key: signing.public(),
            incarnation: Incarnation([6; 8]),
            previous: EnvelopeId([0; 32]),
            heads: HeadsDigest([7; 32]),
            epoch: key.commitment(),
        };
        let sealing = Sealing { key: &key, signing: &signing, seq: 1, heads_changed: true, seen: None };
        let envelope = seal_payload(&context, &sealing, payload, &mut rng).unwrap();
        (context, envelope, key)
    }

    #[test]
    fn a_payload_opens_as_it_was_sealed_and_its_size_tells_little() {
        for payload in [b"x".to_vec(), vec![7; 91], vec![7; 100_000], (0..=255).cycle().take(5_000).collect()] {
            let (context, envelope, key) = sealed(&payload);
            assert_eq!(open_payload(&context, &envelope, &key).unwrap(), (payload, None));
            assert_eq!(envelope.header.ciphertext_bytes % 8, 0);
            assert!(envelope.verify(&context).is_ok());
        }
    }

    #[test]
    fn atk_5_a_flipped_bit_does_not_open() {
        let (context, mut envelope, key) = sealed(b"glucose 1.02 g/L");
        envelope.ciphertext[3] ^= 1;
        assert!(matches!(open_payload(&context, &envelope, &key), Err(PayloadError::Open(_))));
        assert!(envelope.verify(&context).is_err());
    }

    #[test]
    fn fault_b3_an_envelope_moved_elsewhere_does_not_open() {
        let (context, envelope, key) = sealed(b"glucose 1.02 g/L");
        let section = EnvelopeContext { section: SectionId([9; 16]), ..context };
        let volume = EnvelopeContext { volume: VolumeId(1), ..context };
        let previous = EnvelopeContext { previous: EnvelopeId([9; 32]), ..context };
        for moved in [section, volume, previous] {
            assert!(open_payload(&moved, &envelope, &key).is_err());
            assert!(envelope.verify(&moved).is_err());
        }
    }

    #[test]
    fn atk_19_a_payload_that_inflates_beyond_the_limit_is_refused() {
        let bomb = deflate(&vec![0; PAYLOAD_BYTES_MAX + 1]);
        assert!(bomb.len() < 20_000);
        assert!(matches!(inflate(&bomb), Err(PayloadError::Inflate)));
        let mut trailing = deflate(b"small");
        trailing.push(0);
        assert!(matches!(inflate(&trailing), Err(PayloadError::Inflate)));
    }

    #[test]
    fn fault_b2_a_payload_whose_stream_has_no_end_is_refused() {
        for content in [b"small".to_vec(), vec![3; 200_000], (0..=255).cycle().take(90_000).collect()] {
            let whole = deflate(&content);
            assert_eq!(inflate(&whole).unwrap(), content);
            for end in (0..whole.len()).step_by(whole.len().div_ceil(200)) {
                assert!(matches!(inflate(&whole[..end]), Err(PayloadError::Inflate)), "cut at {end}");
            }
        }
    }
}
