//! Faults of attached files: B8 (chunks missing, moved, repeated, two lasts), at the edges of chunks and counts.

use proptest::prelude::*;
use rand::{SeedableRng as _, rngs::StdRng};

use super::*;

const CONTEXT: &[u8] = b"record 1, document 2";
/// Contents around the edges of chunks, and files of 257 and 258 chunks.
const EDGES: [usize; 8] = [0, 1, 65_535, 65_536, 65_537, 131_072, 256 * CHUNK_BYTES + 1, 257 * CHUNK_BYTES + 1];

fn key() -> FileKey {
    FileKey::from_store(&[4; 32]).unwrap()
}

/// Bytes that differ from chunk to chunk.
fn content(length: usize) -> Vec<u8> {
    (0..length).map(|place| u8::try_from((place / 251 + place) % 251).unwrap()).collect()
}

fn seal(content: &[u8], padding: Padding) -> (Layout, Vec<u8>) {
    let mut sealer = Sealer::new(&key(), CONTEXT, &mut StdRng::seed_from_u64(1)).unwrap();
    let mut file = Vec::new();
    sealer.push(content, &mut file).unwrap();
    let layout = match padding {
        Padding::Exact => sealer.finish(&mut file),
        Padding::Padded => sealer.finish_padded(&mut file),
    };
    (layout, file)
}

fn open(sealed: &[u8], layout: Layout) -> Result<Vec<u8>, StreamRefused> {
    let mut opener = Opener::new(&key(), CONTEXT, layout)?;
    let mut content = Vec::new();
    opener.push(sealed, &mut content)?;
    opener.finish()?;
    Ok(content)
}

/// The sealed chunks of a file, without its prefix.
fn chunks(sealed: &[u8]) -> Vec<Vec<u8>> {
    sealed[STREAM_PREFIX_BYTES..].chunks(SEALED_CHUNK_BYTES).map(<[u8]>::to_vec).collect()
}

fn file_of(prefix: &[u8], chunks: &[Vec<u8>]) -> Vec<u8> {
    [prefix, &chunks.concat()].concat()
}

/// Opens a file whose length alone tells its size, as whoever has only the file would.
fn open_by_length(sealed: &[u8]) -> Result<Vec<u8>, StreamRefused> {
    open(sealed, Layout::from_sealed_len(u64::try_from(sealed.len()).unwrap())?)
}

#[test]
fn fault_b8_files_open_at_every_edge_whole_and_by_chunk() {
    for length in EDGES {
        for padding in [Padding::Exact, Padding::Padded] {
            let content = content(length);
            let (layout, sealed) = seal(&content, padding);
            assert_eq!(Layout::new(u64::try_from(length).unwrap(), padding), Ok(layout));
            assert_eq!(u64::try_from(sealed.len()), Ok(layout.sealed_len()), "{length} bytes, {padding:?}");
            assert!(open(&sealed, layout).unwrap() == content, "{length} bytes, {padding:?}");
            let prefix = sealed.first_chunk().unwrap();
            let opener = ChunkOpener::new(&key(), CONTEXT, layout, prefix).unwrap();
            let mut alone = Vec::new();
            for index in 0..layout.chunks() {
                let (start, length) = layout.chunk_place(index).unwrap();
                let start = usize::try_from(start).unwrap();
                alone.extend_from_slice(&opener.open_chunk(index, &sealed[start..start + length]).unwrap());
            }
            assert!(alone == content);
            assert_eq!(layout.chunk_place(layout.chunks()), None);
        }
    }
}

#[test]
fn fault_b8_257_and_258_chunks_are_that_many() {
    assert_eq!(seal(&content(EDGES[6]), Padding::Exact).0.chunks(), 257);
    assert_eq!(seal(&content(EDGES[7]), Padding::Exact).0.chunks(), 258);
}

#[test]
fn fault_b8_a_missing_last_chunk_is_refused() {
    for length in [65_537, 131_072, EDGES[6], EDGES[7]] {
        let (layout, sealed) = seal(&content(length), Padding::Exact);
        let cut = STREAM_PREFIX_BYTES + (chunks(&sealed).len() - 1) * SEALED_CHUNK_BYTES;
        let found = u64::try_from(cut).unwrap();
        let missing = Err(StreamRefused::Length { expected: layout.sealed_len(), found });
        assert_eq!(open(&sealed[..cut], layout), missing, "{length} bytes");
        // Believing the shorter length does not help: the chunk now last was not sealed as the last.
        let index = layout.chunks() - 2;
        assert_eq!(open_by_length(&sealed[..cut]), Err(StreamRefused::NotAuthentic { index }), "{length} bytes");
    }
}

