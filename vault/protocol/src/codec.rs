//! The one canonical encoding of everything that is signed, hashed or sent.
//!
//! Variable integers are minimal LEB128, fixed integers little-endian, byte strings are preceded by their length as a
//! variable integer. Each value has exactly one encoding: a reader refuses every other, and bytes left over. A reader
//! never allocates from a length it has not compared with the bytes that are there and with the caller's limit.
//! Source: `docs/protocol.md`, "Encoding and names".

use carnet_crypto::fault::Fault;

/// Longest encoding of a variable integer of 64 bits, in bytes.
pub const MAX_VARINT_BYTES: usize = 10;

/// Bytes that are not the encoding of anything this version understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes break a rule of the format.
    #[error("{what}: {wrong} at byte {at}")]
    Malformed {
        /// The field that was being read.
        what: &'static str,
        /// The rule it breaks.
        wrong: Wrong,
        /// Position in the bytes given to the reader, from 0.
        at: usize,
    },
    /// Well-formed so far as can be told, but of a version, suite or kind that this code does not know.
    #[error("{what} {value} is not supported")]
    Unsupported {
        /// What is not known: "version", "suite", "envelope kind", "operation".
        what: &'static str,
        /// The value found.
        value: u64,
    },
}

impl DecodeError {
    /// Whose move it is.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Malformed { .. } => Fault::Peer,
            Self::Unsupported { .. } => Fault::Unsupported,
        }
    }
}

/// The rule that malformed bytes break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Wrong {
    /// The bytes end inside the field.
    #[error("the bytes end here")]
    Truncated,
    /// Bytes follow the last field.
    #[error("bytes left over")]
    Trailing,
    /// A variable integer is longer than needed.
    #[error("integer not in its shortest form")]
    NotMinimal,
    /// A number, length or count is above its limit.
    #[error("above the limit of {limit}")]
    TooLarge {
        /// The largest value allowed.
        limit: u64,
    },
    /// A number, length or count is below the least value allowed, or a list that must not be is empty.
    #[error("below the least value")]
    TooSmall,
    /// A list that must ascend strictly does not.
    #[error("out of order or repeated")]
    Order,
    /// A reserved bit is set, or a value has no meaning.
    #[error("reserved or meaningless value")]
    Value,
}

