//! A pack: a folder with a manifest, the learner's files and what they are checked against.

use crate::cmd::exercise::manifest::{Entry, GoalEntry, Manifest, Rung, VERSION, kept};
use crate::exit::UsageError;
use anyhow::Context;
use lab_kit::{Claim, Column, Cx, Kind, Measure, Metric, Scenario, Variant};
use lab_recording::Load;
use lab_recording::plain_file;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The manifest in the folder of a pack.
pub(crate) const MANIFEST: &str = "info.toml";

/// The variant that the learner edits.
pub(crate) const YOURS: &str = "yours";
/// The file as it was shipped.
pub(crate) const STARTER: &str = "starter";
/// The file that meets the goal.
pub(crate) const SOLUTION: &str = "solution";

/// The exercises of a folder.
#[derive(Clone, Debug)]
pub(crate) struct Pack {
    pub folder: PathBuf,
    pub welcome: String,
    pub exercises: Vec<Exercise>,
}

/// One exercise, with its goal as claims.
#[derive(Clone, Debug)]
pub(crate) struct Exercise {
    pub entry: Entry,
    pub goals: Vec<Goal>,
    pub load: Load,
    /// The folder of the pack.
    pub folder: PathBuf,
}

/// A claim that must hold, and what it rests on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Goal {
    pub rung: Rung,
    pub claim: Claim,
}

impl Pack {
    /// The pack of `--pack`, or the folder `exercises` of this folder or of one above it.
    ///
    /// # Errors
    /// If there is none, or if its manifest cannot be used.
    pub fn open(given: Option<&Path>) -> anyhow::Result<Pack> {
        let folder = match given {
            Some(folder) => folder.to_owned(),
            None => find(&std::env::current_dir()?).ok_or_else(|| {
                UsageError::error(
                    "no folder 'exercises' here or above: change into the repository of the lab, \
                     or name a pack with --pack DIR",
                )
            })?,
        };
        Pack::read(&folder).map_err(|error| UsageError::error(format!("{error:#}")))
    }

    fn read(folder: &Path) -> anyhow::Result<Pack> {
        let path = folder.join(MANIFEST);
        let shown = path.display();
        let text = plain_file::read(&path, plain_file::DOCUMENT)
            .with_context(|| format!("cannot read {shown}: a pack is a folder with this file"))?;
        let text = String::from_utf8(text).with_context(|| format!("{shown} is not text"))?;
        let manifest: Manifest = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].lines().count().max(1));
            anyhow::anyhow!("{shown}, line {line}: {}", error.message().replace('\n', " "))
        })?;
        anyhow::ensure!(
            manifest.format_version == VERSION,
            "{shown} has format_version {}: this lab reads {VERSION}",
            manifest.format_version
        );
        let mut slugs = BTreeSet::new();
        let mut exercises = Vec::new();
        for entry in manifest.exercises {
            let slug = entry.slug.clone();
            let read = Exercise::new(entry, folder);
            exercises.push(read.with_context(|| format!("{shown}, exercise '{slug}'"))?);
            anyhow::ensure!(slugs.insert(slug.clone()), "{shown}: two exercises are called {slug}");
        }
        anyhow::ensure!(!exercises.is_empty(), "{shown} has no exercise");
        Ok(Pack { folder: folder.to_owned(), welcome: manifest.welcome, exercises })
    }

    /// The exercise of this name, or an error with the nearest one.
    pub fn exercise(&self, slug: &str) -> anyhow::Result<&Exercise> {
        if let Some(found) = self.exercises.iter().find(|exercise| exercise.slug() == slug) {
            return Ok(found);
        }
        let likeness = |exercise: &&Exercise| strsim::jaro_winkler(exercise.slug(), slug);
        let nearest = self.exercises.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        let next = match nearest.filter(|exercise| likeness(exercise) > 0.7) {
            Some(near) => format!("try {}", near.slug()),
            None => "lab exercise list shows all".into(),
        };
        Err(UsageError::error(format!("no exercise is called '{slug}': {next}")))
    }
}

/// The folder `exercises` with a manifest, here or above.
fn find(from: &Path) -> Option<PathBuf> {
    let here = |folder: &Path| match folder.join(MANIFEST).is_file() {
        true if folder.file_name().is_some_and(|name| name == "exercises") => {
            Some(folder.to_owned())
        }
        _ => Some(folder.join("exercises")).filter(|pack| pack.join(MANIFEST).is_file()),
    };
    let found = from.ancestors().find_map(here)?;
    // Shorter, and the same wherever it is printed.
    Some(found.strip_prefix(from).map(Path::to_owned).unwrap_or(found))
}

