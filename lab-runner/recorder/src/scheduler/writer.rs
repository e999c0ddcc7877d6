//! Appends to `sched.bin`. Once it cannot, it appends no more: what is there can be read, and the
//! run goes on.

use crate::scheduler::{places, ticks};
use lab_kit::yield_probe::Asked;
use lab_recording::scheduler::Counters;
use lab_recording::scheduler::encode::put_event;
use lab_recording::scheduler::format::{Before, FILE_LIMIT, MAGIC, MOST_BLOCK, VERSION, kind, put};
use lab_recording::scheduler::record::{Kind, Record};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Bytes of events after which a lane's block is closed: the largest event fits in what is left.
const FULL: usize = MOST_BLOCK - 128;
/// Bytes that are given to the kernel together.
const TOGETHER: usize = 1 << 18;

/// The file, and what is not yet in it.
pub(crate) struct Writer {
    file: File,
    left: u64,
    waiting: Vec<u8>,
    lanes: Vec<Block>,
    places: usize,
    /// Events that went into the file.
    pub events: u64,
    /// Events that are missing, for their lane was full or the file was.
    pub missing: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Why nothing is appended any more.
    pub trouble: Option<String>,
}

/// Events of a lane that are not yet in a block of the file.
struct Block {
    bytes: Vec<u8>,
    before: Before,
    events: u64,
}

impl Block {
    fn new(lane: u16) -> Block {
        let mut block =
            Block { bytes: Vec::with_capacity(MOST_BLOCK), before: Before::default(), events: 0 };
        block.clear(lane);
        block
    }

    fn clear(&mut self, lane: u16) {
        self.bytes.clear();
        put(&mut self.bytes, u64::from(lane));
        (self.before, self.events) = (Before::default(), 0);
    }
}

