//! What the lenses saw of an invocation, read from its folder. Pure.

use crate::analysis;
use crate::lens::stall::{LongPoll, lens::POLLS};
use crate::lens::{Lens, MEMORY, MemoryAt, Note, SLOW_REQUEST, SlowRequest};
use crate::recording::{self, Side, Spec};
use crate::stacks::Folded;
use lab_kit::Ending;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Where an invocation keeps the runs that lenses looked into.
pub(crate) const FOLDER: &str = "profiles";

/// What one lens saw of one run.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its recording.
    pub folder: PathBuf,
    /// What was asked.
    pub spec: Spec,
    /// The lens.
    pub lens: Lens,
    /// How the run ended.
    pub ending: Ending,
    /// What the lens says about itself.
    pub note: Note,
    /// What it saw; nothing if it is not available.
    pub views: Vec<View>,
    /// The slowest request that it followed.
    pub slow: Option<SlowRequest>,
    /// What the allocator held, over time.
    pub memory: Vec<MemoryAt>,
    /// The polls that took longer than their budget.
    pub long_polls: Vec<LongPoll>,
    /// Pieces of work that the run completed, by which its weights are divided.
    pub ops: Option<u64>,
}

/// Folded stacks in one unit.
#[derive(Clone, Debug)]
pub struct View {
    /// What it is called: `cpu`, `stall off-CPU`.
    pub name: String,
    /// The unit of its weights.
    pub unit: String,
    /// What a picture of it shows and cannot show.
    pub shows: String,
    /// The stacks with their weights, root first, names as they were resolved.
    pub folded: Folded,
    /// The same in samples, where weights are none: they tell how sure a weight is.
    pub samples: Option<Folded>,
    /// What is wrong with its file.
    pub damage: Vec<String>,
}

impl Profile {
    /// The side of a comparison that it belongs to.
    pub fn side(&self) -> Option<Side> {
        self.spec.pair.as_ref().map(|pair| pair.side)
    }
}

/// The profiles that belong to a folder: those of an invocation, those of the variant of one of its runs, or the one that
/// it is.
pub fn of(folder: &Path) -> Vec<Profile> {
    let Ok(run) = recording::open(folder) else { return read_all(folder) };
    if run.spec.lens.is_some() {
        return read(folder).into_iter().collect();
    }
    let canonical = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let beside = canonical.parent().map(read_all).unwrap_or_default();
    let side = run.spec.pair.as_ref().map(|pair| pair.side);
    let is_its = |profile: &Profile| profile.spec.variant == run.spec.variant && profile.side() == side;
    beside.into_iter().filter(is_its).collect()
}

/// All profiles of an invocation, by name. One that cannot be read is left out.
pub fn read_all(invocation: &Path) -> Vec<Profile> {
    let entries = std::fs::read_dir(invocation.join(FOLDER)).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort();
    folders.iter().filter_map(|folder| read(folder)).collect()
}

fn read(folder: &Path) -> Option<Profile> {
    let recording = recording::open(folder).ok()?;
    let lens = recording.spec.lens?;
    let note = Note::read(folder).unwrap_or_else(|| Note::unavailable("the lens left no word"));
    let views = note.views.iter().map(|view| View {
        name: view.name.clone(),
        unit: view.unit.clone(),
        shows: view.shows.clone(),
        samples: view.samples.as_ref().map(|file| stacks(&folder.join(file)).0),
        folded: stacks(&folder.join(&view.file)).0,
        damage: stacks(&folder.join(&view.file)).1,
    });
    let views = views.collect();
    let (spec, ending) = (recording.spec.clone(), recording.outcome.ending);
    let completed = analysis::analyse(recording).metrics.get("completed").map(|completed| completed.value as u64);
    Some(Profile {
        slow: left(folder, SLOW_REQUEST),
        memory: left(folder, MEMORY).unwrap_or_default(),
        long_polls: left(folder, POLLS).unwrap_or_default(),
        folder: folder.to_owned(),
        spec,
        lens,
        ending,
        note,
        views,
        ops: completed.filter(|n| *n > 0),
    })
}

/// What a lens left in a file beside its note; nothing if that is not there or is damaged.
fn left<T: DeserializeOwned>(folder: &Path, file: &str) -> Option<T> {
    serde_json::from_slice(&std::fs::read(folder.join(file)).ok()?).ok()
}

/// The stacks of a file, and what is wrong with it.
fn stacks(path: &Path) -> (Folded, Vec<String>) {
    match File::open(path).and_then(Folded::read) {
        Ok(parsed) => {
            let notes = parsed.notes();
            (parsed.folded, notes)
        }
        Err(error) => (Folded::default(), vec![format!("{} cannot be read: {error}", path.display())]),
    }
}
