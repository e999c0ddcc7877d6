//! A ring of records between one thread that records and the writer: preallocated, no lock, and
//! where the writer cannot keep up whole blocks are left out, for a recording with holes everywhere
//! would be worth less than one with a gap.

use lab_recording::scheduler::record::{Kind, Owner, Record, WORDS};
use std::sync::atomic::{AtomicU64, Ordering};

/// Records that are left out together.
pub(crate) const BLOCK: u64 = 1_024;

/// One thread pushes, one thread pops.
pub(crate) struct Ring {
    words: Box<[AtomicU64]>,
    /// One less than there is room for: a division for each record would cost as much as a reading
    /// of the clock.
    mask: u64,
    pushed: AtomicU64,
    popped: AtomicU64,
    /// Up to here the pusher knows of room. Its own, as are the three below.
    limit: AtomicU64,
    missing: AtomicU64,
    missing_from: AtomicU64,
    missing_until: AtomicU64,
}

impl Ring {
    /// Room for so many records, a power of two; every page of it is there from the start.
    pub fn new(records: usize) -> Ring {
        let records = records.next_power_of_two();
        let words: Box<[AtomicU64]> =
            (0..records * WORDS).map(|word| AtomicU64::new(word as u64)).collect();
        let [pushed, popped, missing, missing_from, missing_until] =
            [const { AtomicU64::new(0) }; 5];
        Ring {
            words,
            mask: records as u64 - 1,
            pushed,
            popped,
            limit: AtomicU64::new(records as u64),
            missing,
            missing_from,
            missing_until,
        }
    }

    fn room(&self) -> u64 {
        self.mask + 1
    }

    /// Puts a record in, or leaves it out with its block.
    #[inline]
    pub fn push(&self, record: Record) {
        let pushed = self.pushed.load(Ordering::Relaxed);
        if pushed < self.limit.load(Ordering::Relaxed) {
            self.put(pushed, record);
        } else {
            self.push_where_room_is_short(pushed, record);
        }
    }

    #[inline]
    fn put(&self, pushed: u64, record: Record) {
        let at = (pushed & self.mask) as usize * WORDS;
        if let Some(slots) = self.words.get(at..at + WORDS) {
            slots
                .iter()
                .zip(record.to_words())
                .for_each(|(slot, word)| slot.store(word, Ordering::Relaxed));
        }
        self.pushed.store(pushed + 1, Ordering::Release);
    }

    /// The limit is reached: either the writer has made room since, or this record is left out.
    /// While some are missing the limit stays where it is, so that every push comes here.
    #[cold]
    fn push_where_room_is_short(&self, pushed: u64, record: Record) {
        let limit = self.popped.load(Ordering::Acquire) + self.room();
        let missing = self.missing.load(Ordering::Relaxed);
        let whole_blocks = missing.is_multiple_of(BLOCK);
        if !whole_blocks || limit < pushed + 2 {
            self.leave_out(missing, record);
            return;
        }
        let mut next = pushed;
        if missing > 0 {
            self.put(next, self.gap(missing));
            self.missing.store(0, Ordering::Relaxed);
            next += 1;
        }
        self.put(next, record);
        self.limit.store(limit, Ordering::Relaxed);
    }

    fn leave_out(&self, missing: u64, record: Record) {
        if missing == 0 {
            self.missing_from.store(record.at, Ordering::Relaxed);
        }
        self.missing_until.store(record.end(), Ordering::Relaxed);
        self.missing.store(missing + 1, Ordering::Release);
    }

    /// The record in the place of those that are left out.
    fn gap(&self, missing: u64) -> Record {
        let (from, until) =
            (self.missing_from.load(Ordering::Relaxed), self.missing_until.load(Ordering::Relaxed));
        Record {
            what: Kind::Gap,
            at: from,
            length: until.saturating_sub(from),
            task: missing,
            latency_ns: None,
            place: 0,
            owner: Owner::default(),
            budget_spent: false,
            open: false,
        }
    }

