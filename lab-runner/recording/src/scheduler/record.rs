//! An event in a lane, in four words. The recorder writes it on the thread of the program.

use crate::scheduler::What;

/// Words of a record.
pub const WORDS: usize = 4;
/// The value of a latency that is not measured.
const NO_LATENCY: u64 = (1 << LATENCY_BITS) - 1;
const LATENCY_BITS: u32 = 48;
const LENGTH_BITS: u32 = 40;
const MOST_LENGTH: u64 = (1 << LENGTH_BITS) - 1;

/// A record. Times are ticks of the time-stamp counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The kind of the record.
    pub what: Kind,
    /// Time, or start.
    pub at: u64,
    /// Length of a poll or of a gap.
    pub length: u64,
    /// The task; for a thread its number, for a gap the number of missing events.
    pub task: u64,
    /// Schedule latency of a poll; absent if it is not measured.
    pub latency_ns: Option<u64>,
    /// The number of the spawn location.
    pub place: u16,
    /// Worker and runtime.
    pub owner: Owner,
    /// Whether the task's budget was spent at the end of the poll.
    pub budget_spent: bool,
    /// Whether the poll was in progress when it was recorded.
    pub open: bool,
}

/// The kind of a record: an event, or a gap where the writer could not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event.
    Event(What),
    /// Events are missing here.
    Gap,
}

const KINDS: [Kind; 7] = [
    Kind::Event(What::Poll),
    Kind::Event(What::Spawn),
    Kind::Event(What::End),
    Kind::Event(What::Park),
    Kind::Event(What::Unpark),
    Kind::Event(What::Thread),
    Kind::Gap,
];

impl Kind {
    /// The code of the kind in a file.
    pub fn code(self) -> u8 {
        KINDS.iter().position(|kind| *kind == self).unwrap_or_default() as u8
    }

    /// The kind with this code, if there is one.
    pub fn of(code: u8) -> Option<Kind> {
        KINDS.get(usize::from(code)).copied()
    }
}

/// The worker of an event, in ten bits, and its runtime, in six bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The runtime's number in the run, below 64.
    pub runtime: u8,
    /// The worker's number in its runtime, below 1 024.
    pub worker: u16,
}

impl Owner {
    /// Encodes both in sixteen bits.
    pub fn to_bits(self) -> u64 {
        u64::from(self.runtime & 63) << 10 | u64::from(self.worker.min(1_023))
    }

    /// Decodes sixteen bits.
    pub fn of_bits(bits: u64) -> Owner {
        Owner { runtime: (bits >> 10) as u8 & 63, worker: bits as u16 & 1_023 }
    }
}

impl Record {
    /// An event without a length.
    pub fn moment(what: What, at: u64, task: u64, place: u16, owner: Owner) -> Record {
        let what = Kind::Event(what);
        Record {
            what,
            at,
            length: 0,
            task,
            latency_ns: None,
            place,
            owner,
            budget_spent: false,
            open: false,
        }
    }

    /// Encodes the record in four words. Values that are too large are cut to the largest that
    /// fits.
    #[inline]
    pub fn to_words(self) -> [u64; WORDS] {
        let flags = u64::from(self.what.code())
            | u64::from(self.budget_spent) << 3
            | u64::from(self.open) << 4;
        [
            self.at,
            self.length.min(MOST_LENGTH)
                | self.owner.to_bits() << LENGTH_BITS
                | flags << (LENGTH_BITS + 16),
            self.task,
            latency_word(self.latency_ns) | u64::from(self.place) << LATENCY_BITS,
        ]
    }

    /// Decodes four words.
    pub fn of_words(words: [u64; WORDS]) -> Record {
        let [at, mixed, task, waited] = words;
        let flags = (mixed >> (LENGTH_BITS + 16)) as u8;
        let latency = waited & NO_LATENCY;
        Record {
            what: Kind::of(flags & 7).unwrap_or(Kind::Gap),
            at,
            length: mixed & MOST_LENGTH,
            task,
            latency_ns: (latency != NO_LATENCY).then_some(latency),
            place: (waited >> LATENCY_BITS) as u16,
            owner: Owner::of_bits(mixed >> LENGTH_BITS & 0xffff),
            budget_spent: flags & 8 != 0,
            open: flags & 16 != 0,
        }
    }

    /// End of the record, in ticks.
    pub fn end(&self) -> u64 {
        self.at.wrapping_add(self.length)
    }
}

fn latency_word(latency_ns: Option<u64>) -> u64 {
    latency_ns.map_or(NO_LATENCY, |ns| ns.min(NO_LATENCY - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_and_what_is_too_long_is_the_longest() {
        for (number, what) in KINDS.into_iter().enumerate() {
            let record = Record {
                what,
                at: u64::MAX - number as u64,
                length: 1 << (number * 5),
                task: u64::MAX >> number,
                latency_ns: (number % 2 == 0).then_some(7 << number),
                place: 60_000 + number as u16,
                owner: Owner { runtime: number as u8 * 9, worker: 1_000 + number as u16 },
                budget_spent: number % 3 == 0,
                open: number % 3 == 1,
            };
            assert_eq!(Record::of_words(record.to_words()), record);
        }
        let long = Record::moment(What::Poll, 1, 2, 3, Owner::default());
        let long = Record { length: u64::MAX, latency_ns: Some(u64::MAX), ..long };
        let back = Record::of_words(long.to_words());
        assert_eq!((back.length, back.latency_ns), (MOST_LENGTH, Some(NO_LATENCY - 1)));
    }
}
