//! A record of 24 bytes: one wait of one future.

use super::durations::{BITS, long, short};

/// Bits of the begin of a wait, in nanoseconds since the start of the file: 18 minutes.
const BEGIN_BITS: u32 = 40;
/// Bits of the number of a stack, or of a set of stacks.
const STACK_BITS: u32 = 14;
/// Stacks that can be told apart, and sets of them.
pub const MOST_STACKS: usize = (1 << STACK_BITS) - 1;
/// Stacks of a set.
pub const LEAVES: usize = 4;
/// Bits of the number of a named future among those of its name.
const INSTANCE_BITS: u32 = 22;

/// The kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A wait that its waker ended.
    Woken = 1,
    /// A wait that ended without a call of the future's waker: whoever polls the future polled it
    /// for another reason.
    Polled = 2,
    /// A wait that had not ended when the request log was closed.
    Open = 3,
    /// A wait whose waker was called before the request log was closed, and whose poll did not come.
    Runnable = 4,
    /// A wake of what the future awaited in an earlier poll, and did not poll in its last one. The
    /// wait of the last poll goes on.
    Stale = 5,
    /// What the future awaited in an earlier poll, did not poll in its last one, and still held when
    /// the request log was closed.
    Kept = 6,
}

impl Kind {
    const ALL: [Kind; 6] =
        [Kind::Woken, Kind::Polled, Kind::Open, Kind::Runnable, Kind::Stale, Kind::Kept];
}

/// A followed future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Future {
    /// That of a request, by its number.
    Request(u32),
    /// One that the program named: the number of its name, and its own among those of the name,
    /// which repeats after four million.
    Named(u8, u32),
}

/// What called a waker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Waker {
    /// Code outside of all tasks that are known: a thread of the program, a timer, a socket.
    Outside,
    /// A followed future in its poll.
    Followed(Future),
    /// A task that is not followed, by the number of its spawn location.
    Task(u16),
}

/// One wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The kind.
    pub kind: Kind,
    /// The future that waits.
    pub future: Future,
    /// The set of stacks of what it polled last and awaits; 0 if unknown.
    pub place: u16,
    /// Which of them the wake came through, from 1; 0 if that is unknown.
    pub leaf: u8,
    /// What ended the wait.
    pub waker: Waker,
    /// The stack of that call; 0 if unknown.
    pub waker_stack: u16,
    /// End of the poll that the wait follows, in nanoseconds since the start of the file. Of a stale
    /// wake the time of the wake.
    pub begin_ns: u64,
    /// From there to the call of the waker, or to the end of the recording.
    pub awaited_ns: u64,
    /// From the call of the waker to the next poll, or to the end of the recording.
    pub runnable_ns: u64,
}

/// Words of a record.
pub const WORDS: usize = 3;

const fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

impl Future {
    fn number(self) -> u64 {
        match self {
            Future::Request(number) => u64::from(number) & mask(31),
            Future::Named(name, instance) => {
                1 << 31 | u64::from(name) << INSTANCE_BITS | u64::from(instance) & mask(22)
            }
        }
    }

    fn of(number: u64) -> Future {
        match number >> 31 & 1 {
            0 => Future::Request((number & mask(31)) as u32),
            _ => Future::Named(
                (number >> INSTANCE_BITS & 0xff) as u8,
                (number & mask(INSTANCE_BITS)) as u32,
            ),
        }
    }
}

impl Waker {
    /// The two highest bits: 00 a request, whose number is one higher, 10 a named future, 11 a
    /// task; 0 is none of them.
    fn number(self) -> u64 {
        match self {
            Waker::Outside => 0,
            Waker::Followed(Future::Request(number)) => (u64::from(number) + 1) & mask(31),
            Waker::Followed(named) => named.number(),
            Waker::Task(place) => 0b11 << 30 | u64::from(place),
        }
    }

