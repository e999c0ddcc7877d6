//! `.lab-progress` in the folder of the pack: what a learner has done, as plain text.
//!
//! One fact a line, `solved slow-quotes 2026-11-30T09:30:00Z`, by slug, so that it survives a new
//! order of the exercises. A line that cannot be read is kept and ignored. Two labs at once take
//! turns by a lock, and each writes the file as a whole.

use crate::cmd::exercise::pack::{Exercise, Pack};
use crate::exit;
use anyhow::Context;
use lab_recording::{file, plain_file};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

/// The file in the folder of the pack.
const FILE: &str = ".lab-progress";
const LOCK: &str = ".lab-progress.lock";
const HEAD: &str =
    "# progress of lab exercise: one fact a line; lines that it cannot read it keeps";

/// What a learner has done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Progress {
    lines: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq)]
enum Row {
    Fact(Fact),
    /// As it was found.
    Unread(String),
}

#[derive(Clone, Debug, PartialEq)]
struct Fact {
    kind: Kind,
    slug: String,
    /// A time, a number, or two numbers.
    value: String,
}

/// The kinds of facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The exercise that comes next.
    Current,
    /// When it was solved.
    Solved,
    /// How often it was measured.
    Tries,
    /// Number of hints that were shown, and of tries when the last one was.
    Hints,
    /// The predicted number, and the confidence in percent.
    Predicted,
    /// The seed of a mystery whose causes were named, and how many were right.
    Diagnosed,
}

impl Kind {
    const ALL: [(Kind, &str); 6] = [
        (Kind::Current, "current"),
        (Kind::Solved, "solved"),
        (Kind::Tries, "tries"),
        (Kind::Hints, "hints"),
        (Kind::Predicted, "predicted"),
        (Kind::Diagnosed, "diagnosed"),
    ];

    fn word(self) -> &'static str {
        Kind::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, word)| word)
    }
}

impl Row {
    fn new(line: &str) -> Row {
        let mut words = line.splitn(3, ' ');
        let kind = words
            .next()
            .and_then(|word| Kind::ALL.iter().find(|(_, known)| *known == word))
            .map(|(kind, _)| *kind);
        match (kind, words.next()) {
            (Some(kind), Some(slug)) if !slug.is_empty() => Row::Fact(Fact {
                kind,
                slug: slug.to_owned(),
                value: words.next().unwrap_or_default().trim().to_owned(),
            }),
            _ => Row::Unread(line.to_owned()),
        }
    }

    fn line(&self) -> String {
        match self {
            Row::Unread(line) => line.clone(),
            Row::Fact(Fact { kind, slug, value }) => {
                format!("{} {slug} {value}", kind.word()).trim_end().to_owned()
            }
        }
    }
}

impl Progress {
    /// Reads the progress of a pack. A file that cannot be read counts as none, with a warning.
    pub fn read(pack: &Pack) -> Progress {
        let path = pack.folder.join(FILE);
        match plain_file::read(&path, plain_file::DOCUMENT) {
            Ok(bytes) => Progress::parse(&String::from_utf8_lossy(&bytes), pack),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Progress::default(),
            Err(error) => {
                exit::say(&format!(
                    "warning: cannot read {}: {error}: progress counts as none until it can be",
                    path.display()
                ));
                Progress::default()
            }
        }
    }

    fn parse(text: &str, pack: &Pack) -> Progress {
        let mut lines: Vec<Row> =
            text.lines().filter(|line| *line != HEAD && !line.is_empty()).map(Row::new).collect();
        for row in &mut lines {
            let Row::Fact(fact) = row else { continue };
            let renamed = |exercise: &&Exercise| exercise.entry.formerly.contains(&fact.slug);
            if let Some(exercise) = pack.exercises.iter().find(renamed) {
                fact.slug = exercise.slug().to_owned();
            }
        }
        Progress { lines }
    }

    fn text(&self) -> String {
        let lines = self.lines.iter().map(Row::line);
        std::iter::once(HEAD.to_owned()).chain(lines).map(|line| line + "\n").collect()
    }

    fn get(&self, kind: Kind, slug: &str) -> Option<&str> {
        let mut facts = self.lines.iter().filter_map(|row| match row {
            Row::Fact(fact) => Some(fact),
            Row::Unread(_) => None,
        });
        facts
            .rfind(|fact| fact.kind == kind && (fact.slug == slug || kind == Kind::Current))
            .map(|fact| if kind == Kind::Current { fact.slug.as_str() } else { &fact.value })
    }

    fn set(&mut self, kind: Kind, slug: &str, value: String) {
        let same = |fact: &Fact| fact.kind == kind && (fact.slug == slug || kind == Kind::Current);
        self.lines.retain(|row| !matches!(row, Row::Fact(fact) if same(fact)));
        self.lines.push(Row::Fact(Fact { kind, slug: slug.to_owned(), value }));
    }

    pub fn is_solved(&self, slug: &str) -> bool {
        self.get(Kind::Solved, slug).is_some()
    }