impl Writer {
    /// Makes the file, for so many lanes; `about` has the flags of what is recorded.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn create(path: &Path, lanes: usize, about: u8) -> io::Result<Writer> {
        let mut file = File::create_new(path)?;
        file.write_all(MAGIC)?;
        file.write_all(&[VERSION])?;
        let lanes = (0..lanes as u16).map(Block::new).collect();
        let (waiting, bytes) =
            (Vec::with_capacity(2 * TOGETHER), lab_recording::scheduler::format::HEADER as u64);
        let mut writer = Writer {
            file,
            left: FILE_LIMIT - bytes,
            waiting,
            lanes,
            places: 0,
            events: 0,
            missing: 0,
            bytes,
            trouble: None,
        };
        writer.block(kind::ABOUT, &[about]);
        Ok(writer)
    }

    /// Takes a record of a lane.
    #[inline]
    pub fn record(&mut self, lane: u16, record: &Record) {
        if record.what == Kind::Gap {
            return self.gap(lane, record);
        }
        let Some(block) = self.lanes.get_mut(usize::from(lane)) else { return };
        put_event(&mut block.bytes, &mut block.before, record);
        block.events += 1;
        if block.bytes.len() > FULL {
            self.close(lane);
        }
    }

    fn gap(&mut self, lane: u16, gap: &Record) {
        self.close(lane);
        self.missing += gap.task;
        self.numbers(kind::GAP, &[u64::from(lane), gap.at, gap.end(), gap.task]);
    }

    /// Ends the lane's block. The places that its events name come before it.
    fn close(&mut self, lane: u16) {
        self.new_places();
        let Some(block) = self.lanes.get_mut(usize::from(lane)) else { return };
        if block.events == 0 {
            return;
        }
        let (bytes, events) = (std::mem::take(&mut block.bytes), block.events);
        match self.block(kind::EVENTS, &bytes) {
            true => self.events += events,
            false => self.missing += events,
        }
        if let Some(block) = self.lanes.get_mut(usize::from(lane)) {
            block.bytes = bytes;
            block.clear(lane);
        }
    }

    fn new_places(&mut self) {
        for place in places::since(self.places) {
            self.places += 1;
            let mut bytes = Vec::new();
            put(&mut bytes, u64::from(place.line()));
            bytes.extend(place.file().bytes().take(MOST_BLOCK / 2));
            self.block(kind::PLACE, &bytes);
        }
    }

    /// A moment on both clocks, as it is now.
    pub fn clock(&mut self) {
        let pair = ticks::pair();
        self.numbers(kind::CLOCK, &[pair.ticks, pair.ns]);
    }

    /// A runtime's counters, with their time in ticks.
    pub fn counters(&mut self, at: u64, counters: &Counters) {
        let told = |value: Option<u64>| value.map_or(0, |value| value + 1);
        let Counters { workers, alive_tasks, global_queue, .. } = *counters;
        let known = [workers, alive_tasks, global_queue].map(Some);
        let more = [
            counters.local_queues,
            counters.steals,
            counters.forced_yields,
            counters.blocking_queue,
            counters.blocking_threads,
            counters.idle_blocking_threads,
        ];
        let all = known.into_iter().chain(more).map(told);
        let numbers: Vec<u64> = [at, u64::from(counters.runtime)].into_iter().chain(all).collect();
        self.numbers(kind::COUNTERS, &numbers);
    }

    /// How long a thread has waited for a core.
    pub fn core_wait(&mut self, at: u64, thread: i32, waited_ns: u64) {
        self.numbers(kind::CORE_WAIT, &[at, thread as u64, waited_ns]);
    }

    /// A question to the yield probe.
    pub fn probe(&mut self, asked: &Asked) {
        let Asked { asked_ns, yielded_ns, answered_ns } = *asked;
        self.numbers(kind::PROBE, &[asked_ns, yielded_ns.unwrap_or(0), answered_ns.unwrap_or(0)]);
    }

    fn numbers(&mut self, kind: u8, numbers: &[u64]) -> bool {
        let mut bytes = Vec::with_capacity(10 * numbers.len());
        numbers.iter().for_each(|number| put(&mut bytes, *number));
        self.block(kind, &bytes)
    }

    /// Appends a block, if there is room for it.
    fn block(&mut self, kind: u8, bytes: &[u8]) -> bool {
        let length = (lab_recording::scheduler::format::BLOCK_HEADER + bytes.len()) as u64;
        if self.trouble.is_some() || length > self.left {
            self.trouble.get_or_insert_with(|| {
                format!("its file reached the limit of {} MiB", FILE_LIMIT >> 20)
            });
            return false;
        }
        self.left -= length;
        self.bytes += length;
        self.waiting.push(kind);
        self.waiting.extend((bytes.len() as u32).to_le_bytes());
        self.waiting.extend(bytes);
        if self.waiting.len() >= TOGETHER {
            self.hand_over();
        }
        true
    }

    /// Closes all blocks and hands everything to the kernel, which keeps it when this process is
    /// killed.
    pub fn flush(&mut self) {
        (0..self.lanes.len() as u16).for_each(|lane| self.close(lane));
        self.hand_over();
    }

    fn hand_over(&mut self) {
        if let Err(error) = self.file.write_all(&self.waiting) {
            self.trouble.get_or_insert_with(|| format!("its file cannot be written: {error}"));
        }
        self.waiting.clear();
    }

    /// The last block.
    pub fn finish(&mut self, unwatched: u64) {
        self.clock();
        self.flush();
        let mut bytes = Vec::new();
        put(&mut bytes, unwatched);
        bytes.extend(self.trouble.iter().flat_map(|why| why.bytes()));
        // Why it ended early is worth a few bytes beyond the limit.
        let trouble = self.trouble.take();
        self.left = u64::MAX;
        self.block(kind::STOPPED, &bytes);
        self.hand_over();
        self.trouble = trouble.or(self.trouble.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::scheduler::record::Owner;
    use lab_recording::scheduler::{Blocks, What, read};

    fn record(at: u64) -> Record {
        Record::moment(What::Park, at, 0, 0, Owner::default())
    }

    fn events(path: &Path) -> usize {
        let recording = read(path).unwrap();
        let mut block = Vec::new();
        let count = |number| {
            recording.read(0, number, &mut block);
            block.len()
        };
        (0..recording.blocks(0)).map(count).sum()
    }

    #[test]
    fn a_disk_that_is_full_ends_the_recording_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = Writer::create(&folder.path().join("sched.bin"), 1, 3).unwrap();
        writer.file = File::options().write(true).open("/dev/full").unwrap();
        (0..10).for_each(|at| writer.record(0, &record(at)));
        writer.flush();
        (10..15).for_each(|at| writer.record(0, &record(at)));
        writer.finish(0);
        assert!(
            writer.trouble.as_ref().unwrap().contains("cannot be written"),
            "{:?}",
            writer.trouble
        );
        assert_eq!(writer.missing, 5, "what came after it");
    }

    #[test]
    fn a_file_that_is_as_large_as_it_may_be_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sched.bin");
        let mut writer = Writer::create(&path, 1, 0).unwrap();
        (0..10).for_each(|at| writer.record(0, &record(at)));
        writer.flush();
        writer.left = 20;
        (10..30).for_each(|at| writer.record(0, &record(at)));
        writer.finish(3);
        assert_eq!((writer.events, writer.missing, events(&path)), (10, 20, 10));
        let known = read(&path).unwrap().known;
        assert!(
            known.trouble.unwrap().contains("MiB")
                && known.unwatched == 3
                && known.stopped
                && !known.cut
        );
    }
}
