use super::*;

fn series() -> Series {
    Series { kind: "weight".to_owned(), source: Source::new("Santé", "Balance"), unit: "kg".to_owned() }
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn columns_read_back_from_their_bytes() {
    let samples = vec![
        Sample::at(1_768_024_800_000, number("70.50")),
        Sample { offset_minutes: Some(60), ..Sample::at(1_768_024_900_000, number("71")) },
    ];
    let cut = Columns::cut(&series(), samples);
    assert_eq!((cut.columns.len(), cut.repeated, cut.unsound), (1, 0, 0));
    let columns = &cut.columns[0];
    assert_eq!(Columns::decode(&columns.encode()).as_ref(), Ok(columns));
}
