//! Numbers with the digits they were written with, and their units.
//!
//! Never a floating-point number: `7.50` stays `7.50`, and a conversion is exact integer arithmetic with a stated
//! number of decimals. A converted value is for display; what is stored is what was read.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A text that is no decimal number of at most 18 digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number of at most 18 digits")]
pub struct NotADecimal;

/// A decimal number as written: `mantissa / 10^scale`. Equal means written alike; see [`Decimal::compare`] for value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    mantissa: i64,
    scale: u8,
}

impl Decimal {
    /// Zero without decimals.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };

    /// `mantissa / 10^scale`, if it has at most 18 digits and 18 decimals.
    pub const fn new(mantissa: i64, scale: u8) -> Option<Self> {
        if mantissa.unsigned_abs() <= MANTISSA_MAX && scale <= SCALE_MAX {
            Some(Self { mantissa, scale })
        } else {
            None
        }
    }

    /// A whole number.
    pub fn from_i32(value: i32) -> Self {
        Self { mantissa: i64::from(value), scale: 0 }
    }

    /// For tables of constants, whose digits are in the source.
    pub(crate) const fn literal(mantissa: i64, scale: u8) -> Self {
        Self { mantissa, scale }
    }

    /// Reads a number that may have more than 18 digits after rounding its decimals; false when digits were dropped. For
    /// imports, whose text as read is kept in the provenance.
    pub fn from_text_rounded(text: &str) -> Result<(Self, bool), NotADecimal> {
        if let Ok(number) = text.parse() {
            return Ok((number, true));
        }
        let (whole, fraction) = text.split_once('.').ok_or(NotADecimal)?;
        let (fraction, exponent) = match fraction.find(['e', 'E']) {
            Some(at) => fraction.split_at_checked(at).ok_or(NotADecimal)?,
            None => (fraction, ""),
        };
        // Dropping decimals one by one ends: the exponent and the whole part alone decide whether the number fits.
        for kept in (0..fraction.len().min(TEXT_BYTES_MAX)).rev() {
            let (short, dropped) = fraction.split_at_checked(kept).ok_or(NotADecimal)?;
            if !dropped.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(NotADecimal);
            }
            if let Ok(number) = format!("{whole}.{short}{exponent}").parse::<Self>() {
                let up = dropped.as_bytes().first().is_some_and(|digit| *digit >= b'5');
                let step = if text.starts_with('-') { -1 } else { 1 };
                let mantissa = if up { number.mantissa + step } else { number.mantissa };
                return Self::new(mantissa, number.scale).map(|number| (number, false)).ok_or(NotADecimal);
            }
        }
        Err(NotADecimal)
    }

    /// The digits as one whole number.
    pub fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Digits after the decimal point.
    pub fn scale(self) -> u8 {
        self.scale
    }

    /// The same value without trailing zeros after the point: the form that takes part in an identity.
    #[must_use]
    pub fn normalised(self) -> Self {
        let Self { mut mantissa, mut scale } = self;
        while scale > 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            scale -= 1;
        }
        Self { mantissa, scale }
    }

    /// Order by value: `7.5` and `7.50` are equal here.
    pub fn compare(self, other: Self) -> Ordering {
        let widest = self.scale.max(other.scale);
        let at = |number: Self| i128::from(number.mantissa) * power_of_ten(widest - number.scale);
        at(self).cmp(&at(other))
    }

    /// The mantissa at `scale` decimals, if the value has no more and it fits.
    pub fn mantissa_at(self, scale: u8) -> Option<i64> {
        let normal = self.normalised();
        let missing = scale.checked_sub(normal.scale)?;
        let wide = i128::from(normal.mantissa).checked_mul(power_of_ten(missing.min(SCALE_MAX)))?;
        i64::try_from(wide).ok().filter(|_| missing <= SCALE_MAX)
    }

    /// `self × numerator ÷ denominator`, rounded half to even at `scale` decimals; none when it does not fit.
    pub fn times_ratio(self, numerator: Self, denominator: Self, scale: u8) -> Option<Self> {
        let top = i128::from(self.mantissa).checked_mul(i128::from(numerator.mantissa))?;
        let shift =
            i32::from(scale) + i32::from(denominator.scale) - i32::from(self.scale) - i32::from(numerator.scale);
        let power = power_of_ten(u8::try_from(shift.unsigned_abs()).ok().filter(|shift| *shift <= 36)?);
        let bottom = i128::from(denominator.mantissa);
        let (top, bottom) =
            if shift >= 0 { (top.checked_mul(power)?, bottom) } else { (top, bottom.checked_mul(power)?) };
        Self::new(i64::try_from(divide_half_even(top, bottom)?).ok()?, scale)
    }

    /// `self + other`, exact; none when it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let at = |number: Self| i128::from(number.mantissa) * power_of_ten(scale - number.scale);
        Self::new(i64::try_from(at(self) + at(other)).ok()?, scale)
    }

    /// `self − other`, exact; none when it does not fit.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self { mantissa: -other.mantissa, scale: other.scale })
    }

    /// The value rounded half to even at `scale` decimals; unchanged if it has no more than that.
    #[must_use]
    pub fn rounded(self, scale: u8) -> Self {
        if self.scale <= scale {
            return self;
        }
        self.times_ratio(Self::from_i32(1), Self::from_i32(1), scale).unwrap_or(self)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let width = usize::from(self.scale) + 1;
        let digits = format!("{:0width$}", self.mantissa.unsigned_abs());
        let (whole, fraction) = digits.split_at(digits.len() - usize::from(self.scale));
        if fraction.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

impl FromStr for Decimal {
    type Err = NotADecimal;

    /// Reads `-12.50`, `.5`, `1e3`, `1.20E-2`. A minus sign before zero is dropped. A comma is not read here.
    fn from_str(text: &str) -> Result<Self, NotADecimal> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (negative, unsigned) = match number.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, number.strip_prefix('+').unwrap_or(number)),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) || whole.len() + fraction.len() == 0 || text.len() > TEXT_BYTES_MAX
        {
            return Err(NotADecimal);
        }
        let mut mantissa: u64 = 0;
        for byte in whole.bytes().chain(fraction.bytes()) {
            mantissa = mantissa
                .checked_mul(10)
                .and_then(|value| value.checked_add(u64::from(byte - b'0')))
                .filter(|value| *value <= MANTISSA_MAX)
                .ok_or(NotADecimal)?;
        }
        let scale = i32::try_from(fraction.len()).map_err(|_| NotADecimal)? - exponent;
        let mantissa = i64::try_from(mantissa).map_err(|_| NotADecimal)?;
        let signed = if negative { -mantissa } else { mantissa };
        at_scale(signed, scale).ok_or(NotADecimal)
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