#[test]
fn fault_b8_chunks_in_another_order_are_refused() {
    let (layout, sealed) = seal(&content(4 * CHUNK_BYTES), Padding::Exact);
    let prefix = &sealed[..STREAM_PREFIX_BYTES];
    for a in 0..4_usize {
        for b in a + 1..4 {
            let mut moved = chunks(&sealed);
            moved.swap(a, b);
            let index = u64::try_from(a).unwrap();
            assert_eq!(open(&file_of(prefix, &moved), layout), Err(StreamRefused::NotAuthentic { index }));
        }
    }
}

#[test]
fn fault_b8_a_repeated_chunk_is_refused() {
    let (layout, sealed) = seal(&content(3 * CHUNK_BYTES), Padding::Exact);
    let prefix = &sealed[..STREAM_PREFIX_BYTES];
    for place in 0..3 {
        let mut repeated = chunks(&sealed);
        repeated.insert(place, repeated[place].clone());
        let file = file_of(prefix, &repeated);
        assert!(matches!(open(&file, layout), Err(StreamRefused::Length { .. })));
        let first_wrong = if place == 2 { 2 } else { u64::try_from(place + 1).unwrap() };
        assert_eq!(open_by_length(&file), Err(StreamRefused::NotAuthentic { index: first_wrong }));
    }
}

#[test]
fn fault_b8_two_last_chunks_are_refused() {
    let prefix = [7; STREAM_PREFIX_BYTES];
    let cipher = ChunkCipher::new(&key(), &prefix, CONTEXT);
    let size = 2 * u64::try_from(CHUNK_BYTES).unwrap();
    let sealed = |index, last: Option<u64>| {
        let mut chunk = vec![1; CHUNK_BYTES];
        let tag = cipher.seal(index, last, &mut chunk);
        [chunk, tag.to_vec()].concat()
    };
    let honest = file_of(&prefix, &[sealed(0, None), sealed(1, Some(size))]);
    assert_eq!(open_by_length(&honest).map(|content| content.len()), Ok(2 * CHUNK_BYTES));
    let two_lasts = file_of(&prefix, &[sealed(0, Some(size)), sealed(1, Some(size))]);
    assert_eq!(open_by_length(&two_lasts), Err(StreamRefused::NotAuthentic { index: 0 }));
    let no_last = file_of(&prefix, &[sealed(0, None), sealed(1, None)]);
    assert_eq!(open_by_length(&no_last), Err(StreamRefused::NotAuthentic { index: 1 }));
    let another_size = file_of(&prefix, &[sealed(0, None), sealed(1, Some(size - 1))]);
    assert_eq!(open_by_length(&another_size), Err(StreamRefused::NotAuthentic { index: 1 }));
}

#[test]
fn fault_b8_an_empty_last_chunk_is_only_that_of_an_empty_file() {
    let prefix = [7; STREAM_PREFIX_BYTES];
    let cipher = ChunkCipher::new(&key(), &prefix, CONTEXT);
    let mut full = vec![1; CHUNK_BYTES];
    let tag = cipher.seal(0, None, &mut full);
    let empty = cipher.seal(1, Some(65_536), &mut []);
    let file = [prefix.as_slice(), &full, &tag, &empty].concat();
    assert_eq!(open_by_length(&file), Err(StreamRefused::Shape));
    let layout = Layout::new(65_536, Padding::Exact).unwrap();
    assert!(open(&file, layout).is_err());
    assert_eq!(seal(&[], Padding::Exact).1.len(), STREAM_PREFIX_BYTES + TAG_BYTES);
}

#[test]
fn fault_b3_a_chunk_of_another_file_or_place_is_refused() {
    let (layout, sealed) = seal(&content(100), Padding::Padded);
    let refused = Err(StreamRefused::NotAuthentic { index: 0 });
    let opened = |key: &FileKey, context: &[u8]| {
        let mut opener = Opener::new(key, context, layout).unwrap();
        opener.push(&sealed, &mut Vec::new())
    };
    assert_eq!(opened(&key(), CONTEXT), Ok(()));
    assert_eq!(opened(&key(), b"record 1, document 3"), refused);
    assert_eq!(opened(&FileKey::from_store(&[5; 32]).unwrap(), CONTEXT), refused);
    // Another file under the same key: its chunk under the prefix of this one.
    let mut other = Vec::new();
    let mut another = Sealer::new(&key(), CONTEXT, &mut StdRng::seed_from_u64(2)).unwrap();
    another.push(&content(100), &mut other).unwrap();
    another.finish_padded(&mut other);
    let mixed = [&sealed[..STREAM_PREFIX_BYTES], &other[STREAM_PREFIX_BYTES..]].concat();
    assert_eq!(open(&mixed, layout), Err(StreamRefused::NotAuthentic { index: 0 }));
}