/// Appends canonical bytes. Writing cannot fail; what may be written is checked by those who build values.
#[derive(Clone, Debug, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty writer with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.0.push(value);
        self
    }

    /// 4 bytes, little-endian.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// 8 bytes, little-endian.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// The low 6 bytes of `value`, little-endian. Values from 2^48 are held at 2^48 - 1.
    pub fn u48(&mut self, value: u64) -> &mut Self {
        let bytes = value.min(0xffff_ffff_ffff).to_le_bytes();
        self.raw(bytes.get(..6).unwrap_or_default())
    }

    /// Minimal LEB128, 1 to 10 bytes.
    pub fn varint(&mut self, value: u64) -> &mut Self {
        let mut rest = value;
        loop {
            let low = u8::try_from(rest & 0x7f).unwrap_or(0x7f);
            rest >>= 7;
            if rest == 0 {
                self.0.push(low);
                return self;
            }
            self.0.push(low | 0x80);
        }
    }

    /// The number of elements that follow, as a variable integer.
    pub fn count(&mut self, count: usize) -> &mut Self {
        self.varint(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A byte string preceded by its length.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.count(bytes.len()).raw(bytes)
    }

    /// One byte 0 for absent, 1 for present; the caller writes the value after it.
    pub fn presence(&mut self, present: bool) -> &mut Self {
        self.u8(u8::from(present))
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What was written.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes.
    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads canonical bytes from a slice that is held in full. Each method names the field for the error.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, total: bytes.len() }
    }

    /// Position in the bytes, from 0.
    pub fn at(&self) -> usize {
        self.total.saturating_sub(self.rest.len())
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The error that `wrong` is at this position.
    pub fn malformed(&self, what: &'static str, wrong: Wrong) -> DecodeError {
        DecodeError::Malformed { what, wrong, at: self.at() }
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(self.malformed(what, Wrong::Truncated))?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(self.malformed(what, Wrong::Truncated))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// One byte.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// 4 bytes, little-endian.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// 8 bytes, little-endian.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// 6 bytes, little-endian.
    pub fn u48(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        let low = self.array::<6>(what)?;
        Ok(low.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// A minimal LEB128 integer, at most `limit`.
    pub fn varint(&mut self, limit: u64, what: &'static str) -> Result<u64, DecodeError> {
        let start = self.clone();
        let mut value = 0_u64;
        let mut shift = 0_u32;
        loop {
            let byte = self.u8(what)?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 || shift > 63 {
                return Err(start.malformed(what, Wrong::TooLarge { limit }));
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(start.malformed(what, Wrong::NotMinimal));
                }
                break;
            }
            shift = shift.saturating_add(7);
        }
        if value > limit {
            return Err(start.malformed(what, Wrong::TooLarge { limit }));
        }
        Ok(value)
    }

    /// A count of elements, at most `limit`, each of at least `least_size` bytes, so that the count cannot promise more
    /// than the bytes hold.
    pub fn count(&mut self, limit: usize, least_size: usize, what: &'static str) -> Result<usize, DecodeError> {
        let start = self.clone();
        let count = self.varint(u64::try_from(limit).unwrap_or(u64::MAX), what)?;
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count.saturating_mul(least_size) > self.rest.len() {
            return Err(start.malformed(what, Wrong::Truncated));
        }
        Ok(count)
    }

    /// A byte string preceded by its length, at most `limit` bytes.
    pub fn bytes(&mut self, limit: usize, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let length = self.count(limit, 1, what)?;
        self.take(length, what)
    }

    /// One byte, 0 or 1: whether a value follows.
    pub fn presence(&mut self, what: &'static str) -> Result<bool, DecodeError> {
        let start = self.clone();
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(start.malformed(what, Wrong::Value)),
        }
    }

    /// A list: a count of at most `limit`, then that many elements of at least `least_size` bytes each.
    pub fn list<T>(
        &mut self,
        limit: usize,
        least_size: usize,
        what: &'static str,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.count(limit, least_size.max(1), what)?;
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push(element(self)?);
        }
        Ok(list)
    }

    /// A list as [`Reader::list`], whose elements ascend strictly by `key`.
    pub fn sorted<T, K: Ord>(
        &mut self,
        limit: usize,
        least_size: usize,
        what: &'static str,
        element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
        key: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, DecodeError> {
        let start = self.clone();
        let list = self.list(limit, least_size, what, element)?;
        if list.iter().zip(list.iter().skip(1)).any(|(a, b)| key(a) >= key(b)) {
            return Err(start.malformed(what, Wrong::Order));
        }
        Ok(list)
    }

    /// All bytes not read yet.
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        rest
    }

    /// Nothing may be left.
    pub fn finish(self, what: &'static str) -> Result<(), DecodeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed(what, Wrong::Trailing)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(bytes: &[u8]) -> Result<u64, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = reader.varint(u64::MAX, "value")?;
        reader.finish("value")?;
        Ok(value)
    }

    fn wrong(error: DecodeError) -> Wrong {
        match error {
            DecodeError::Malformed { wrong, .. } => wrong,
            DecodeError::Unsupported { .. } => panic!("{error}"),
        }
    }

    #[test]
    fn integers_read_back_at_every_length() {
        for bits in 0..64_u32 {
            for value in [(1_u64 << bits) - 1, 1 << bits, u64::MAX] {
                let mut writer = Writer::new();
                writer.varint(value);
                assert_eq!(varint(writer.as_slice()), Ok(value));
                assert!(writer.len() <= MAX_VARINT_BYTES);
            }
        }
        let mut writer = Writer::new();
        writer.u8(1).u32(2).u64(3).u48(4).bytes(b"five").presence(true);
        let mut reader = Reader::new(writer.as_slice());
        assert_eq!(reader.u8("a"), Ok(1));
        assert_eq!(reader.u32("b"), Ok(2));
        assert_eq!(reader.u64("c"), Ok(3));
        assert_eq!(reader.u48("d"), Ok(4));
        assert_eq!(reader.bytes(4, "e"), Ok(&b"five"[..]));
        assert_eq!(reader.presence("f"), Ok(true));
        assert_eq!(reader.finish("end"), Ok(()));
    }

    #[test]
    fn fault_b5_every_other_encoding_is_refused() {
        assert_eq!(wrong(varint(&[0x80, 0x00]).unwrap_err()), Wrong::NotMinimal);
        assert_eq!(wrong(varint(&[0xff; 11]).unwrap_err()), Wrong::TooLarge { limit: u64::MAX });
        let mut over = [0xff_u8; 10];
        over[9] = 0x02;
        assert_eq!(wrong(varint(&over).unwrap_err()), Wrong::TooLarge { limit: u64::MAX });
        assert_eq!(wrong(varint(&[0x80]).unwrap_err()), Wrong::Truncated);
        assert_eq!(wrong(varint(&[1, 2]).unwrap_err()), Wrong::Trailing);
        assert_eq!(wrong(Reader::new(&[2]).presence("p").unwrap_err()), Wrong::Value);
        assert_eq!(wrong(Reader::new(&[5, 1]).bytes(4, "b").unwrap_err()), Wrong::TooLarge { limit: 4 });
        assert_eq!(wrong(Reader::new(&[5, 1]).bytes(9, "b").unwrap_err()), Wrong::Truncated);
        assert_eq!(wrong(Reader::new(&[2, 1, 1]).sorted(9, 1, "s", |r| r.u8("x"), |x| *x).unwrap_err()), Wrong::Order);
    }

    #[test]
    fn fault_b6_a_count_promises_no_more_than_the_bytes_hold() {
        let error = Reader::new(&[0xff, 0xff, 0x03, 1]).count(1_000_000, 32, "list").unwrap_err();
        assert_eq!(error, DecodeError::Malformed { what: "list", wrong: Wrong::Truncated, at: 0 });
        assert_eq!(error.fault(), Fault::Peer);
    }
}