impl Exercise {
    fn new(entry: Entry, folder: &Path) -> anyhow::Result<Exercise> {
        let in_slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        anyhow::ensure!(
            !entry.slug.is_empty() && entry.slug.chars().all(in_slug),
            "a slug has lower case letters, digits and hyphens"
        );
        let load = entry.load.load().context("load")?;
        let mut goals = Vec::new();
        for goal in &entry.goals {
            let claim = goal.claim().with_context(|| format!("goal '{}'", goal.claim))?;
            goals.push(Goal { rung: goal.rung, claim });
        }
        let is_goal = |says: &str| goals.iter().any(|goal| goal.claim.says == says);
        anyhow::ensure!(
            is_goal(&entry.starter_breaks),
            "starter_breaks is no claim of its goal: '{}'",
            entry.starter_breaks
        );
        for trap in &entry.traps {
            anyhow::ensure!(
                is_goal(&trap.breaks),
                "trap '{}' breaks no claim of the goal: '{}'",
                trap.name,
                trap.breaks
            );
        }
        for part in entry.mystery.iter().flat_map(|mystery| &mystery.parts) {
            anyhow::ensure!(
                is_goal(&part.breaks),
                "part '{}' breaks no claim of the goal: '{}'",
                part.name,
                part.breaks
            );
        }
        let grows = goals.iter().any(|goal| goal.rung == Rung::Slope);
        anyhow::ensure!(grows == entry.sweep.is_some(), "goals about growth need [exercise.sweep]");
        Ok(Exercise { entry, goals, load, folder: folder.to_owned() })
    }

    /// The same under another number of workers and another seed.
    pub fn under(&self, workers: usize, seed: u64) -> Exercise {
        Exercise { load: Load { workers, seed, ..self.load.clone() }, ..self.clone() }
    }

    pub fn slug(&self) -> &str {
        &self.entry.slug
    }

    /// The file that the learner edits.
    pub fn file(&self) -> PathBuf {
        self.folder.join(format!("src/bin/{}.rs", self.slug()))
    }

    /// The source of a variant.
    pub fn source(&self, variant: &str) -> PathBuf {
        let slug = self.slug();
        let below = match variant {
            YOURS => return self.file(),
            STARTER => format!("starters/{slug}.rs"),
            SOLUTION => format!("solutions/{slug}.rs"),
            trap => format!("traps/{slug}/{trap}.rs"),
        };
        self.folder.join(below)
    }

    /// The program of a variant: the name of a `[[bin]]`.
    pub fn program(&self, variant: &str) -> String {
        let slug = self.slug();
        match variant {
            YOURS => slug.to_owned(),
            STARTER | SOLUTION => format!("{slug}-{variant}"),
            trap => format!("{slug}-trap-{trap}"),
        }
    }

    /// All variants: the learner's file, the starter, the solution, the traps.
    pub fn variants(&self) -> Vec<&str> {
        let traps = self.entry.traps.iter().map(|trap| trap.name.as_str());
        [YOURS, STARTER, SOLUTION].into_iter().chain(traps).collect()
    }

    /// The page of the book, beside the pack or in it.
    pub fn page(&self) -> Option<PathBuf> {
        let name = format!("exercises/{}.md", self.slug());
        let beside = self.folder.join("../book/src").join(&name);
        let beside = beside.is_file().then(|| match self.folder.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.join("book/src").join(&name),
            _ => Path::new("book/src").join(&name),
        });
        let inside = self.folder.join("book").join(format!("{}.md", self.slug()));
        beside.or(Some(inside)).filter(|page| page.is_file())
    }

    /// The exercise as a scenario whose variants are programs, so that everything that plans, runs,
    /// judges and reports scenarios does so with exercises. `programs` is the folder in which they
    /// were built. It lives as long as the process: make it once for each check.
    pub fn scenario(&self, programs: &Path) -> &'static Scenario {
        let claims: Vec<Claim> = self.goals.iter().map(|goal| goal.claim).collect();
        let claims: &'static [Claim] = Box::leak(claims.into());
        let variants: Vec<Variant> = self
            .variants()
            .into_iter()
            .map(|name| {
                let kind = match name {
                    STARTER => Kind::Buggy,
                    SOLUTION => Kind::Fixed,
                    YOURS => Kind::Fix,
                    _ => Kind::Trap,
                };
                let program: &'static Path =
                    Box::leak(programs.join(self.program(name)).into_boxed_path());
                Variant { program: Some(program), ..Variant::new(kept(name), kind, elsewhere) }
                    .claims(claims)
            })
            .collect();
        let columns: Vec<Column> = self
            .entry
            .shows
            .iter()
            .map(|shown| Column::new(kept(&shown.metric), kept(&shown.label)))
            .collect();
        let counted = self.entry.goals.iter().filter_map(GoalEntry::counted_before_deadline);
        let metrics: Vec<Metric> = counted
            .map(|name| Metric::higher(kept(name), "", 0.0, "done before a deadline"))
            .map(Metric::before_deadline)
            .collect();
        let (slug, symptom) = (kept(self.slug()), kept(&self.entry.symptom));
        let variants: &'static [Variant] = Box::leak(variants.into());
        let mut scenario = match self.load.is_batch() {
            true => Scenario::batch(slug, symptom, variants),
            false => Scenario::new(slug, symptom, variants),
        };
        scenario.load = self.load.clone();
        scenario.metrics = Box::leak(metrics.into());
        if !columns.is_empty() {
            scenario.columns = Box::leak(columns.into());
        }
        Box::leak(Box::new(scenario))
    }

    /// Whether a goal compares with the starter.
    pub fn compares(&self) -> bool {
        self.goals.iter().any(|goal| matches!(goal.claim.measure, Measure::Ratio { .. }))
    }
}