#[test]
fn fault_b1_a_flipped_bit_of_any_byte_of_a_file_is_refused() {
    let (layout, sealed) = seal(&content(300), Padding::Padded);
    for byte in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[byte] ^= 1 << (byte % 8);
        assert_eq!(open(&altered, layout), Err(StreamRefused::NotAuthentic { index: 0 }), "byte {byte}");
    }
}

#[test]
fn a_refused_chunk_leaves_nothing_in_the_output() {
    let (layout, sealed) = seal(&content(300), Padding::Padded);
    let opener = ChunkOpener::new(&key(), CONTEXT, layout, sealed.first_chunk().unwrap()).unwrap();
    let mut out = b"before".to_vec();
    let mut altered = sealed[STREAM_PREFIX_BYTES..].to_vec();
    altered[0] ^= 1;
    assert_eq!(opener.open_chunk_into(0, &altered, &mut out), Err(StreamRefused::NotAuthentic { index: 0 }));
    assert_eq!(out, b"before");
    altered[0] ^= 1;
    assert_eq!(opener.open_chunk_into(0, &altered, &mut out), Ok(()));
    assert!(out == [b"before".as_slice(), &content(300)].concat());
}

#[test]
fn fault_b2_a_file_cut_or_prolonged_at_any_length_is_refused() {
    let (layout, sealed) = seal(&content(70_000), Padding::Padded);
    for length in (0..sealed.len()).step_by(997).chain([sealed.len() - 1]) {
        assert!(matches!(open(&sealed[..length], layout), Err(StreamRefused::Length { .. })), "{length} bytes");
        assert!(open_by_length(&sealed[..length]).is_err());
    }
    let longer = [sealed.as_slice(), &[0]].concat();
    assert!(matches!(open(&longer, layout), Err(StreamRefused::Length { .. })));
}

#[test]
fn fault_b8_a_size_that_is_not_the_content_s_is_refused() {
    let (_, sealed) = seal(&content(300), Padding::Padded);
    for size in [0, 299, 301, 320, 384] {
        let layout = Layout::new(size, Padding::Padded).unwrap();
        assert!(open(&sealed, layout).is_err(), "{size}");
    }
    assert_eq!(Layout::new(STREAM_BYTES_MAX + 1, Padding::Exact), Err(StreamRefused::Shape));
    assert!(Layout::new(STREAM_BYTES_MAX, Padding::Padded).is_ok());
}

#[test]
fn a_context_beyond_the_bound_is_refused_on_both_sides() {
    let long = [0; STREAM_CONTEXT_BYTES_MAX + 1];
    let layout = Layout::new(0, Padding::Exact).unwrap();
    let rng = &mut StdRng::seed_from_u64(3);
    assert_eq!(Sealer::new(&key(), &long, rng).map(|_| ()), Err(StreamError::Context(1025)));
    assert_eq!(Opener::new(&key(), &long, layout).map(|_| ()), Err(StreamRefused::Shape));
    assert_eq!(ChunkOpener::new(&key(), &long, layout, &[0; 16]).map(|_| ()), Err(StreamRefused::Shape));
    assert!(Sealer::new(&key(), &long[1..], rng).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pieces_of_any_size_give_the_same_file(length in 0_usize..200_000, piece in 1_usize..70_000) {
        let content = content(length);
        let (layout, whole) = seal(&content, Padding::Padded);
        let mut sealer = Sealer::new(&key(), CONTEXT, &mut StdRng::seed_from_u64(1)).unwrap();
        let mut file = Vec::new();
        for bytes in content.chunks(piece) {
            sealer.push(bytes, &mut file).unwrap();
        }
        prop_assert_eq!(sealer.finish_padded(&mut file), layout);
        prop_assert!(file == whole);
        let mut opener = Opener::new(&key(), CONTEXT, layout).unwrap();
        let mut opened = Vec::new();
        for bytes in file.chunks(piece) {
            opener.push(bytes, &mut opened).unwrap();
        }
        prop_assert_eq!(opener.finish(), Ok(layout));
        prop_assert!(opened == content);
    }

    #[test]
    fn the_sealed_length_tells_the_size_and_nothing_else_does(size in 0_u64..STREAM_BYTES_MAX) {
        let layout = Layout::new(size, Padding::Exact).unwrap();
        prop_assert_eq!(Layout::from_sealed_len(layout.sealed_len()), Ok(layout));
    }

    #[test]
    fn a_sealed_length_stands_for_one_size_or_none(sealed in 0_u64..1 << 24) {
        if let Ok(layout) = Layout::from_sealed_len(sealed) {
            prop_assert_eq!(layout.sealed_len(), sealed);
        }
    }
}
