//! Writes the request log: one slot per request, made before the load starts and filled in place by
//! the pacer and the runtime under test. [`lab_recording::request_log`] describes the layout.

use crate::{clock, schedule};
use lab_recording::Load;
use lab_recording::folder::checksum;
use lab_recording::request_log::{ERROR, HEADER_WORDS, LOST, MAGIC, Mark, SLOT_WORDS, VERSION};
use lab_recording::words::Words;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// The mapped request log, shared by the pacer, the acceptor and the requests.
#[derive(Debug)]
pub(crate) struct RequestLog {
    words: Words,
    /// Number of requests in the log.
    pub count: usize,
    /// Number of requests of the warm-up, which come first.
    pub excluded: usize,
    /// Start of the measured time.
    pub window_ns: u64,
}

/// How a request ends for its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is answered.
    Answered,
    /// It is answered with an error, which has its own latency.
    Refused,
    /// The client gets no answer: the connection is closed, or the task of the request panics, is
    /// aborted or dropped.
    Dropped,
}

impl RequestLog {
    /// Writes the whole schedule of a load into a new file. The first request is due in
    /// `start_in_ns`.
    pub fn create(path: &Path, load: &Load, start_in_ns: u64) -> io::Result<RequestLog> {
        // A benchmark has no spec, and its log none to belong to.
        let spec = path.parent().and_then(checksum).unwrap_or(0);
        let (times, excluded) = schedule::of_load(load);
        let words = Words::create(path, HEADER_WORDS + SLOT_WORDS * times.len())?;
        let start_ns = clock::now_ns() + start_in_ns;
        let window_ns = start_ns + load.warmup().as_nanos() as u64;
        let log = RequestLog { words, count: times.len(), excluded, window_ns };
        let fixed = [MAGIC, VERSION, times.len() as u64, excluded as u64, start_ns, window_ns];
        for (word, value) in log.words.as_slice().iter().zip(fixed) {
            word.store(value, Ordering::Relaxed);
        }
        log.mark(Mark::Spec).store(spec, Ordering::Relaxed);
        for (number, time) in times.into_iter().enumerate() {
            log.slot(number)[0].store(start_ns + time, Ordering::Relaxed);
        }
        Ok(log)
    }

    fn slot(&self, number: usize) -> &[AtomicU64] {
        &self.words.as_slice()[HEADER_WORDS + SLOT_WORDS * number..][..SLOT_WORDS]
    }

    /// A word of the header.
    pub fn mark(&self, mark: Mark) -> &AtomicU64 {
        &self.words.as_slice()[mark as usize]
    }

    /// The intended send time of a request.
    pub fn intended_ns(&self, number: usize) -> u64 {
        self.slot(number)[0].load(Ordering::Relaxed)
    }

    /// Publishes a request to the acceptor. Requests are published in order.
    pub fn send(&self, number: usize, now_ns: u64) {
        self.slot(number)[1].store(now_ns, Ordering::Relaxed);
        // Pairs with the acceptor's second check after it announced its sleep. Sequentially
        // consistent: either this store is seen by that check, or the pacer, which then reads
        // `asleep`, sees the announcement and wakes the acceptor. See `wake_pipe`.
        self.mark(Mark::Sent).store(number as u64 + 1, Ordering::SeqCst);
    }

    /// Records the time of the first poll of a request's task.
    pub fn first_poll(&self, number: usize) {
        self.slot(number)[2].store(clock::now_ns(), Ordering::Relaxed);
    }

    /// Records the time of the end of a request; the outcome is in the two highest bits.
    pub fn end(&self, number: usize, outcome: Outcome) {
        let end = match outcome {
            Outcome::Answered => 0,
            Outcome::Refused => ERROR,
            Outcome::Dropped => LOST,
        };
        self.slot(number)[3].store(clock::now_ns() | end, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_recording::request_log::{Entry, REQUESTS, read};
    use std::fs::File;

    fn small_log(folder: &Path) -> RequestLog {
        let load = Load { rate: 100.0, warmup_ms: 20, duration_ms: 100, ..Load::DEFAULT };
        RequestLog::create(&folder.join(REQUESTS), &load, 0).unwrap()
    }

    #[test]
    fn a_log_is_read_while_its_writer_exists() {
        let folder = tempfile::tempdir().unwrap();
        let log = small_log(folder.path());
        log.send(0, log.intended_ns(0) + 5);
        log.first_poll(0);
        log.end(0, Outcome::Answered);
        log.send(1, log.intended_ns(1) + 7);
        log.end(1, Outcome::Dropped);
        log.send(2, log.intended_ns(2) + 7);
        log.end(2, Outcome::Refused);
        let (header, entries) = read(&folder.path().join(REQUESTS)).unwrap();
        let entries: Vec<Entry> = entries.map(Result::unwrap).collect();
        assert_eq!((header.scheduled, header.excluded), (12, 2));
        assert_eq!(header.closed_ns, None, "the log was not closed");
        assert_eq!(entries[0].sent_ns, Some(entries[0].intended_ns + 5));
        assert!(entries[0].ended_ns >= entries[0].first_poll_ns && !entries[0].lost);
        assert!(entries[1].lost && entries[1].first_poll_ns.is_none());
        assert!(entries[2].error && !entries[2].lost && !entries[0].error && !entries[1].error);
        assert!(
            entries[2].ended_ns.unwrap() >= entries[0].ended_ns.unwrap(),
            "flags are no part of the time"
        );
        assert_eq!(entries[3].sent_ns, None);
    }

    #[test]
    fn a_log_that_was_cut_off_is_read_up_to_the_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(REQUESTS);
        small_log(folder.path());
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len((HEADER_WORDS as u64 + 9) * 8)
            .unwrap();
        let (header, entries) = read(&path).unwrap();
        assert_eq!((header.scheduled, entries.count()), (12, 2));
    }

    #[test]
    fn a_newer_or_foreign_file_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(REQUESTS);
        let write = |version: u64| {
            let mut words = [0; HEADER_WORDS];
            (words[0], words[1]) = (MAGIC, version);
            std::fs::write(&path, words.map(u64::to_ne_bytes).concat()).unwrap();
        };
        write(VERSION + 1);
        assert!(read(&path).unwrap_err().to_string().contains("format 2"));
        std::fs::write(&path, [b'x'; 512]).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("not a request log"));
        std::fs::write(&path, "short").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("cut off"));
    }
}
