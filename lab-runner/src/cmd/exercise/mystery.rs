//! Mysteries: an exercise whose program is put together from parts, of which a seed chooses two with
//! their fault. The learner names cause and function before anything is named to him or her.

use crate::cli::exercise::DiagnoseArgs;
use crate::cmd::exercise::manifest::{Mystery, Part};
use crate::cmd::exercise::pack::{Exercise, Pack};
use crate::cmd::exercise::progress::{self, Progress};
use crate::cmd::exercise::tries::{self, Try};
use crate::exit::{self, Exit, UsageError};
use anyhow::{Context, bail, ensure};
use lab_recording::{Cause, file};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};

/// Most columns of a line of a program.
const COLUMNS: usize = 100;
/// What the first line of a learner's file has before the seed.
const SEED: &str = ", seed ";

/// The exercise under the seed of its file, after the file was put together anew for another seed.
///
/// # Errors
/// If the exercise is no mystery and a seed was named, or if the file cannot be written.
pub(crate) fn prepared(exercise: &Exercise, seed: Option<u64>) -> anyhow::Result<Exercise> {
    let mut prepared = exercise.clone();
    if exercise.entry.mystery.is_none() {
        if seed.is_some() {
            let slug = exercise.slug();
            return Err(UsageError::error(format!("{slug} has no --seed: only a mystery has one")));
        }
        return Ok(prepared);
    }
    let code = fs::read_to_string(exercise.file()).unwrap_or_default();
    let here = seed_of(&code);
    let wanted = seed.or(here).unwrap_or(exercise.load.seed);
    if here != Some(wanted) {
        put_together(exercise, wanted)?;
    }
    prepared.load.seed = wanted;
    Ok(prepared)
}

/// Writes the learner's file for a seed, and keeps the one that was there.
pub(crate) fn put_together(exercise: &Exercise, seed: u64) -> anyhow::Result<()> {
    let text = program(exercise, seed)?;
    let path = exercise.file();
    if let Ok(code) = fs::read(&path)
        && code != text.as_bytes()
    {
        tries::keep(exercise, &code, &Try { verdict: "not measured".into(), ..Try::not_built() })?;
    }
    file::replace(&path, text.as_bytes())
}

/// The file as it was put together, for the seed that it has.
pub(crate) fn shipped(exercise: &Exercise) -> anyhow::Result<String> {
    let code = fs::read_to_string(exercise.file()).unwrap_or_default();
    program(exercise, seed_of(&code).unwrap_or(exercise.load.seed))
}

/// The seed that a file was put together for.
pub(crate) fn seed_of(code: &str) -> Option<u64> {
    let (_, seed) = code.lines().next()?.rsplit_once(SEED)?;
    seed.trim_end_matches('.').parse().ok()
}

/// The parts that have their fault.
fn faults(mystery: &Mystery, seed: u64) -> anyhow::Result<Vec<&Part>> {
    ensure!(!mystery.pairs.is_empty(), "a mystery has at least one pair of parts");
    let pair = &mystery.pairs[(seed % mystery.pairs.len() as u64) as usize];
    let named = |name: &String| {
        let part = mystery.parts.iter().find(|part| part.name == *name);
        part.with_context(|| format!("no part of the mystery is called '{name}'"))
    };
    pair.iter().map(named).collect()
}

/// The claims that the starter misses under a seed.
pub(crate) fn misses(mystery: &Mystery, seed: u64) -> anyhow::Result<Vec<String>> {
    Ok(faults(mystery, seed)?.into_iter().map(|part| part.breaks.clone()).collect())
}