crate::code_enum! {
    /// How a number stands to the truth, for a result outside what the method measures (FHIR quantity-comparator).
    pub enum Comparator {
        /// Below the number.
        Less = "<",
        /// The number or below.
        LessOrEqual = "<=",
        /// The number or above.
        GreaterOrEqual = ">=",
        /// Above the number.
        Greater = ">",
    }
}

/// A number with its unit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Quantity {
    /// The number as written.
    pub value: Decimal,
    /// UCUM code when the source gave one, else the unit as read; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// The unit in words, when it differs from `unit` (`Kg` beside `kg`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_text: Option<String>,
    /// How the number stands to the truth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparator: Option<Comparator>,
}

impl Quantity {
    /// A number with its unit.
    pub fn new(value: Decimal, unit: &str) -> Self {
        Self { value, unit: unit.to_owned(), unit_text: None, comparator: None }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(comparator) = &self.comparator {
            write!(f, "{comparator} ")?;
        }
        self.value.fmt(f)?;
        if self.unit.is_empty() { Ok(()) } else { write!(f, " {}", self.unit) }
    }
}

fn parse_exponent(text: &str) -> Result<i32, NotADecimal> {
    let value: i32 = text.parse().map_err(|_| NotADecimal)?;
    if value.abs() <= 40 { Ok(value) } else { Err(NotADecimal) }
}

fn at_scale(mantissa: i64, scale: i32) -> Option<Decimal> {
    match u8::try_from(scale) {
        Ok(scale) => Decimal::new(mantissa, scale),
        Err(_) if scale < 0 => {
            let power = power_of_ten(u8::try_from(scale.unsigned_abs()).ok().filter(|power| *power <= SCALE_MAX)?);
            Decimal::new(i64::try_from(i128::from(mantissa).checked_mul(power)?).ok()?, 0)
        }
        Err(_) => None,
    }
}

