//! `lab exercise verify`: the exercises prove themselves. Every starter misses its goal for the
//! stated reason, every solution meets it, every trap misses it for its own reason, and the shipped
//! file of the learner is judged as the starter is.

use crate::cli::exercise::HonestArgs;
use crate::cmd::exercise::attempt::{Attempt, Known};
use crate::cmd::exercise::build::{Built, Shown, build};
use crate::cmd::exercise::check::print;
use crate::cmd::exercise::judge::Outcome;
use crate::cmd::exercise::pack::{Exercise, Pack, SOLUTION, STARTER, YOURS};
use crate::cmd::exercise::{learner, seal};
use crate::engine::execute::interrupted;
use crate::engine::supervise::Interrupts;
use crate::exit::{self, Exit};
use crate::report::Style;
use crate::report::detail::{colour, evidence};
use crate::report::screen::Line;
use lab_analysis::claims::Verdict;
use lab_recording::Load;
use std::path::Path;
use std::time::Instant;

/// How many runs of a variant may be needed until it shows what it is expected to show. A host that
/// is busy leaves ratios open; a count is decided by the first.
const MOST_RUNS: usize = 4;

/// What a variant must come out as.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Solved,
    /// Missed, by this claim.
    Misses(String),
}

/// One variant under one number of workers, proved or not.
struct Proof {
    /// `slow-quotes, trap spawn-it, 2 workers`.
    label: String,
    verdict: Verdict,
    text: String,
}

pub(crate) fn run(args: &HonestArgs, pack: &Pack, style: Style) -> anyhow::Result<Exit> {
    let begin = Instant::now();
    seal::check(pack)?;
    let chosen: Vec<&Exercise> = match &args.slugs[..] {
        [] => pack.exercises.iter().collect(),
        slugs => slugs.iter().map(|slug| pack.exercise(slug)).collect::<anyhow::Result<_>>()?,
    };
    let interrupts = Interrupts::catch()?;
    let programs = match &args.programs {
        Some(folder) => folder.clone(),
        None => {
            let all = |one: &&Exercise| one.variants().iter().map(|v| one.program(v)).collect();
            let names: Vec<String> = chosen.iter().flat_map::<Vec<_>, _>(|one| all(&one)).collect();
            match build(&pack.folder, &names, Shown::AsTheyCome, &interrupts)? {
                Built::In(folder) => folder,
                Built::No(_) => return Ok(Exit::NotBuilt),
                Built::Interrupted(signal) => return Ok(Exit::Interrupted(signal)),
            }
        }
    };
    let mut proofs = Vec::new();
    for exercise in chosen {
        for workers in &args.workers {
            for variant in exercise.variants() {
                let load = Load { workers: *workers, ..exercise.load.clone() };
                let mut attempt =
                    Attempt::new(exercise, variant, &programs, &args.out, &interrupts)?;
                attempt.load = load;
                let proof = match prove(&attempt)? {
                    Ok(proof) => proof,
                    Err(signal) => return Ok(interrupted(&attempt.folder, signal)),
                };
                print(&[line(&proof)], style, &[])?;
                proofs.push(proof);
            }
        }
    }
    let with = |verdict| proofs.iter().filter(move |proof| proof.verdict == verdict).count();
    let (wrong, open) = (with(Verdict::Broken), with(Verdict::NotMeasured));
    exit::print(|to| {
        write!(to, "\n{} of {} as expected", with(Verdict::Held), proofs.len())?;
        if wrong > 0 {
            write!(to, ", {wrong} wrong")?;
        }
        if open > 0 {
            write!(to, ", {open} undecided on this machine, which is no failure")?;
        }
        writeln!(to, ", in {:.0} s", begin.elapsed().as_secs_f64())
    })?;
    Ok(match (wrong, with(Verdict::Held)) {
        (1.., _) => Exit::Broken,
        (0, 0) => Exit::NotMeasured,
        _ => Exit::Done,
    })
}

fn line(proof: &Proof) -> Line {
    let (word, tint) = match proof.verdict {
        Verdict::Held => ("ok", colour(Verdict::Held)),
        Verdict::Broken => ("WRONG", colour(Verdict::Broken)),
        Verdict::NotMeasured => ("undecided", colour(Verdict::NotMeasured)),
    };
    let blanks = " ".repeat(10 - word.len());
    Line::hanging(format!("{tint}{word}{tint:#}{blanks}{}: {}", proof.label, proof.text), 10)
}

