//! ATK-29: a member sends a batch that is a bomb, or whose samples lie outside their month, unsorted or doubled. Every
//! replica must refuse it alike, or some would hold samples that others do not.

use proptest::prelude::*;

use super::*;

fn series() -> Series {
    Series::new("weight", &Source::new("Santé ", "Balance\u{b}"), "kg")
}

fn number(text: &str) -> SampleValue {
    SampleValue::Number(text.parse().unwrap())
}

fn sample(start_ms: i64, value: SampleValue) -> Sample {
    Sample { start_ms, end_ms: start_ms, value, offset_minutes: None, own_id: None }
}

fn only(samples: Vec<Sample>) -> Columns {
    let mut cut = Columns::cut(&series(), samples);
    assert_eq!((cut.columns.len(), cut.unsound), (1, 0));
    cut.columns.remove(0)
}

/// 2026-01-10T06:00:00Z.
const MORNING: i64 = 1_768_024_800_000;

fn mixed() -> Columns {
    only(vec![
        Sample { offset_minutes: Some(-210), own_id: Some([7; 16]), ..sample(MORNING + 5, number("70.071")) },
        Sample { end_ms: MORNING + 1000, ..sample(MORNING, number("71.50")) },
        sample(MORNING, number("123456.123456789012")),
    ])
}

#[test]
fn columns_read_back_from_their_bytes_with_values_normalised() {
    let columns = mixed();
    assert_eq!(Columns::decode(&columns.encode()).as_ref(), Ok(&columns));
    assert_eq!(columns.series().source, Source { application: "Santé".into(), device: "Balance".into() });
    let values: Vec<_> = columns.samples().iter().map(|sample| sample.value.clone()).collect();
    assert_eq!(values, [number("123456.123456789012"), number("71.5"), number("70.071")]);
    let (rest, numbers) = columns.numbers();
    assert_eq!(numbers.values[0], 0, "a number that does not fit is an exception");
    assert_eq!(Columns::join(&rest, &numbers).as_ref(), Ok(&columns));
}

/// The vector of `docs/format.md`, "Measure columns".
#[test]
fn the_bytes_are_those_of_the_format() {
    let series = Series::new("heart-rate", &Source::new("Santé", "Montre"), "count/min");
    let at = 1_767_225_600_000;
    let samples = vec![
        Sample { offset_minutes: Some(60), ..sample(at, number("61.50")) },
        Sample { end_ms: at + 1000, ..sample(at, number("70")) },
    ];
    let bytes = Columns::cut(&series, samples).columns.remove(0).encode();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    assert_eq!(hex, FORMAT_VECTOR);
}

const FORMAT_VECTOR: &str = "010a68656172742d726174650653616e74c3a9064d6f6e74726509636f756e742f6d696ef8bd01000200010002\
     01790100000100a8da769b01000000a8da769b0100000000000000000000e8030000000000006702000000000000bc02000000000000";

#[test]
fn equal_samples_give_equal_bytes_in_any_order_and_with_doubles() {
    let mut samples = mixed().into_samples();
    samples.push(sample(MORNING, number("123456.123456789012")));
    samples.push(Sample { own_id: Some([9; 16]), ..samples[1].clone() });
    samples.reverse();
    let cut = Columns::cut(&series(), samples);
    assert_eq!((cut.repeated, cut.unsound), (2, 0));
    assert_eq!(cut.columns, [mixed()]);
}

#[test]
fn a_month_is_a_month_of_utc_and_a_fuller_one_is_cut_into_parts() {
    let (first, next) = Month::new(2026, 1).unwrap().bounds_ms();
    let edges = [first - 1, first, next - 1, next].map(|at| sample(at, number("1")));
    let cut = Columns::cut(&series(), edges.to_vec());
    let months: Vec<String> = cut.columns.iter().map(|columns| columns.month().to_string()).collect();
    assert_eq!(months, ["2025-12", "2026-01", "2026-02"]);

    let count = i64::try_from(SAMPLES_PER_BATCH_MAX).unwrap() + 3;
    let many =
        (0..count).map(|at| sample(MORNING + at, number("1"))).chain([sample(MORNING, SampleValue::Code("a".into()))]);
    let cut = Columns::cut(&series(), many.collect());
    let parts: Vec<_> = cut.columns.iter().map(|columns| (columns.part(), columns.samples().len())).collect();
    assert_eq!(parts, [(0, SAMPLES_PER_BATCH_MAX), (1, 3), (2, 1)]);
    for columns in &cut.columns {
        assert_eq!(Columns::decode(&columns.encode()).as_ref(), Ok(columns));
    }
}

