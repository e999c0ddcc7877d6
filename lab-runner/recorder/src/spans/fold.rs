//! Adds up the lines of tracing-flame instead of storing them: millions of polls would make
//! gigabytes of lines.

use lab_recording::spans::Weight;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Most different stacks, so that spans with unbounded nesting do not take all memory.
const MOST_STACKS: usize = 10_000;
/// The root of each line when tracing-flame does not distinguish threads.
const ALL_THREADS: &str = "all-threads";
/// The separator of spans in a line.
const BETWEEN: &str = "; ";

/// The sums, shared with the thread that writes the file.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    stacks: HashMap<String, Weight>,
    left_out: u64,
}

impl Sums {
    /// The folded stacks, and the number of lines that are not in them.
    pub fn folded(&self) -> (BTreeMap<String, Weight>, u64) {
        let stacks =
            self.stacks.iter().map(|(stack, weight)| (stack.replace(BETWEEN, ";"), *weight));
        (stacks.collect(), self.left_out)
    }

    fn add(&mut self, line: &str) {
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

/// The spans and the nanoseconds of a line.
fn stack_and_ns(line: &str) -> Option<(&str, u64)> {
    let (stack, ns) = line.rsplit_once(' ')?;
    let stack = stack.strip_prefix(ALL_THREADS)?.strip_prefix(BETWEEN)?;
    Some((stack, ns.parse().ok()?))
}

/// The writer that tracing-flame gets.
#[derive(Debug)]
pub(crate) struct Fold {
    line: Vec<u8>,
    enabled: Arc<AtomicBool>,
    sums: Arc<Mutex<Sums>>,
}

impl Fold {
    /// A writer that adds lines to `sums` while `enabled` is set.
    pub fn new(enabled: Arc<AtomicBool>, sums: Arc<Mutex<Sums>>) -> Fold {
        Fold { line: Vec::new(), enabled, sums }
    }

    fn end_of_line(&mut self) {
        if self.enabled.load(Ordering::Relaxed) {
            let line = String::from_utf8_lossy(&self.line);
            self.sums.lock().unwrap_or_else(PoisonError::into_inner).add(&line);
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

    fn folded(enabled: bool, pieces: &[&str]) -> (BTreeMap<String, Weight>, u64) {
        let sums = Arc::<Mutex<Sums>>::default();
        let mut fold = Fold::new(Arc::new(AtomicBool::new(enabled)), Arc::clone(&sums));
        pieces.iter().for_each(|piece| fold.write_all(piece.as_bytes()).unwrap());
        let sums = sums.lock().unwrap();
        sums.folded()
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
    fn other_lines_are_counted_and_before_the_start_nothing_is() {
        assert_eq!(
            folded(true, &["all-threads 5\n\nall-threads; a b\nx; a 1\n"]),
            (BTreeMap::new(), 4)
        );
        assert_eq!(folded(false, &["all-threads; a 1\n"]), (BTreeMap::new(), 0));
    }

    #[test]
    fn the_number_of_stacks_is_bounded() {
        let mut sums = Sums::default();
        (0..MOST_STACKS + 5).for_each(|depth| sums.add(&format!("all-threads; a{depth} 1")));
        assert_eq!((sums.stacks.len(), sums.left_out), (MOST_STACKS, 5));
    }
}