/// Runs a variant until it shows what is expected of it, or often enough.
fn prove(attempt: &Attempt<'_>) -> anyhow::Result<Result<Proof, i32>> {
    let expected = expected(attempt.exercise, attempt.variant);
    let mut known = None;
    for number in 1..=MOST_RUNS {
        let signal = match number {
            1 if attempt.exercise.compares() => attempt.counts()?.or(attempt.beside_the_starter()?),
            1 => attempt.counts()?,
            _ => attempt.again(number)?,
        };
        if let Some(signal) = signal {
            return Ok(Err(signal));
        }
        let now = attempt.known()?;
        let verdict = verdict(&expected, &now);
        let missed_before_all_ran = expected == Expected::Solved && number == 1;
        known = Some((now, verdict));
        if verdict == Verdict::Held || (verdict == Verdict::Broken && !missed_before_all_ran) {
            break;
        }
    }
    let Some((known, verdict)) = known else { anyhow::bail!("nothing was run") };
    Ok(Ok(Proof { label: label(attempt), verdict, text: shown(&expected, &known) }))
}

fn expected(exercise: &Exercise, variant: &str) -> Expected {
    let starter = || Expected::Misses(exercise.entry.starter_breaks.clone());
    match variant {
        SOLUTION => Expected::Solved,
        STARTER => starter(),
        // In a learner's clone the file may be anything.
        YOURS if learner::is_changed(exercise) => Expected::Solved,
        YOURS => starter(),
        trap => match exercise.entry.traps.iter().find(|known| known.name == trap) {
            Some(trap) => Expected::Misses(trap.breaks.clone()),
            None => starter(),
        },
    }
}

/// Whether a variant shows what is expected of it. What should miss must miss by that very claim; a
/// goal that is met although it should be missed is wrong, and an open one is open.
fn verdict(expected: &Expected, known: &Known) -> Verdict {
    match (expected, &known.outcome) {
        (Expected::Solved, Outcome::Solved) => Verdict::Held,
        (Expected::Solved, Outcome::Inconclusive(_)) => Verdict::NotMeasured,
        (Expected::Solved, _) | (Expected::Misses(_), Outcome::Solved) => Verdict::Broken,
        (Expected::Misses(says), outcome) => {
            let of_claim = known.reached.iter().find(|one| one.goal.claim.says == says);
            match (of_claim.map(|one| one.verdict), outcome) {
                (Some(Verdict::Broken), _) => Verdict::Held,
                (Some(Verdict::Held), Outcome::NotYet(_) | Outcome::Hangs) => Verdict::Broken,
                _ => Verdict::NotMeasured,
            }
        }
    }
}

fn label(attempt: &Attempt<'_>) -> String {
    let (slug, variant) = (attempt.exercise.slug(), attempt.variant);
    let trap = if [YOURS, STARTER, SOLUTION].contains(&variant) { "" } else { "trap " };
    let plural = if attempt.load.workers == 1 { "" } else { "s" };
    format!("{slug}, {trap}{variant}, {} worker{plural}", attempt.load.workers)
}

/// What was seen, in a clause.
fn shown(expected: &Expected, known: &Known) -> String {
    let of = |says: &str| {
        let reached = known.reached.iter().find(|one| one.goal.claim.says == says);
        let measured = reached.and_then(|one| evidence(one.shown.as_ref()?));
        measured.map_or_else(String::new, |measured| format!(" ({measured})"))
    };
    match (&known.outcome, expected) {
        (Outcome::Solved, Expected::Solved) => {
            let last = known.reached.last().map(|one| one.goal.claim.says).unwrap_or_default();
            format!("meets its goal{}", of(last))
        }
        (Outcome::Solved, Expected::Misses(says)) => {
            format!("meets its goal, and should miss '{says}'{}", of(says))
        }
        (Outcome::Hangs, _) => "hangs".into(),
        (Outcome::Inconclusive(why), _) => why.clone(),
        (Outcome::NotYet(first), expected) => {
            let first = known.reached[*first].goal.claim.says;
            let should = match expected {
                Expected::Misses(says)
                    if known.reached.iter().any(|one| {
                        one.goal.claim.says == says && one.verdict == Verdict::Broken
                    }) =>
                {
                    return format!("misses '{says}'{}", of(says));
                }
                Expected::Misses(says) => format!(", and should miss '{says}'{}", of(says)),
                Expected::Solved => ", and should meet its goal".into(),
            };
            format!("misses '{first}'{}{should}", of(first))
        }
    }
}

/// Proves a pack whose programs are built: for the tests of the package that has them. Prints what
/// it finds.
///
/// # Errors
/// If the pack cannot be read, or a program cannot be started.
pub fn prove_pack(pack: &Path, programs: &Path, out: &Path) -> anyhow::Result<bool> {
    let args = HonestArgs {
        slugs: Vec::new(),
        programs: Some(programs.to_owned()),
        workers: vec![1, 2],
        out: out.to_owned(),
    };
    let pack = Pack::open(Some(pack))?;
    Ok(run(&args, &pack, Style::new(true))? != Exit::Broken)
}