/// The code of an exercise runs in its own program, never in the lab's.
fn elsewhere(_cx: &Cx) -> anyhow::Result<()> {
    anyhow::bail!("an exercise is a program of its own")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const SMALL: &str = r#"
format_version = 1
welcome = "Welcome."

[[exercise]]
slug = "slow-quotes"
title = "Slow quotes"
minutes = 10
symptom = "quotes are slow"
load = { rate = 100 }
cause = "long-poll"
function = "slow_quotes::import"
profilers = ["cpu"]
starter_breaks = "few quotes wait"
hints = ["where", "signal", "mechanism", "change"]

[[exercise.goal]]
claim = "the service ends"
rung = "liveness"
ending = "finished"

[[exercise.goal]]
claim = "few quotes wait"
rung = "ratio"
share = { metric = "wait_p99_us", of = "import_us" }
at_most = 0.1

[[exercise.trap]]
name = "spawn-it"
breaks = "few quotes wait"
says = "A task of its own is polled by the same worker."
"#;

    pub(crate) fn pack(text: &str) -> (tempfile::TempDir, anyhow::Result<Pack>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MANIFEST), text).unwrap();
        let read = Pack::open(Some(folder.path()));
        (folder, read)
    }

    #[test]
    fn an_exercise_becomes_a_scenario_of_programs() {
        let (_folder, pack) = pack(SMALL);
        let pack = pack.unwrap();
        let exercise = pack.exercise("slow-quotes").unwrap();
        let scenario = exercise.scenario(Path::new("/built"));
        let names: Vec<_> = scenario.variants.iter().map(|variant| variant.name).collect();
        assert_eq!(names, ["yours", "starter", "solution", "spawn-it"]);
        let programs: Vec<_> =
            scenario.variants.iter().map(|variant| variant.program.unwrap()).collect();
        assert_eq!(programs[0], Path::new("/built/slow-quotes"));
        assert_eq!(programs[3], Path::new("/built/slow-quotes-trap-spawn-it"));
        assert!(scenario.variants.iter().all(|variant| variant.claims.len() == 2));
        assert_eq!(scenario.load.rate, 100.0);
    }

    #[test]
    fn a_wrong_slug_brings_the_nearest() {
        let (_folder, pack) = pack(SMALL);
        let pack = pack.unwrap();
        let error = |slug| pack.exercise(slug).unwrap_err().to_string();
        assert_eq!(error("slow-quote"), "no exercise is called 'slow-quote': try slow-quotes");
        assert!(error("x").ends_with("lab exercise list shows all"));
    }

    #[test]
    fn a_manifest_that_cannot_be_meant_is_refused_in_one_sentence() {
        for (from, to, why) in [
            ("minutes = 10", "minuets = 10", "unknown field `minuets`"),
            ("format_version = 1", "format_version = 2", "this lab reads 1"),
            ("starter_breaks = \"few", "starter_breaks = \"no", "is no claim of its goal"),
            ("breaks = \"few quotes wait\"\nsays", "breaks = \"x\"\nsays", "breaks no claim"),
            ("slug = \"slow-quotes\"", "slug = \"../etc\"", "a slug has"),
            ("rate = 100", "rate = -1", "rate"),
            ("\"where\", ", "", "4"),
        ] {
            let text = SMALL.replacen(from, to, 1);
            assert_ne!(text, SMALL, "{from}");
            let error = pack(&text).1.unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains('\n'), "{error}");
        }
        let twice = format!("{SMALL}{}", &SMALL[SMALL.find("[[exercise]]").unwrap()..]);
        assert!(pack(&twice).1.unwrap_err().to_string().contains("two exercises are called"));
    }
}
