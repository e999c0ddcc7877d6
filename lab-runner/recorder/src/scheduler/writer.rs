//! Appends to `sched.bin`. After an error it appends no more: the file stays readable, and the run
//! continues.

use crate::scheduler::{places, ticks};
use lab_kit::yield_probe::YieldTiming;
use lab_recording::scheduler::Counters;
use lab_recording::scheduler::encode::put_event;
use lab_recording::scheduler::format::{Before, FILE_LIMIT, MAGIC, MOST_BLOCK, VERSION, kind, put};
use lab_recording::scheduler::record::{Kind, Record};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Bytes of events after which a lane's block is closed. The largest event fits into the rest.
const FULL: usize = MOST_BLOCK - 128;
/// Bytes that are written to the file together.
const TOGETHER: usize = 1 << 18;

/// The file, with the data that is not yet written.
pub(crate) struct Writer {
    file: File,
    left: u64,
    waiting: Vec<u8>,
    lanes: Vec<Block>,
    places: usize,
    /// Number of events in the file.
    pub events: u64,
    /// Number of events that were dropped, because their lane or the file was full.
    pub missing: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The reason why no more data is appended.
    pub trouble: Option<String>,
}

/// The events of a lane that are not yet written.
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
    /// Makes the file for a number of lanes; `about` has the flags of the recorded data.
    ///
    /// # Errors
    /// If the file cannot be made.
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

    /// Adds a record of a lane.
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

    /// Closes the lane's block. Writes the spawn locations of its events before it.
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

    /// Writes the current time of both clocks.
    pub fn clock(&mut self) {
        let pair = ticks::pair();
        self.numbers(kind::CLOCK, &[pair.ticks, pair.ns]);
    }

    /// Writes the counters of a runtime, with their time in ticks. An absent counter is 0, and
    /// others are one more than their value.
    pub fn counters(&mut self, at: u64, counters: &Counters) {
        let code = |value: Option<u64>| value.map_or(0, |value| value + 1);
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
        let all = known.into_iter().chain(more).map(code);
        let numbers: Vec<u64> = [at, u64::from(counters.runtime)].into_iter().chain(all).collect();
        self.numbers(kind::COUNTERS, &numbers);
    }

    /// Writes the time that a thread has waited for a core.
    pub fn core_wait(&mut self, at: u64, thread: i32, waited_ns: u64) {
        self.numbers(kind::CORE_WAIT, &[at, thread as u64, waited_ns]);
    }

    /// Writes a timing of the yield probe.
    pub fn yield_timing(&mut self, timing: &YieldTiming) {
        let YieldTiming { requested_ns, yielded_ns, resumed_ns } = *timing;
        let times = [requested_ns, yielded_ns.unwrap_or(0), resumed_ns.unwrap_or(0)];
        self.numbers(kind::PROBE, &times);
    }

    fn numbers(&mut self, kind: u8, numbers: &[u64]) -> bool {
        let mut bytes = Vec::with_capacity(10 * numbers.len());
        numbers.iter().for_each(|number| put(&mut bytes, *number));
        self.block(kind, &bytes)
    }

    /// Appends a block if there is room. Returns whether there was.
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

    /// Closes all blocks and writes everything to the file. The kernel keeps it when this process
    /// is killed.
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

    /// Writes the last block.
    pub fn finish(&mut self, unwatched: u64) {
        self.clock();
        self.flush();
        let mut bytes = Vec::new();
        put(&mut bytes, unwatched);
        bytes.extend(self.trouble.iter().flat_map(|why| why.bytes()));
        // The reason of an early end may exceed the limit by a few bytes.
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
    fn a_full_disk_ends_the_recording_with_a_reason() {
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
        assert_eq!(writer.missing, 5, "the events after the error");
    }

    #[test]
    fn a_file_at_its_limit_keeps_its_events() {
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