    /// How often an exercise was measured.
    pub fn tries(&self, slug: &str) -> usize {
        self.get(Kind::Tries, slug).and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// How many hints were shown, and the number of tries when the last one was.
    pub fn hints(&self, slug: &str) -> (usize, usize) {
        let mut numbers = self.get(Kind::Hints, slug).unwrap_or_default().split(' ');
        let mut next = || numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        (next(), next())
    }

    /// The predicted number, and the confidence in percent.
    pub fn predicted(&self, slug: &str) -> Option<(f64, u32)> {
        let mut numbers = self.get(Kind::Predicted, slug)?.split(' ');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    /// The seed under which causes of a mystery were named.
    pub fn diagnosed(&self, slug: &str) -> Option<u64> {
        self.get(Kind::Diagnosed, slug)?.split(' ').next()?.parse().ok()
    }

    /// The exercise to work on: the current one unless it is solved, else the first unsolved one.
    pub fn current<'a>(&self, pack: &'a Pack) -> Option<&'a Exercise> {
        let unsolved = |exercise: &&Exercise| !self.is_solved(exercise.slug());
        let chosen = self.get(Kind::Current, "");
        let chosen = pack.exercises.iter().find(|exercise| Some(exercise.slug()) == chosen);
        chosen.filter(unsolved).or_else(|| pack.exercises.iter().find(unsolved))
    }
}

/// Changes progress under a lock. Where it cannot be kept, on a read-only disk for example, a
/// warning says so: a verdict stands without it.
pub(crate) fn change(pack: &Pack, change: impl FnOnce(&mut Progress)) {
    let path = pack.folder.join(FILE);
    let changed = lock(&pack.folder.join(LOCK)).and_then(|_held| {
        let mut progress = Progress::read(pack);
        change(&mut progress);
        file::replace(&path, progress.text().as_bytes())
    });
    if let Err(error) = changed {
        exit::say(&format!("warning: progress is not kept: {error:#}"));
    }
}

/// A lock that is given back when the file is closed. A file system without locks is no reason not
/// to keep progress.
fn lock(path: &PathBuf) -> anyhow::Result<File> {
    let open = File::options().create(true).truncate(false).write(true).open(path);
    let file = open.with_context(|| format!("cannot write {}", path.display()))?;
    let _ = flock(&file, FlockOperation::LockExclusive);
    Ok(file)
}

impl Progress {
    pub fn note_try(&mut self, slug: &str) {
        let tries = self.tries(slug) + 1;
        self.set(Kind::Tries, slug, tries.to_string());
        self.set(Kind::Current, slug, String::new());
    }

    pub fn note_solved(&mut self, slug: &str) {
        if !self.is_solved(slug) {
            self.set(Kind::Solved, slug, now());
        }
    }

    pub fn note_hint(&mut self, slug: &str, shown: usize) {
        let tries = self.tries(slug);
        self.set(Kind::Hints, slug, format!("{shown} {tries}"));
    }

    pub fn note_prediction(&mut self, slug: &str, value: f64, confidence: u32) {
        self.set(Kind::Predicted, slug, format!("{value} {confidence}"));
    }

    pub fn note_diagnosis(&mut self, slug: &str, text: &str) {
        self.set(Kind::Diagnosed, slug, text.to_owned());
    }

    pub fn note_current(&mut self, slug: &str) {
        self.set(Kind::Current, slug, String::new());
    }
}

fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::exercise::pack::tests::{SMALL, pack};

    #[test]
    fn what_is_noted_is_read_again() {
        let (_folder, pack) = pack(SMALL);
        let pack = pack.unwrap();
        assert_eq!(Progress::read(&pack), Progress::default());
        change(&pack, |progress| {
            progress.note_try("slow-quotes");
            progress.note_try("slow-quotes");
            progress.note_hint("slow-quotes", 1);
            progress.note_prediction("slow-quotes", 12.5, 70);
        });
        let progress = Progress::read(&pack);
        assert_eq!((progress.tries("slow-quotes"), progress.hints("slow-quotes")), (2, (1, 2)));
        assert_eq!(progress.predicted("slow-quotes"), Some((12.5, 70)));
        assert_eq!(progress.current(&pack).unwrap().slug(), "slow-quotes");
        change(&pack, |progress| progress.note_solved("slow-quotes"));
        assert!(Progress::read(&pack).current(&pack).is_none(), "all are solved");
    }

    #[test]
    fn lines_that_cannot_be_read_are_kept_and_other_names_are_followed() {
        let text = SMALL.replacen("minutes", "formerly = [\"quotes\"]\nminutes", 1);
        let (folder, pack) = pack(&text);
        let pack = pack.unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "solved quotes 2026-01-01T00:00:00Z\n\u{0}half a li\ntries").unwrap();
        assert!(Progress::read(&pack).is_solved("slow-quotes"), "it has another name now");
        change(&pack, |progress| progress.note_try("slow-quotes"));
        let kept = std::fs::read_to_string(&path).unwrap();
        assert!(kept.contains("\u{0}half a li\ntries\n"), "{kept}");
        assert!(kept.contains("solved slow-quotes 2026-01-01T00:00:00Z"), "{kept}");
    }

    #[test]
    fn two_labs_at_once_lose_nothing() {
        let (_folder, pack) = pack(SMALL);
        let pack = &pack.unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..20).for_each(|_| change(pack, |p| p.note_try("slow-quotes"))));
            }
        });
        assert_eq!(Progress::read(pack).tries("slow-quotes"), 80);
    }

    #[test]
    fn a_file_that_is_no_text_or_no_file_counts_as_no_progress() {
        let (folder, pack) = pack(SMALL);
        let pack = pack.unwrap();
        std::fs::write(folder.path().join(FILE), [0xFF, 0xFE, 0]).unwrap();
        assert!(!Progress::read(&pack).is_solved("slow-quotes"));
        std::fs::remove_file(folder.path().join(FILE)).unwrap();
        std::fs::create_dir(folder.path().join(FILE)).unwrap();
        assert!(!Progress::read(&pack).is_solved("slow-quotes"));
        change(&pack, |progress| progress.note_try("slow-quotes")); // a warning and no panic
    }
}