#[test]
fn codes_are_listed_once_and_cut_before_the_list_is_too_long() {
    let codes = (0..=CODES_PER_BATCH_MAX)
        .map(|at| sample(MORNING + i64::try_from(at).unwrap(), SampleValue::Code(format!("stage {at:04}"))));
    let cut = Columns::cut(&series(), codes.collect());
    assert_eq!(cut.columns.iter().map(|columns| columns.samples().len()).collect::<Vec<_>>(), [1024, 1]);
    for columns in &cut.columns {
        assert_eq!(Columns::decode(&columns.encode()).as_ref(), Ok(columns));
    }
}

#[test]
fn samples_that_cannot_stand_are_counted() {
    let wrong = vec![
        Sample { end_ms: MORNING - 1, ..sample(MORNING, number("1")) },
        sample(i64::MAX, number("1")),
        Sample { offset_minutes: Some(1081), ..sample(MORNING, number("1")) },
        sample(MORNING, SampleValue::Code(String::new())),
        sample(MORNING, SampleValue::Code("x".repeat(65))),
    ];
    let cut = Columns::cut(&series(), wrong);
    assert_eq!((cut.columns.len(), cut.unsound), (0, 5));
}

#[test]
fn atk_29_every_cut_and_every_trailing_byte_is_refused() {
    let bytes = mixed().encode();
    for length in 0..bytes.len() {
        assert!(Columns::decode(&bytes[..length]).is_err(), "cut at {length}");
    }
    let longer = [bytes.as_slice(), &[0]].concat();
    assert_eq!(Columns::decode(&longer), Err(BatchRefused::TrailingBytes));
}

#[test]
fn atk_29_one_changed_byte_gives_other_samples_or_a_refusal_and_never_the_same_ones() {
    let columns = mixed();
    let bytes = columns.encode();
    for place in 0..bytes.len() {
        for flip in [1_u8, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[place] ^= flip;
            if let Ok(read) = Columns::decode(&damaged) {
                assert_ne!(read, columns, "byte {place}");
                assert_eq!(read.encode(), damaged, "not canonical, yet accepted: byte {place}");
            }
        }
    }
}

fn rejoined(change: impl FnOnce(&mut Numbers)) -> Result<Columns, BatchRefused> {
    let columns = only(vec![
        Sample { end_ms: MORNING + 9, ..sample(MORNING, number("1.5")) },
        sample(MORNING + 1, number("2.5")),
    ]);
    let (rest, mut numbers) = columns.numbers();
    change(&mut numbers);
    Columns::join(&rest, &numbers)
}

#[test]
fn atk_29_samples_outside_their_month_unsorted_or_doubled_are_refused() {
    assert!(rejoined(|_| ()).is_ok());
    assert_eq!(rejoined(|n| n.starts[1] += 40 * DAY_MS), Err(BatchRefused::OutsideMonth));
    assert_eq!(rejoined(|n| n.starts[0] = i64::MIN), Err(BatchRefused::OutsideMonth));
    assert_eq!(rejoined(|n| n.starts.swap(0, 1)), Err(BatchRefused::Unsorted));
    assert_eq!(
        rejoined(|n| {
            n.starts[1] = n.starts[0];
            n.lengths[1] = 9;
            n.values[1] = n.values[0];
        }),
        Err(BatchRefused::Unsorted)
    );
    assert_eq!(rejoined(|n| n.lengths[0] = -1), Err(BatchRefused::Unsound));
    assert_eq!(rejoined(|n| n.lengths[0] = i64::MAX), Err(BatchRefused::Unsound));
    assert_eq!(rejoined(|n| n.lengths[0] = 0), Err(BatchRefused::NotCanonical("lengths")));
    assert_eq!(rejoined(|n| n.values[0] = i64::MAX), Err(BatchRefused::OverLimit("digits")));
    assert_eq!(rejoined(|n| n.values.iter_mut().for_each(|v| *v = 20)), Err(BatchRefused::NotCanonical("scale")));
    assert!(matches!(rejoined(|n| n.starts.push(0)), Err(BatchRefused::NotCanonical(_))));
}

