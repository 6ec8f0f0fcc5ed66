//! How the volumes of a section are numbered: never chosen, always computed. `docs/protocol.md`, "Sections and volumes".

use carnet_crypto::id::{OpId, VolumeId};

/// The volume of a section that keeps one.
pub const SINGLE: VolumeId = VolumeId(0);

/// Numbers from here on belong to rebased volumes.
pub const REBASED_FROM: u32 = 1 << 20;

/// The volume of `year` in a section that rolls by year: zigzag(year - year of Genesis), so that years before and after
/// both have small numbers: 0, -1, 1, -2, 2 give 0, 1, 2, 3, 4.
pub fn of_year(year: i16, genesis_year: i16) -> VolumeId {
    let difference = i32::from(year).saturating_sub(i32::from(genesis_year));
    let doubled = difference.unsigned_abs().saturating_mul(2);
    VolumeId(if difference < 0 { doubled.saturating_sub(1) } else { doubled })
}

/// The year of a volume of a section that rolls by year, if it is in the range of [`of_year`].
pub fn year_of(volume: VolumeId, genesis_year: i16) -> Option<i16> {
    if volume.0 >= REBASED_FROM {
        return None;
    }
    let half = i32::try_from(volume.0.checked_add(1)? / 2).ok()?;
    let difference = if volume.0 % 2 == 1 { half.checked_neg()? } else { half };
    i16::try_from(i32::from(genesis_year).checked_add(difference)?).ok()
}

/// The volume that replaces one named by a `Rebase`: 2^20 + (first 4 bytes of its id, little-endian, mod 2^32 - 2^20).
pub fn rebased(rebase: &OpId) -> VolumeId {
    let [a, b, c, d, ..] = rebase.0;
    let room = u32::MAX.wrapping_sub(REBASED_FROM).wrapping_add(1);
    VolumeId(u32::from_le_bytes([a, b, c, d]).checked_rem(room).unwrap_or(0).wrapping_add(REBASED_FROM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_around_genesis_have_small_numbers_and_read_back() {
        assert_eq!(of_year(2026, 2026), VolumeId(0));
        assert_eq!(of_year(2025, 2026), VolumeId(1));
        assert_eq!(of_year(2027, 2026), VolumeId(2));
        for year in [i16::MIN, 1900, 1999, 2025, 2026, 2027, 2100, i16::MAX] {
            let volume = of_year(year, 2026);
            assert_eq!(year_of(volume, 2026), Some(year), "{volume}");
            assert!(volume.0 < REBASED_FROM);
        }
    }

    #[test]
    fn a_rebased_volume_is_never_a_year() {
        for id in [[0; 32], [0xff; 32], [7; 32]] {
            assert!(rebased(&OpId(id)).0 >= REBASED_FROM);
            assert_eq!(year_of(rebased(&OpId(id)), 2026), None);
        }
    }
}
