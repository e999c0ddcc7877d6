//! Adds up what tracing-flame writes, line by line, instead of keeping it: millions of polls make
//! gigabytes of lines.

use lab_recording::spans::Weight;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Different stacks that there is room for: spans that nest without end must not take all memory.
const MOST_STACKS: usize = 10_000;
/// What tracing-flame calls the threads that it does not distinguish.
const ALL_THREADS: &str = "all-threads";
/// What it puts between spans.
const BETWEEN: &str = "; ";

/// The sums, shared with the thread that writes them.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    stacks: HashMap<String, Weight>,
    left_out: u64,
}

impl Sums {
    /// The stacks as folded text has them, and how many lines are in none.
    pub fn told(&self) -> (BTreeMap<String, Weight>, u64) {
        let stacks =
            self.stacks.iter().map(|(stack, weight)| (stack.replace(BETWEEN, ";"), *weight));
        (stacks.collect(), self.left_out)
    }

    fn take(&mut self, line: &str) {
        let Some((stack, ns)) = stack_and_ns(line) else {
            self.left_out += 1;
            return;
        };
        if let Some(weight) = self.stacks.get_mut(stack) {
            weight.ns += ns;
            weight.pieces += 1;
        } else if self.stacks.len() < MOST_STACKS {
            self.stacks.insert(stack.to_owned(), Weight { ns, pieces: 1 });
        } else {
            self.left_out += 1;
        }
    }
}

/// The spans of a line, and nanoseconds.
fn stack_and_ns(line: &str) -> Option<(&str, u64)> {
    let (stack, ns) = line.rsplit_once(' ')?;
    let stack = stack.strip_prefix(ALL_THREADS)?.strip_prefix(BETWEEN)?;
    Some((stack, ns.parse().ok()?))
}

/// Where tracing-flame writes to.
#[derive(Debug)]
pub(crate) struct Fold {
    line: Vec<u8>,
    looking: Arc<AtomicBool>,
    sums: Arc<Mutex<Sums>>,
}

impl Fold {
    /// Adds up in `sums` while the profiler runs.
    pub fn new(looking: Arc<AtomicBool>, sums: Arc<Mutex<Sums>>) -> Fold {
        Fold { line: Vec::new(), looking, sums }
    }

    fn end_of_line(&mut self) {
        if self.looking.load(Ordering::Relaxed) {
            let line = String::from_utf8_lossy(&self.line);
            self.sums.lock().unwrap_or_else(PoisonError::into_inner).take(&line);
        }
        self.line.clear();
    }
}

impl Write for Fold {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) => {
                    self.line.extend_from_slice(end);
                    self.end_of_line();
                }
                None => self.line.extend_from_slice(part),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(looking: bool, pieces: &[&str]) -> (BTreeMap<String, Weight>, u64) {
        let sums = Arc::<Mutex<Sums>>::default();
        let mut fold = Fold::new(Arc::new(AtomicBool::new(looking)), Arc::clone(&sums));
        pieces.iter().for_each(|piece| fold.write_all(piece.as_bytes()).unwrap());
        let sums = sums.lock().unwrap();
        sums.told()
    }

    #[test]
    fn lines_that_come_in_pieces_are_added_up() {
        let written = [
            "all-threads; request 10",
            "\n",
            "all-threads; request; fetch",
            " 7\nall-threads; request 5\nall",
        ];
        let (stacks, left_out) = folded(true, &written);
        let weight = |ns, pieces| Weight { ns, pieces };
        let expected =
            [("request".to_owned(), weight(15, 2)), ("request;fetch".to_owned(), weight(7, 1))];
        assert_eq!((stacks, left_out), (expected.into(), 0));
    }

    #[test]
    fn garbage_is_counted_and_before_the_begin_nothing_is() {
        assert_eq!(
            folded(true, &["all-threads 5\n\nall-threads; a b\nx; a 1\n"]),
            (BTreeMap::new(), 4)
        );
        assert_eq!(folded(false, &["all-threads; a 1\n"]), (BTreeMap::new(), 0));
    }

    #[test]
    fn stacks_without_end_find_no_more_room() {
        let mut sums = Sums::default();
        (0..MOST_STACKS + 5).for_each(|depth| sums.take(&format!("all-threads; a{depth} 1")));
        assert_eq!((sums.stacks.len(), sums.left_out), (MOST_STACKS, 5));
    }
}