/// 10^`exponent` for an exponent of at most 36, which fits in 128 bits.
fn power_of_ten(exponent: u8) -> i128 {
    10_i128.pow(u32::from(exponent.min(36)))
}

fn divide_half_even(top: i128, bottom: i128) -> Option<i128> {
    let quotient = top.checked_div(bottom)?;
    let rest = top.checked_rem(bottom)?.unsigned_abs().checked_mul(2)?;
    let away = match rest.cmp(&bottom.unsigned_abs()) {
        Ordering::Less => false,
        Ordering::Equal => quotient % 2 != 0,
        Ordering::Greater => true,
    };
    let step = if (top < 0) == (bottom < 0) { 1 } else { -1 };
    if away { quotient.checked_add(step) } else { Some(quotient) }
}

/// 18 digits.
const MANTISSA_MAX: u64 = 999_999_999_999_999_999;
/// Decimals that a number may have.
pub const SCALE_MAX: u8 = 18;
/// Characters that a number may have in text.
const TEXT_BYTES_MAX: usize = 48;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn digits_stay_as_written() {
        for text in ["7.50", "0", "-0.05", "71", "999999999999999999", "0.000000000000000001"] {
            assert_eq!(read(text).to_string(), text);
        }
        for (text, kept) in
            [("1e3", "1000"), ("1.20E-2", "0.0120"), (".5", "0.5"), ("5.", "5"), ("-0", "0"), ("+2", "2")]
        {
            assert_eq!(read(text).to_string(), kept);
        }
        let too_many = "1".repeat(19);
        for wrong in ["", "-", ".", "1,5", "1e", "1e99", "0x10", "NaN", "1 000", "--1", too_many.as_str(), "1e-19"] {
            assert_eq!(wrong.parse::<Decimal>(), Err(NotADecimal), "{wrong}");
        }
    }

    #[test]
    fn comparison_is_by_value_and_equality_by_digits() {
        assert_eq!(read("7.5").compare(read("7.50")), Ordering::Equal);
        assert_ne!(read("7.5"), read("7.50"));
        assert_eq!(read("7.500").normalised(), read("7.5"));
        assert_eq!(read("0.00").normalised(), Decimal::ZERO);
        assert_eq!(read("-1.5").compare(read("-1.49")), Ordering::Less);
    }

    #[test]
    fn rounding_is_half_to_even() {
        let rounded = |text: &str| read(text).rounded(0).to_string();
        assert_eq!((rounded("0.5"), rounded("1.5"), rounded("2.5")), ("0".into(), "2".into(), "2".into()));
        assert_eq!((rounded("-1.5"), rounded("-0.51"), rounded("-2.5")), ("-2".into(), "-1".into(), "-2".into()));
        assert_eq!(read("1").times_ratio(read("1"), Decimal::ZERO, 2), None);
    }

    #[test]
    fn a_number_with_too_many_digits_is_rounded_only_when_asked() {
        let rounded = |text: &str| Decimal::from_text_rounded(text).map(|(number, exact)| (number.to_string(), exact));
        assert_eq!(rounded("56.498000000000004"), Ok(("56.498000000000004".into(), true)));
        assert_eq!(rounded("0.00012345678901234567"), Ok(("0.000123456789012346".into(), false)));
        assert_eq!(rounded("-1.2345678901234567895"), Ok(("-1.23456789012345679".into(), false)));
        assert_eq!(rounded("1234567890123456789.5"), Err(NotADecimal));
        assert_eq!(rounded("1.x"), Err(NotADecimal));
    }

    proptest! {
        #[test]
        fn every_decimal_reads_back(mantissa in -(MANTISSA_MAX.cast_signed())..=(MANTISSA_MAX.cast_signed()), scale in 0..=SCALE_MAX) {
            let number = Decimal::new(mantissa, scale).unwrap();
            prop_assert_eq!(read(&number.to_string()), number);
            prop_assert_eq!(serde_json::from_str::<Decimal>(&serde_json::to_string(&number).unwrap()).unwrap(), number);
            prop_assert_eq!(number.normalised().compare(number), Ordering::Equal);
            prop_assert_eq!(number.mantissa_at(scale).is_some(), true);
        }
    }
}
