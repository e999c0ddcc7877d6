//! A request log in columns, which gzip compresses to less than half of the size.
//!
//! A log is a sequence of slots of four times each. The times of a slot are close together, and so
//! are successive slots, but in the file no byte repeats the one before it. So each time is
//! replaced by its distance from the time before it in the slot, and the first one by its distance
//! from the slot before. Then the bytes are sorted by position: all lowest bytes of the first time,
//! then all second bytes, and so on. Most positions then contain only zeros.
//!
//! *Example.* The slots (1000, 1003, 1010, 1011) and (2000, 2001, 2004, 2006) become the distances
//! (1000, 3, 7, 1) and (1000, 1, 3, 2).
//!
//! Both directions keep the length, and are inverse for any bytes: bytes that are too few for a
//! header or a slot are copied.

use crate::request_log::{HEADER_WORDS, SLOT_WORDS};

const HEADER: usize = HEADER_WORDS * WORD;
const SLOT: usize = SLOT_WORDS * WORD;
const WORD: usize = size_of::<u64>();

/// Converts a log to columns.
pub fn encode(log: &[u8]) -> Vec<u8> {
    let (header, slots, rest) = parts(log);
    let count = slots.len() / SLOT;
    let mut columns = vec![0; slots.len()];
    let mut slot_before = 0;
    for (row, slot) in slots.chunks_exact(SLOT).enumerate() {
        let mut before = slot_before;
        for (field, word) in words(slot).into_iter().enumerate() {
            for (byte, value) in
                zigzag(word.wrapping_sub(before)).to_le_bytes().into_iter().enumerate()
            {
                columns[(field * WORD + byte) * count + row] = value;
            }
            before = word;
        }
        slot_before = words(slot)[0];
    }
    [header, &columns, rest].concat()
}

/// Converts columns back to the log.
pub fn decode(encoded: &[u8]) -> Vec<u8> {
    let (header, columns, rest) = parts(encoded);
    let count = columns.len() / SLOT;
    let mut slots = Vec::with_capacity(columns.len());
    let mut slot_before = 0_u64;
    for row in 0..count {
        let mut before = slot_before;
        for field in 0..SLOT_WORDS {
            let mut bytes = [0; WORD];
            for (byte, value) in bytes.iter_mut().enumerate() {
                *value = columns[(field * WORD + byte) * count + row];
            }
            let word = before.wrapping_add(from_zigzag(u64::from_le_bytes(bytes)));
            slots.extend(word.to_le_bytes());
            before = word;
            if field == 0 {
                slot_before = word;
            }
        }
    }
    [header, &slots, rest].concat()
}

/// Header, whole slots, and the rest.
fn parts(bytes: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (header, body) = bytes.split_at(bytes.len().min(HEADER));
    let (slots, rest) = body.split_at(body.len() / SLOT * SLOT);
    (header, slots, rest)
}

fn words(slot: &[u8]) -> [u64; SLOT_WORDS] {
    let mut words = [0; SLOT_WORDS];
    for (word, bytes) in words.iter_mut().zip(slot.as_chunks::<WORD>().0) {
        *word = u64::from_le_bytes(*bytes);
    }
    words
}

/// A small number for a small distance in either direction: 0, -1, 1, -2 become 0, 1, 2, 3.
fn zigzag(distance: u64) -> u64 {
    (distance << 1) ^ ((distance as i64 >> 63) as u64)
}

fn from_zigzag(value: u64) -> u64 {
    (value >> 1) ^ (value & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn near_times_become_small_numbers() {
        assert_eq!([0_i64, -1, 1, -2].map(|distance| zigzag(distance as u64)), [0, 1, 2, 3]);
        let slots = [[1_000_u64, 1_003, 1_010, 1_011], [2_000, 2_001, 0, 0]];
        let log = [
            vec![7; HEADER],
            slots.as_flattened().iter().flat_map(|word| word.to_le_bytes()).collect(),
        ]
        .concat();
        let columns = encode(&log);
        assert_eq!(columns.len(), log.len());
        let lowest = |field: usize| &columns[HEADER + field * WORD * 2..][..2];
        assert_eq!(lowest(1), [6, 2], "sent 3 and 1 after it was intended");
        assert_eq!(lowest(3), [2, 0], "ended 1 after its first poll; neither happened");
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            prop_assert_eq!(decode(&encode(&bytes)), bytes);
        }

        #[test]
        fn any_slots_come_back(
            slots in prop::collection::vec(any::<[u64; 4]>(), 0..40),
            rest in 0..SLOT,
        ) {
            let words = slots.as_flattened().iter().flat_map(|word| word.to_le_bytes());
            let log: Vec<u8> = [1; HEADER].into_iter().chain(words).chain(vec![9; rest]).collect();
            prop_assert_eq!(decode(&encode(&log)), log);
        }
    }
}