    /// The gap at the end, when no more records are pushed.
    pub fn last_gap(&self) -> Option<Record> {
        let missing = self.missing.swap(0, Ordering::Acquire);
        (missing > 0).then(|| self.gap(missing))
    }

    /// Hands over all records that are there, oldest first, and makes room.
    pub fn drain(&self, mut each: impl FnMut(Record)) {
        let popped = self.popped.load(Ordering::Relaxed);
        let pushed = self.pushed.load(Ordering::Acquire);
        for number in popped..pushed {
            let at = (number & self.mask) as usize * WORDS;
            let Some(slots) = self.words.get(at..at + WORDS) else { continue };
            let mut words = [0; WORDS];
            words
                .iter_mut()
                .zip(slots)
                .for_each(|(word, slot)| *word = slot.load(Ordering::Relaxed));
            each(Record::of_words(words));
            // Room is made in steps, so that a pusher that is ahead does not wait for the whole.
            if number % BLOCK == 0 {
                self.popped.store(number + 1, Ordering::Release);
            }
        }
        self.popped.store(pushed, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::scheduler::What;

    fn record(at: u64) -> Record {
        Record::moment(What::Park, at, 0, 0, Owner::default())
    }

    fn drained(ring: &Ring) -> Vec<(Kind, u64, u64)> {
        let mut all = Vec::new();
        ring.drain(|record| all.push((record.what, record.at, record.task)));
        all
    }

    #[test]
    fn records_come_out_in_order_round_after_round() {
        let ring = Ring::new(4);
        for round in 0..5 {
            (0..4).for_each(|number| ring.push(record(round * 4 + number)));
            let times: Vec<u64> = drained(&ring).iter().map(|(_, at, _)| *at).collect();
            assert_eq!(times, (round * 4..round * 4 + 4).collect::<Vec<_>>());
        }
        assert_eq!(ring.last_gap(), None);
    }

    #[test]
    fn what_finds_no_room_is_left_out_by_the_block_and_counted() {
        let ring = Ring::new(8);
        (0..9).for_each(|at| ring.push(record(at)));
        assert_eq!(drained(&ring).len(), 8, "the ninth found no room");
        // There is room again, but its block goes with it.
        (9..8 + BLOCK).for_each(|at| ring.push(record(at)));
        assert_eq!(drained(&ring), []);
        ring.push(record(5_000));
        let park = Kind::Event(What::Park);
        assert_eq!(drained(&ring), [(Kind::Gap, 8, BLOCK), (park, 5_000, 0)]);
        ring.push(record(5_001));
        assert_eq!(drained(&ring), [(park, 5_001, 0)]);
    }

    #[test]
    fn a_gap_at_the_very_end_is_told_too() {
        let ring = Ring::new(2);
        (0..5).for_each(|at| ring.push(record(at)));
        assert_eq!(drained(&ring).len(), 2);
        let gap = ring.last_gap().unwrap();
        assert_eq!((gap.at, gap.length, gap.task), (2, 2, 3));
        assert_eq!(ring.last_gap(), None);
    }

    #[test]
    fn across_threads_nothing_is_lost_without_being_counted() {
        let ring = Ring::new(1 << 12);
        let mut seen = 0;
        std::thread::scope(|scope| {
            let pusher = scope.spawn(|| (0..200_000).for_each(|at| ring.push(record(at))));
            let mut last = None;
            let mut take = |record: Record| {
                assert!(last < Some(record.at), "{last:?} before {record:?}");
                last = Some(record.at);
                seen += if record.what == Kind::Gap { record.task } else { 1 };
            };
            while !pusher.is_finished() {
                ring.drain(&mut take);
            }
            ring.drain(&mut take);
        });
        seen += ring.last_gap().map_or(0, |gap| gap.task);
        assert_eq!(seen, 200_000);
    }
}