/// The program for a seed: the head, the imports of all parts, and their code.
fn program(exercise: &Exercise, seed: u64) -> anyhow::Result<String> {
    let Some(mystery) = &exercise.entry.mystery else { bail!("it is no mystery") };
    let folder = exercise.folder.join("src/mystery");
    let read = |name: String| {
        let path = folder.join(name);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let faults = faults(mystery, seed)?;
    let mut uses = Uses::default();
    let mut code = String::new();
    for part in &mystery.parts {
        let state = if faults.contains(&part) { "faulty" } else { "sound" };
        let text = read(format!("{}_{state}.rs", part.name))?;
        let begin = text.find("///").with_context(|| format!("part {} has no code", part.name))?;
        text[..begin].lines().for_each(|line| uses.add(line));
        code += "\n";
        code += &text[begin..].replace("pub async fn", "async fn").replace("pub fn", "fn");
    }
    uses.add("use crate::mystery::{self, Parts};");
    uses.add("use std::process::ExitCode;");
    let head = read("head.txt".into())?;
    Ok(head.replace("SEED", &seed.to_string()).replace("USES", uses.text().trim_end()) + &code)
}

/// The imports of a program, sorted as rustfmt sorts them.
#[derive(Debug, Default)]
struct Uses {
    /// From the module that the parts share.
    shared: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Uses {
    fn add(&mut self, line: &str) {
        let Some(path) = line.strip_prefix("use ") else { return };
        let path = path.trim_end_matches(';');
        match path.strip_prefix("crate::mystery::") {
            Some(names) => {
                let names = names.trim_matches(['{', '}']).split(',').map(str::trim);
                self.shared.extend(names.filter(|name| !name.is_empty()).map(str::to_owned));
            }
            None => {
                self.others.insert(path.to_owned());
            }
        }
    }

    fn text(&self) -> String {
        // `self` first, then types, then functions, as rustfmt has them.
        let rank = |name: &&String| match name.as_str() {
            "self" => 0,
            name if name.starts_with(char::is_uppercase) => 1,
            _ => 2,
        };
        let mut names: Vec<&String> = self.shared.iter().collect();
        names.sort_by_key(|name| (rank(name), (*name).clone()));
        let names: Vec<&str> = names.into_iter().map(String::as_str).collect();
        let one_line = format!("lab_exercises::mystery::{{{}}}", names.join(", "));
        let shared = match "use ;".len() + one_line.len() <= COLUMNS {
            true => one_line,
            false => format!("lab_exercises::mystery::{{\n{}}}", filled(&names)),
        };
        let mut all = self.others.clone();
        all.insert(shared);
        all.iter().map(|path| format!("use {path};\n")).collect()
    }
}

/// Names in indented lines, each as long as it may be.
fn filled(names: &[&str]) -> String {
    let mut lines = vec!["   ".to_owned()];
    for name in names {
        let next = format!(" {name},");
        match lines.last_mut() {
            Some(line) if line.len() + next.len() <= COLUMNS => *line += &next,
            _ => lines.push(format!("   {next}")),
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// Whether the learner has named causes under the seed of this exercise, or need not.
pub(crate) fn may_name_faults(pack: &Pack, exercise: &Exercise) -> bool {
    exercise.entry.mystery.is_none()
        || Progress::read(pack).diagnosed(exercise.slug()) == Some(exercise.load.seed)
}

/// A named cause with the function to blame.
#[derive(Clone, Debug, PartialEq)]
struct Guess {
    cause: Cause,
    function: String,
}

/// `lab exercise diagnose`: the learner's diagnosis, graded against the truth.
pub(crate) fn diagnose(args: &DiagnoseArgs, pack: &Pack) -> anyhow::Result<Exit> {
    let exercise = super::chosen(pack, args.slug.as_deref())?;
    let slug = exercise.slug();
    let exercise = &prepared(exercise, None)?;
    let Some(mystery) = &exercise.entry.mystery else {
        return Err(UsageError::error(format!("{slug} is no mystery: its task names the symptom")));
    };
    if Progress::read(pack).tries(slug) == 0 {
        return Err(UsageError::error(format!(
            "{slug} was not measured yet: lab exercise check {slug} shows its symptoms"
        )));
    }
    let guesses = guesses(args, mystery)?;
    let seed = exercise.load.seed;
    let truths = faults(mystery, seed)?;
    let right = graded(&guesses, &truths);
    let count = right.iter().filter(|right| **right).count();
    let text = format!("{seed} {count} of {}", truths.len());
    progress::change(pack, |progress| progress.note_diagnosis(slug, &text));
    exit::print(|to| {
        for (guess, right) in guesses.iter().zip(&right) {
            let word = if *right { "right" } else { "wrong" };
            writeln!(to, "{word:<10} {} in {}", guess.cause, guess.function)?;
        }
        for truth in &truths {
            writeln!(to, "fault      {} in {}", truth.cause, truth.function)?;
        }
        writeln!(to, "{count} of {} named; now mend them: lab exercise check {slug}", truths.len())
    })?;
    Ok(if count == truths.len() { Exit::Done } else { Exit::Broken })
}

/// Which guesses are right: the cause of a fault, with its function or the end of its path. A fault
/// counts once.
fn graded(guesses: &[Guess], truths: &[&Part]) -> Vec<bool> {
    let mut open: Vec<&&Part> = truths.iter().collect();
    let mut right = Vec::new();
    for guess in guesses {
        let named = guess.function.trim().trim_end_matches("()");
        let found = open.iter().position(|truth| {
            let same = truth.function == named || truth.function.ends_with(&format!("::{named}"));
            truth.cause == guess.cause && same
        });
        right.push(found.is_some());
        found.map(|at| open.remove(at));
    }
    right
}

fn guesses(args: &DiagnoseArgs, mystery: &Mystery) -> anyhow::Result<Vec<Guess>> {
    if args.cause.len() != args.function.len() {
        return Err(UsageError::error("each --cause has one --function"));
    }
    if !args.cause.is_empty() {
        let all = args.cause.iter().zip(&args.function);
        return all.map(|(cause, function)| guess(cause, function, mystery)).collect();
    }
    if !io::stdin().is_terminal() {
        return Err(UsageError::error(format!(
            "name each fault with --cause CAUSE --function NAME; causes: {}",
            words(mystery)
        )));
    }
    let mut guesses = Vec::new();
    for number in 1..=2 {
        let cause = ask(&format!("Cause {number} ({}): ", words(mystery)))?;
        let function = ask("Function to blame: ")?;
        guesses.push(guess(&cause, &function, mystery)?);
    }
    Ok(guesses)
}

fn ask(question: &str) -> anyhow::Result<String> {
    let mut stdout = io::stdout().lock();
    write!(stdout, "{question}")?;
    stdout.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn guess(cause: &str, function: &str, mystery: &Mystery) -> anyhow::Result<Guess> {
    let quoted = serde_json::Value::String(cause.trim().to_owned());
    let known = serde_json::from_value(quoted).map_err(|_| {
        UsageError::error(format!("no cause is called '{cause}': {}", words(mystery)))
    })?;
    Ok(Guess { cause: known, function: function.to_owned() })
}

/// The causes to choose from: those of all parts.
fn words(mystery: &Mystery) -> String {
    let word = |part: &Part| serde_json::to_value(part.cause).ok()?.as_str().map(str::to_owned);
    mystery
        .parts
        .iter()
        .filter_map(word)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, cause: Cause) -> Part {
        let function = format!("mystery::{name}");
        Part { name: name.into(), cause, function, breaks: String::new() }
    }

    #[test]
    fn a_guess_is_right_by_cause_and_function_and_a_fault_counts_once() {
        let (a, b) = (part("import", Cause::LongPoll), part("stop", Cause::SelfShutdown));
        let guess = |cause, function: &str| Guess { cause, function: function.to_owned() };
        let of = |guesses: &[Guess]| graded(guesses, &[&a, &b]);
        assert_eq!(
            of(&[guess(Cause::SelfShutdown, "stop()"), guess(Cause::LongPoll, "mystery::import")]),
            [true, true]
        );
        assert_eq!(
            of(&[guess(Cause::LongPoll, "import"), guess(Cause::LongPoll, "import")]),
            [true, false]
        );
        assert_eq!(of(&[guess(Cause::LongPoll, "port")]), [false], "a part of a name is no name");
        assert_eq!(of(&[guess(Cause::BlockingCall, "import")]), [false]);
    }

    #[test]
    fn the_seed_is_in_the_first_line() {
        assert_eq!(seed_of("//! Mystery, seed 17.\n//!"), Some(17));
        assert_eq!(seed_of("//! Mystery.\n"), None);
        assert_eq!(seed_of(""), None);
    }

    #[test]
    fn imports_are_merged_and_sorted() {
        let mut uses = Uses::default();
        for line in [
            "use std::sync::Arc;",
            "use crate::mystery::{Ledger, total};",
            "use crate::mystery::words;",
            "use std::sync::Arc;",
            "//! no import",
        ] {
            uses.add(line);
        }
        assert_eq!(
            uses.text(),
            "use lab_exercises::mystery::{Ledger, total, words};\nuse std::sync::Arc;\n"
        );
    }
}
