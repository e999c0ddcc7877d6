//! Stacks with their weights, as every profiler can write them: `root;caller;callee 12`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, Read};

/// Bytes of a line of folded text; longer ones are left out.
pub const MAX_LINE: usize = 64 << 10;
/// Bytes of a folded text; what comes after is not read.
pub const MAX_BYTES: usize = 64 << 20;
/// The largest weight of a line. The sum of as many as [`MAX_BYTES`] have room for is a number, too.
pub const MAX_WEIGHT: f64 = 1e300;
/// Between the frames of a key. No frame has one, and it sorts before all that frames have: a stack
/// comes right before those that go deeper, which pictures rely on.
const SEPARATOR: char = '\n';

/// Stacks, root first, each with a positive weight in whatever the profiler counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    stacks: BTreeMap<String, f64>,
}

/// The readable part of a folded text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The stacks.
    pub folded: Folded,
    /// Lines that are no stack and a weight.
    pub damaged: usize,
    /// Lines of more than [`MAX_LINE`] bytes.
    pub long: usize,
    /// Whether the text went on beyond [`MAX_BYTES`].
    pub cut: bool,
}

impl Parsed {
    /// Notes on the left out lines, as sentences.
    pub fn notes(&self) -> Vec<String> {
        let lines = |count: usize, what: String| {
            (count > 0).then(|| format!("left out {count} of the lines: {what}"))
        };
        let cut = self.cut.then(|| format!("only the first {} MiB were read", MAX_BYTES >> 20));
        let damaged = lines(self.damaged, "no stack and a weight".into());
        let long = lines(self.long, format!("longer than {} KiB", MAX_LINE >> 10));
        [damaged, long, cut].into_iter().flatten().collect()
    }

    fn take(&mut self, line: &[u8]) {
        if line.len() > MAX_LINE {
            self.long += 1;
            return;
        }
        let line = String::from_utf8_lossy(line);
        match stack_and_weight(line.trim()) {
            Some((stack, weight)) => self.folded.add(frames(stack), weight),
            None if line.trim().is_empty() => {}
            None => self.damaged += 1,
        }
    }
}

impl Folded {
    /// Adds a weight to a stack, root first. A weight that is not positive, or larger than
    /// [`MAX_WEIGHT`], adds nothing.
    ///
    /// What folded text or XML has no place for is taken out of the names: control characters,
    /// semicolons.
    pub fn add<F: AsRef<str>>(&mut self, frames: impl IntoIterator<Item = F>, weight: f64) {
        let frames: Vec<String> =
            frames.into_iter().map(|frame| writable(frame.as_ref())).collect();
        if !frames.is_empty() && weight > 0.0 && weight <= MAX_WEIGHT {
            *self.stacks.entry(frames.join("\n")).or_default() += weight;
        }
    }

    /// Reads folded text as far as it is any.
    pub fn parse(text: &[u8]) -> Parsed {
        parse_within(text, MAX_BYTES)
    }