    fn of(number: u64) -> Waker {
        match (number >> 30 & 0b11, number) {
            (_, 0) => Waker::Outside,
            (0b11, _) => Waker::Task(number as u16),
            (0b10, _) => Waker::Followed(Future::of(number)),
            _ => Waker::Followed(Future::Request((number - 1) as u32)),
        }
    }
}

impl Record {
    /// The words of the record; none if the wait began too late for the bits of its begin. The
    /// first word is not zero, and is written last.
    pub fn to_words(self) -> Option<[u64; WORDS]> {
        if self.begin_ns > mask(BEGIN_BITS) {
            return None;
        }
        let place = u64::from(self.place) & mask(STACK_BITS);
        let waker_stack = u64::from(self.waker_stack) & mask(STACK_BITS);
        Some([
            self.begin_ns
                | (self.kind as u64) << BEGIN_BITS
                | place << (BEGIN_BITS + 3)
                | u64::from(self.leaf & 0b111) << (BEGIN_BITS + 3 + STACK_BITS),
            self.future.number() | self.waker.number() << 32,
            waker_stack
                | short(self.awaited_ns) << STACK_BITS
                | short(self.runnable_ns) << (STACK_BITS + BITS),
        ])
    }

    /// The record of three words; none if they are none, or were not written completely.
    pub fn from_words(words: [u64; WORDS]) -> Option<Record> {
        let [first, second, third] = words;
        let kind = (first >> BEGIN_BITS & 0b111) as usize;
        Some(Record {
            kind: *Kind::ALL.get(kind.checked_sub(1)?)?,
            future: Future::of(second & mask(32)),
            place: (first >> (BEGIN_BITS + 3) & mask(STACK_BITS)) as u16,
            leaf: (first >> (BEGIN_BITS + 3 + STACK_BITS) & 0b111) as u8,
            waker: Waker::of(second >> 32),
            waker_stack: (third & mask(STACK_BITS)) as u16,
            begin_ns: first & mask(BEGIN_BITS),
            awaited_ns: long(third >> STACK_BITS & mask(BITS)),
            runnable_ns: long(third >> (STACK_BITS + BITS) & mask(BITS)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn future() -> impl Strategy<Value = Future> {
        prop_oneof![
            (0..u32::MAX >> 1).prop_map(Future::Request),
            (any::<u8>(), 0..1_u32 << INSTANCE_BITS)
                .prop_map(|(name, instance)| Future::Named(name, instance)),
        ]
    }

    fn waker() -> impl Strategy<Value = Waker> {
        prop_oneof![
            Just(Waker::Outside),
            (0..(u32::MAX >> 1) - 1).prop_map(|number| Waker::Followed(Future::Request(number))),
            (any::<u8>(), 0..1_u32 << INSTANCE_BITS)
                .prop_map(|(name, instance)| Waker::Followed(Future::Named(name, instance))),
            any::<u16>().prop_map(Waker::Task),
        ]
    }

    proptest! {
        #[test]
        fn a_record_is_read_back(
            kind in prop::sample::select(&Kind::ALL[..]),
            future in future(),
            waker in waker(),
            stacks in (0..=MOST_STACKS as u16, 0..=MOST_STACKS as u16),
            leaf in 0..=LEAVES as u8,
            begin_ns in 0..1_u64 << BEGIN_BITS,
            durations in (0..1_u64 << 20, 0..1_u64 << 20),
        ) {
            let record = Record {
                kind,
                future,
                place: stacks.0,
                leaf,
                waker,
                waker_stack: stacks.1,
                begin_ns,
                awaited_ns: durations.0,
                runnable_ns: durations.1,
            };
            prop_assert_eq!(Record::from_words(record.to_words().unwrap()), Some(record));
            prop_assert_eq!(Record { begin_ns: 1 << BEGIN_BITS, ..record }.to_words(), None);
        }
    }

    #[test]
    fn words_that_were_not_written_are_no_record() {
        assert_eq!(Record::from_words([0; WORDS]), None);
    }
}
