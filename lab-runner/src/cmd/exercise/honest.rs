//! `lab exercise verify`: the exercises prove themselves. Every starter misses its goal for the
//! stated reason, every solution meets it, every trap misses it for its own reason, and the shipped
//! file of the learner is judged as the starter is.

use crate::cli::exercise::HonestArgs;
use crate::cmd::exercise::attempt::{Attempt, Known};
use crate::cmd::exercise::build::{Built, Shown, build};
use crate::cmd::exercise::check::print;
use crate::cmd::exercise::judge::{Outcome, Reached};
use crate::cmd::exercise::pack::{Exercise, Pack, SOLUTION, STARTER, YOURS};
use crate::cmd::exercise::{learner, mystery, seal, tries};
use crate::engine::execute::{interrupted, invocation_folder};
use crate::engine::supervise::Interrupts;
use crate::exit::{self, Exit};
use crate::report::Style;
use crate::report::detail::{colour, evidence};
use crate::report::screen::Line;
use lab_analysis::claims::Verdict;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Instant;

/// How many runs of a variant may be needed until it shows what it is expected to show. A host that
/// is busy leaves ratios open; a count is decided by the first.
const MOST_RUNS: usize = 4;

/// What a variant must come out as.
#[derive(Clone, Debug, PartialEq)]
enum Expected {
    Solved,
    /// Missed, by each of these claims.
    Misses(Vec<String>),
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
            let mut names = Vec::new();
            for exercise in &chosen {
                names.extend(exercise.variants().iter().map(|variant| exercise.program(variant)));
            }
            match build(&pack.folder, &names, Shown::AsTheyCome, &interrupts)? {
                Built::In(folder) => folder,
                Built::No(_) => return Ok(Exit::NotBuilt),
                Built::Interrupted(signal) => return Ok(Exit::Interrupted(signal)),
            }
        }
    };
    let recording = invocation_folder(&args.out, "exercises")?;
    let mut proofs = Vec::new();
    for (exercise, variant) in to_prove(&chosen, &args.workers) {
        let (slug, load) = (exercise.slug(), &exercise.load);
        let name = format!("{slug}-{variant}-{}-{}", load.workers, load.seed);
        let folder = recording.join(name);
        let mut attempt = Attempt::new(&exercise, &variant, &programs, folder, &interrupts);
        attempt.ratio_runs = 1; // what a run cannot decide another one is run for
        let proof = match prove(&attempt)? {
            Ok(proof) => proof,
            Err(signal) => return Ok(interrupted(&recording, signal)),
        };
        print(&[line(&proof)], style, &[])?;
        proofs.push(proof);
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

/// Each variant of each exercise at each number of workers; of a mystery the starter under every
/// pair of faults too.
fn to_prove(chosen: &[&Exercise], workers: &[usize]) -> Vec<(Exercise, String)> {
    let mut all = Vec::new();
    for exercise in chosen {
        let own = exercise.load.seed;
        for workers in workers {
            // The learner's file is the starter: once is enough to see that it is judged as that.
            let own_file = |variant: &&str| *variant != YOURS || *workers == exercise.load.workers;
            let shows = |variant: &&str| {
                let trap = exercise.entry.traps.iter().find(|trap| trap.name == **variant);
                let at = trap.and_then(|trap| trap.at_workers.as_ref());
                at.is_none_or(|at| at.contains(workers))
            };
            for variant in exercise.variants().into_iter().filter(own_file).filter(shows) {
                all.push((exercise.under(*workers, own), variant.to_owned()));
            }
        }
        let pairs = exercise.entry.mystery.as_ref().map_or(0, |mystery| mystery.pairs.len() as u64);
        for seed in (own + 1)..(own + pairs) {
            all.push((exercise.under(exercise.load.workers, seed), STARTER.to_owned()));
        }
    }
    all
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
    let expected = expected(attempt.exercise, attempt.variant)?;
    let mut known = None;
    for number in 1..=MOST_RUNS {
        let signal = match number {
            1 if attempt.exercise.compares() => attempt.counts()?.or(attempt.beside_the_starter()?),
            1 => attempt.counts()?,
            // With a starter to compare with, the second run was among the first.
            _ => attempt.again(number + usize::from(attempt.exercise.compares()))?,
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

fn expected(exercise: &Exercise, variant: &str) -> anyhow::Result<Expected> {
    let starter = || match &exercise.entry.mystery {
        Some(mystery) => mystery::misses(mystery, exercise.load.seed).map(Expected::Misses),
        None => Ok(Expected::Misses(vec![exercise.entry.starter_breaks.clone()])),
    };
    Ok(match variant {
        SOLUTION => Expected::Solved,
        STARTER => starter()?,
        // In a learner's clone the file may be anything.
        YOURS if learner::is_changed(exercise) => Expected::Solved,
        YOURS => starter()?,
        trap => match exercise.entry.traps.iter().find(|known| known.name == trap) {
            Some(trap) => Expected::Misses(vec![trap.breaks.clone()]),
            None => starter()?,
        },
    })
}

/// Whether a variant shows what is expected of it. What should miss must miss by that very claim; a
/// goal that is met although it should be missed is wrong, and an open one is open.
fn verdict(expected: &Expected, known: &Known) -> Verdict {
    match (expected, &known.outcome) {
        (Expected::Solved, Outcome::Solved) => Verdict::Held,
        (Expected::Solved, Outcome::Inconclusive(_)) => Verdict::NotMeasured,
        (Expected::Solved, _) | (Expected::Misses(_), Outcome::Solved) => Verdict::Broken,
        (Expected::Misses(claims), outcome) => {
            let all = known.reached.iter();
            let of_claims = all.filter(|one| claims.iter().any(|says| one.goal.claim.says == says));
            let verdicts: Vec<Verdict> = of_claims.map(|one| one.verdict).collect();
            let missed = matches!(outcome, Outcome::NotYet(_) | Outcome::Hangs);
            match () {
                // A claim that is no goal would be missed by everything.
                () if verdicts.len() != claims.len() => Verdict::Broken,
                () if verdicts.iter().all(|verdict| *verdict == Verdict::Broken) => Verdict::Held,
                () if missed && verdicts.contains(&Verdict::Held) => Verdict::Broken,
                () => Verdict::NotMeasured,
            }
        }
    }
}

fn label(attempt: &Attempt<'_>) -> String {
    let (slug, variant) = (attempt.exercise.slug(), attempt.variant);
    let trap = if [YOURS, STARTER, SOLUTION].contains(&variant) { "" } else { "trap " };
    let plural = if attempt.exercise.load.workers == 1 { "" } else { "s" };
    let seed = match attempt.exercise.entry.mystery {
        Some(_) => format!(", seed {}", attempt.exercise.load.seed),
        None => String::new(),
    };
    format!("{slug}, {trap}{variant}, {} worker{plural}{seed}", attempt.exercise.load.workers)
}

/// What was seen, in a clause.
fn shown(expected: &Expected, known: &Known) -> String {
    let one = |reached: &Reached| {
        let measured = reached.shown.as_ref().and_then(evidence);
        let measured = measured.map_or_else(String::new, |measured| format!(" ({measured})"));
        format!("'{}'{measured}", reached.goal.claim.says)
    };
    let missed: Vec<String> =
        known.reached.iter().filter(|r| r.verdict == Verdict::Broken).map(one).collect();
    let seen = match &known.outcome {
        Outcome::Solved => {
            let last = known.reached.last().map(one).unwrap_or_default();
            format!("meets its goal, {last}")
        }
        Outcome::Hangs => format!("hangs, and misses {}", missed.join(" and ")),
        Outcome::NotYet(_) => format!("misses {}", missed.join(" and ")),
        Outcome::Inconclusive(why) => why.clone(),
    };
    match (expected, verdict(expected, known)) {
        (Expected::Misses(claims), Verdict::Broken) => {
            format!("{seen}, and should miss '{}'", claims.join("' and '"))
        }
        (Expected::Solved, Verdict::Broken) => format!("{seen}, and should meet its goal"),
        _ => seen,
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

/// The verdict on a program in the place of the learner's, in a word or two: for tests of programs
/// that try to pass cheaply.
///
/// # Errors
/// If the pack cannot be read, or the program cannot be started.
pub fn verdict_of(pack: &Path, slug: &str, program: &Path, out: &Path) -> anyhow::Result<String> {
    let pack = Pack::open(Some(pack))?;
    let exercise = pack.exercise(slug)?;
    let interrupts = Interrupts::catch()?;
    // The programs of an exercise are found by name: this one gets the learner's.
    let programs = tempfile::tempdir()?;
    for variant in [YOURS, STARTER] {
        symlink(program, programs.path().join(exercise.program(variant)))?;
    }
    let recording = invocation_folder(out, slug)?;
    let attempt = Attempt::new(exercise, YOURS, programs.path(), recording, &interrupts);
    attempt.counts()?;
    for number in 2..=MOST_RUNS {
        if !attempt.known()?.is_open() {
            break;
        }
        attempt.again(number)?;
    }
    Ok(tries::word(&attempt.known()?.outcome).to_owned())
}