    /// Reads folded text from a file or a pipe, and no more of it than [`MAX_BYTES`].
    ///
    /// # Errors
    /// If reading fails.
    pub fn read(from: impl Read) -> io::Result<Parsed> {
        let mut text = Vec::new();
        from.take(MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
        Ok(Folded::parse(&text))
    }

    /// Adds all of another profile.
    pub fn merge(&mut self, other: &Folded) {
        for (stack, weight) in &other.stacks {
            *self.stacks.entry(stack.clone()).or_default() += weight;
        }
    }

    /// Different stacks.
    pub fn len(&self) -> usize {
        self.stacks.len()
    }

    /// Whether nothing was seen.
    pub fn is_empty(&self) -> bool {
        self.stacks.is_empty()
    }

    /// The weight of all stacks.
    pub fn total(&self) -> f64 {
        self.stacks.values().sum()
    }

    /// The weight of one stack, root first; 0 if it is not there.
    pub fn weight(&self, frames: &[&str]) -> f64 {
        self.stacks.get(&frames.join("\n")).copied().unwrap_or_default()
    }

    /// Every stack, root first, with its weight; by name, a stack before those that go deeper.
    pub fn stacks(&self) -> impl Iterator<Item = (Vec<&str>, f64)> {
        self.stacks.iter().map(|(stack, weight)| (stack.split(SEPARATOR).collect(), *weight))
    }

    /// The profile with each stack renamed; those that become the same are added up, and what
    /// becomes empty is gone.
    pub fn renamed(&self, rename: impl Fn(&[&str]) -> Vec<String>) -> Folded {
        let mut renamed = Folded::default();
        self.stacks().for_each(|(frames, weight)| renamed.add(rename(&frames), weight));
        renamed
    }

    /// The weights of one operation, of which so many were completed; none if none were.
    pub fn per_op(&self, completed: u64) -> Option<Folded> {
        (completed > 0).then(|| self.scaled(1.0 / completed as f64))
    }

    /// All weights times a factor.
    pub fn scaled(&self, factor: f64) -> Folded {
        let scaled = |(stack, weight): (&String, &f64)| (stack.clone(), weight * factor);
        Folded { stacks: self.stacks.iter().map(scaled).collect() }
    }

    /// Which part of the weight, in 0..=1, is that of stacks like this; none if there is no weight.
    pub fn share(&self, wanted: impl Fn(&[&str]) -> bool) -> Option<f64> {
        let of: f64 =
            self.stacks().filter(|(frames, _)| wanted(frames)).map(|(_, weight)| weight).sum();
        (!self.is_empty()).then(|| of / self.total())
    }

    /// The weight of each function with all that it calls; one that calls itself counts once for a
    /// stack.
    pub fn inclusive(&self) -> BTreeMap<&str, f64> {
        let mut weights = BTreeMap::new();
        for (stack, weight) in &self.stacks {
            let functions: BTreeSet<&str> = stack.split(SEPARATOR).collect();
            functions
                .into_iter()
                .for_each(|function| *weights.entry(function).or_default() += weight);
        }
        weights
    }

    /// The weight of each function like this with all that it calls, as far as that is none like
    /// this itself.
    pub fn innermost(&self, wanted: impl Fn(&str) -> bool) -> BTreeMap<&str, f64> {
        let mut weights = BTreeMap::new();
        for (stack, weight) in &self.stacks {
            if let Some(function) = stack.rsplit(SEPARATOR).find(|frame| wanted(frame)) {
                *weights.entry(function).or_default() += weight;
            }
        }
        weights
    }

    /// The weight of each function without what it calls; functions that only call are absent.
    pub fn own(&self) -> BTreeMap<&str, f64> {
        let mut weights = BTreeMap::new();
        for (stack, weight) in &self.stacks {
            let leaf = stack.rsplit(SEPARATOR).next().unwrap_or_default();
            *weights.entry(leaf).or_default() += weight;
        }
        weights
    }
}

/// As folded text, a line for each stack, which reads back as the same profile as long as no line
/// exceeds [`MAX_LINE`].
impl fmt::Display for Folded {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.stacks.iter();
        lines.try_for_each(|(stack, weight)| {
            writeln!(to, "{} {weight}", stack.replace(SEPARATOR, ";"))
        })
    }
}

/// Whether the name of any frame has this in it.
pub fn has_frame(frames: &[&str], part: &str) -> bool {
    frames.iter().any(|frame| frame.contains(part))
}

fn parse_within(text: &[u8], most: usize) -> Parsed {
    let cut = text.len() > most;
    let text = if cut { whole_lines(&text[..most]) } else { text };
    let mut parsed = Parsed { cut, ..Parsed::default() };
    text.split(|byte| *byte == b'\n').for_each(|line| parsed.take(line));
    parsed
}

/// Without the line that was cut.
fn whole_lines(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| *byte == b'\n');
    &text[..end.unwrap_or(0)]
}

fn stack_and_weight(line: &str) -> Option<(&str, f64)> {
    let (stack, weight) = line.rsplit_once(' ')?;
    let number = weight.starts_with(|c: char| c.is_ascii_digit());
    let is_weight = |weight: &f64| number && *weight <= MAX_WEIGHT;
    let weight: f64 = weight.parse().ok().filter(is_weight)?;
    let stack = stack.trim();
    (!stack.is_empty()).then_some((stack, weight))
}

/// The frames of a folded stack. The semicolon of `[u8; 8]` has a space behind it, and one between
/// frames has none.
fn frames(stack: &str) -> impl Iterator<Item = &str> {
    let ends =
        stack.match_indices(';').map(|(at, _)| at).filter(|at| !stack[at + 1..].starts_with(' '));
    let ends: Vec<usize> = ends.chain([stack.len()]).collect();
    let starts: Vec<usize> = [0].into_iter().chain(ends.iter().map(|end| end + 1)).collect();
    starts.into_iter().zip(ends).map(|(start, end)| &stack[start..end])
}

