//! A ring of records between one recording thread and the writer, preallocated and without a lock.
//!
//! If the writer cannot keep up, records are dropped in whole blocks of [`BLOCK`]: a recording with
//! one gap is more useful than one with many holes. *Example:* the ring is full at record 5 000 of
//! a thread. Records 5 000 to 6 023 are dropped, even if there is room again after the first of
//! them. The next record is preceded by one gap record, with their number and their time span.

use lab_recording::scheduler::record::{Kind, Owner, Record, WORDS};
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of records that are dropped together.
pub(crate) const BLOCK: u64 = 1_024;

/// The ring; one thread pushes, and one thread pops.
pub(crate) struct Ring {
    words: Box<[AtomicU64]>,
    /// The room minus one. The room is a power of two, so that an index needs no division, which
    /// would cost as much as a reading of the clock.
    mask: u64,
    /// Number of records pushed so far.
    pushed: AtomicU64,
    /// Number of records popped so far.
    popped: AtomicU64,
    /// The value of `pushed` up to which there is certainly room. It saves the pusher a read of
    /// `popped`, which belongs to the other thread. Written only by the pusher, like the fields
    /// below.
    limit: AtomicU64,
    /// Number of records dropped since the last push.
    missing: AtomicU64,
    missing_from: AtomicU64,
    missing_until: AtomicU64,
}

impl Ring {
    /// A ring for `records` records, rounded up to a power of two. Each word is written, so that
    /// all pages exist and no push causes a page fault.
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

    /// Pushes a record, or drops it together with its block.
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

    /// Pushes at the limit: either the writer has made room since, or the record is dropped. After
    /// a drop the limit stays the same, so that every push comes here until a block is complete.
    #[cold]
    fn push_where_room_is_short(&self, pushed: u64, record: Record) {
        let limit = self.popped.load(Ordering::Acquire) + self.room();
        let missing = self.missing.load(Ordering::Relaxed);
        let whole_blocks = missing.is_multiple_of(BLOCK);
        // Room for two: the gap record and this one.
        if !whole_blocks || limit < pushed + 2 {
            self.drop_record(missing, record);
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

    fn drop_record(&self, missing: u64, record: Record) {
        if missing == 0 {
            self.missing_from.store(record.at, Ordering::Relaxed);
        }
        self.missing_until.store(record.end(), Ordering::Relaxed);
        self.missing.store(missing + 1, Ordering::Release);
    }

    /// The record that stands for dropped records.
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

    /// The gap after the last record, once no more records are pushed.
    pub fn last_gap(&self) -> Option<Record> {
        let missing = self.missing.swap(0, Ordering::Acquire);
        (missing > 0).then(|| self.gap(missing))
    }

    /// Pops all records, oldest first, and passes each to `each`.
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
            // Makes room step by step, so that the pusher need not wait for the whole drain.
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
    fn records_without_room_are_dropped_by_the_block_and_counted() {
        let ring = Ring::new(8);
        (0..9).for_each(|at| ring.push(record(at)));
        assert_eq!(drained(&ring).len(), 8, "there is no room for the ninth");
        // There is room again, but the rest of its block is dropped too.
        (9..8 + BLOCK).for_each(|at| ring.push(record(at)));
        assert_eq!(drained(&ring), []);
        ring.push(record(5_000));
        let park = Kind::Event(What::Park);
        assert_eq!(drained(&ring), [(Kind::Gap, 8, BLOCK), (park, 5_000, 0)]);
        ring.push(record(5_001));
        assert_eq!(drained(&ring), [(park, 5_001, 0)]);
    }

    #[test]
    fn a_gap_at_the_end_is_reported() {
        let ring = Ring::new(2);
        (0..5).for_each(|at| ring.push(record(at)));
        assert_eq!(drained(&ring).len(), 2);
        let gap = ring.last_gap().unwrap();
        assert_eq!((gap.at, gap.length, gap.task), (2, 2, 3));
        assert_eq!(ring.last_gap(), None);
    }

    #[test]
    fn every_record_is_popped_or_counted_as_dropped() {
        // Miri takes a thousand times as long for each.
        let (slots, count) = if cfg!(miri) { (16, 1_000) } else { (1 << 12, 200_000) };
        let ring = Ring::new(slots);
        let mut total = 0;
        std::thread::scope(|scope| {
            let pusher = scope.spawn(|| (0..count).for_each(|at| ring.push(record(at))));
            let mut last = None;
            let mut take = |record: Record| {
                assert!(last < Some(record.at), "{last:?} before {record:?}");
                last = Some(record.at);
                total += if record.what == Kind::Gap { record.task } else { 1 };
            };
            while !pusher.is_finished() {
                ring.drain(&mut take);
            }
            ring.drain(&mut take);
        });
        total += ring.last_gap().map_or(0, |gap| gap.task);
        assert_eq!(total, count);
    }
}