#[test]
fn fault_c7_a_batch_bomb_is_refused_before_anything_is_allocated() {
    // A header that promises 2^60 samples, exceptions, codes or bytes of text, and holds a few bytes.
    let huge = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
    let names = [1_u8, 0, 0, 0, 0];
    let month = [0xc1, 0xbd, 0x01];
    let promise = |before: &[u8]| Columns::decode(&[before, &huge, &[0; 64]].concat());
    assert_eq!(promise(&[1]), Err(BatchRefused::OverLimit("name")));
    assert_eq!(promise(&[names.as_slice(), &month].concat()), Err(BatchRefused::OverLimit("parts")));
    assert_eq!(promise(&[names.as_slice(), &month, &[0]].concat()), Err(BatchRefused::OverLimit("samples")));
    let sixteen_bits = [0x80, 0x80, 0x04];
    let before_form = [names.as_slice(), &month, &[0], &sixteen_bits].concat();
    assert_eq!(promise(&[before_form.as_slice(), &[0, 0]].concat()), Err(BatchRefused::OverLimit("exceptions")));
    assert_eq!(promise(&[before_form.as_slice(), &[1]].concat()), Err(BatchRefused::OverLimit("codes")));
    assert_eq!(promise(&[before_form.as_slice(), &[0, 0, 0]].concat()), Err(BatchRefused::OverLimit("runs")));
    // Every count is right and the columns are not there.
    let hollow = [before_form.as_slice(), &[0, 0, 0, 1], &sixteen_bits, &[0, 0, 0]].concat();
    assert_eq!(Columns::decode(&hollow), Err(BatchRefused::Truncated));
    assert_eq!(Columns::decode(&[2]), Err(BatchRefused::UnknownVersion));
    assert_eq!(Columns::decode(&[1, 0x80, 0x00]), Err(BatchRefused::NotCanonical("varint")));
}

fn any_value() -> impl Strategy<Value = SampleValue> {
    let any_number = (-999_999_999_i64..=999_999_999, 0_u8..=12)
        .prop_map(|(mantissa, scale)| SampleValue::Number(Decimal::new(mantissa, scale).unwrap()));
    prop_oneof![any_number, "[a-d]{1,3}".prop_map(SampleValue::Code)]
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let times = (0_i64..200 * DAY_MS, prop_oneof![Just(0_i64), 0_i64..100_000]);
    let attributes = (proptest::option::of(-1080_i16..=1080), proptest::option::of(any::<[u8; 16]>()));
    (times, any_value(), attributes).prop_map(|((start, length), value, (offset_minutes, own_id))| Sample {
        start_ms: MORNING + start,
        end_ms: MORNING + start + length,
        value,
        offset_minutes,
        own_id,
    })
}

proptest! {
    #[test]
    fn any_samples_come_back_whole(samples in proptest::collection::vec(any_sample(), 0..200)) {
        let cut = Columns::cut(&series(), samples.clone());
        prop_assert_eq!(cut.unsound, 0);
        let mut back = Vec::new();
        for columns in cut.columns {
            let bytes = columns.encode();
            let read = Columns::decode(&bytes).unwrap();
            prop_assert_eq!(read.encode(), bytes);
            back.extend(read.into_samples());
        }
        prop_assert_eq!(back.len() + cut.repeated, samples.len());
        for sample in samples {
            let value = sample.value.normalised();
            let times = (sample.start_ms, sample.end_ms);
            prop_assert!(back.iter().any(|kept| (kept.start_ms, kept.end_ms) == times && kept.value == value));
        }
    }

    #[test]
    fn atk_29_no_bytes_make_the_decoder_fail_loudly(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(columns) = Columns::decode(&bytes) {
            prop_assert_eq!(columns.encode(), bytes);
        }
    }
}