/// The name as folded text and XML can have it.
fn writable(frame: &str) -> String {
    let forbidden = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    let cleared = frame.replace(forbidden, " ");
    let trimmed = cleared.trim();
    if trimmed.is_empty() {
        return "[unknown]".into();
    }
    let parts: Vec<&str> = frames(trimmed).collect();
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Folded {
        let parsed = Folded::parse(text.as_bytes());
        assert_eq!(parsed.notes(), [""; 0]);
        parsed.folded
    }

    const WORKER: &str = "\
clone3;start_thread;tokio::runtime::scheduler::multi_thread::worker::run;scenario_greedy::buggy::import::{closure#0};serde_json::de::from_str 30
clone3;start_thread;tokio::runtime::scheduler::multi_thread::worker::run;scenario_greedy::buggy::import::{closure#0} 10
clone3;start_thread;tokio::runtime::scheduler::multi_thread::worker::run;<[u8; 8] as \
core::fmt::Debug>::fmt 2.5
";

    #[test]
    fn text_is_read_and_written() {
        let folded = parsed(WORKER);
        let mut lines: Vec<&str> = WORKER.lines().collect();
        lines.sort();
        assert_eq!(folded.to_string().lines().collect::<Vec<_>>(), [lines[0], lines[1], lines[2]]);
        assert_eq!((folded.len(), folded.total()), (3, 42.5));
        let deepest = folded.stacks().map(|(frames, _)| frames.len()).max();
        assert_eq!(deepest, Some(5), "an array's semicolon parts no frames");
    }

    #[test]
    fn damage_is_counted_and_the_rest_is_read() {
        let text = b"a;b 1\nno weight\na;b x\n 7\na;b -3\na;b inf\na;b nan\n\n\xff;c 2\r\na;;b \
                     4\nzero 0\n";
        let parsed = Folded::parse(text);
        assert_eq!(parsed.folded.to_string(), "a;[unknown];b 4\na;b 1\n\u{fffd};c 2\n");
        assert_eq!(parsed.notes(), ["left out 6 of the lines: no stack and a weight"]);
    }

    #[test]
    fn what_is_too_long_is_left_out_with_a_note() {
        let long = format!("a;b 1\n{} 2\n", "x".repeat(MAX_LINE));
        let parsed = Folded::parse(long.as_bytes());
        assert_eq!(
            (parsed.folded.total(), parsed.notes()),
            (1.0, vec!["left out 1 of the lines: longer than 64 KiB".into()])
        );
        let cut = parse_within(b"a 1\nb 2\nc 345\n", 12);
        assert_eq!(
            (cut.folded.total(), cut.notes()),
            (3.0, vec!["only the first 64 MiB were read".into()])
        );
        assert!(parse_within(b"abc 1", 3).folded.is_empty());
    }

    #[test]
    fn a_recursive_function_counts_once() {
        let folded = parsed("main;walk;walk;walk 3\nmain;walk;leaf 2\nmain 1\n");
        assert_eq!(folded.inclusive(), [("leaf", 2.0), ("main", 6.0), ("walk", 5.0)].into());
        assert_eq!(folded.own(), [("leaf", 2.0), ("main", 1.0), ("walk", 3.0)].into());
    }

    #[test]
    fn a_weight_belongs_to_the_innermost_function_that_is_wanted() {
        let folded = parsed("main;mine::a;mine::b;malloc 3\nmain;mine::a;malloc 2\nmain;idle 1\n");
        let own = folded.innermost(|frame| frame.starts_with("mine::"));
        assert_eq!(own, [("mine::a", 2.0), ("mine::b", 3.0)].into());
    }

    #[test]
    fn shares_and_operations_of_nothing_are_absent() {
        let folded = parsed(WORKER);
        let share = folded.share(|frames| has_frame(frames, "serde_json")).unwrap();
        assert!((share - 30.0 / 42.5).abs() < 1e-12);
        assert_eq!(folded.per_op(0), None);
        assert_eq!(folded.per_op(10).unwrap().total(), 4.25);
        assert_eq!(Folded::default().share(|_| true), None);
    }

    #[test]
    fn a_merge_adds_and_a_renaming_too() {
        let mut both = parsed("a;b 1\na;c 2\n");
        both.merge(&parsed("a;c 3\nd 4\n"));
        assert_eq!(both, parsed("a;b 1\na;c 5\nd 4\n"));
        let same =
            both.renamed(|frames| frames[..1].iter().map(|frame| frame.to_string()).collect());
        assert_eq!(same, parsed("a 6\nd 4\n"));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in vec(any::<u8>(), 0..200)) {
            let parsed = Folded::parse(&text);
            prop_assert!(parsed.folded.total() >= 0.0);
        }

        #[test]
        fn whatever_a_frame_is_called_it_reads_back(
            stacks in vec((vec("[ -~;\\PC]{0,12}", 1..5), 1_u32..1000), 0..8),
        ) {
            let mut folded = Folded::default();
            stacks.iter().for_each(|(frames, weight)| folded.add(frames, f64::from(*weight)));
            prop_assert_eq!(Folded::parse(folded.to_string().as_bytes()), Parsed { folded, ..Parsed::default() });
        }
    }
}
