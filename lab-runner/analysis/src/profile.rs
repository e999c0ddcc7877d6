//! The profiles of an invocation, read from its folder. Pure.

use crate::awaits::{AWAITS, Awaits};
use crate::overhead::{self, About, CostResult};
use crate::requests;
use crate::resolve::stall::POLLS;
use crate::scheduler::{SCHED, Sched};
use crate::stacks::Folded;
use crate::stacks::doing::{IN_POLLS, InPolls};
use crate::stacks::stalls::LongPoll;
use anyhow::Context;
use lab_recording::observations::{MEMORY, MemoryAt, SLOW_REQUEST, SlowRequest};
use lab_recording::outcome::Outcome;
use lab_recording::overhead::Overhead;
use lab_recording::plain_file;
use lab_recording::post_mortem::{POST_MORTEM, PostMortem};
use lab_recording::profiler::{Profiler, ProfilerStatus};
use lab_recording::spec::{Side, Spec};
use lab_recording::threads::{HAND_OFFS, HandOff, PANICS, Panic, STUCK_THREADS, StuckThread};
use lab_recording::{Ending, request_log};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The subfolder of an invocation for profiled runs.
pub const FOLDER: &str = "profiles";

/// The profile of one run by one profiler.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its recording.
    pub folder: PathBuf,
    /// The spec of the run.
    pub spec: Spec,
    /// The profiler.
    pub profiler: Profiler,
    /// How the run ended.
    pub ending: Ending,
    /// The status of the profiler.
    pub note: ProfilerStatus,
    /// The views; empty if the profiler was unavailable.
    pub views: Vec<View>,
    /// The slowest request that it followed.
    pub slow: Option<SlowRequest>,
    /// What the allocator held, over time.
    pub memory: Vec<MemoryAt>,
    /// The polls that took longer than their budget.
    pub long_polls: Vec<LongPoll>,
    /// The time of polls by function; none where they were not sampled.
    pub in_polls: Option<Vec<InPolls>>,
    /// The scheduler statistics.
    pub sched: Option<Sched>,
    /// The waits of requests.
    pub awaits: Option<Awaits>,
    /// Stuck threads: threads that stayed in one place outside of polls.
    pub stuck_threads: Vec<StuckThread>,
    /// Hand-offs of work to the blocking pool, by function.
    pub hand_offs: Vec<HandOff>,
    /// Panics.
    pub panics: Vec<Panic>,
    /// The post-mortem, if the run was killed at its deadline.
    pub post_mortem: Option<PostMortem>,
    /// The profiling overhead, or why it is unknown.
    pub overhead: CostResult,
    /// The metrics of the profiled run, to compare with those of the unprofiled one.
    pub metrics: BTreeMap<String, f64>,
    /// Operations that the run completed, by which weights are divided.
    pub ops: Option<u64>,
    /// When the run stopped waiting for answers, in nanoseconds of `CLOCK_MONOTONIC`; none if it
    /// had no load, or did not come that far.
    pub closed_ns: Option<u64>,
    /// Bytes that were held at the begin of the measured time and when the log was closed; none
    /// if the program's allocator does not count.
    pub held: Option<[u64; 2]>,
}

/// Folded stacks in one unit.
#[derive(Clone, Debug)]
pub struct View {
    /// The name: `cpu`, `stall off-CPU`.
    pub name: String,
    /// The unit of its weights.
    pub unit: String,
    /// The description of the view.
    pub shows: String,
    /// The stacks with their weights, root first, names as they were resolved.
    pub folded: Folded,
    /// The same in samples, where weights are none: they tell how sure a weight is.
    pub samples: Option<Folded>,
    /// The damage of its file.
    pub damage: Vec<String>,
}

impl Profile {
    /// The profile with nothing that a diagnosis could rest on.
    fn without_evidence(self) -> Profile {
        Profile {
            slow: None,
            memory: Vec::new(),
            long_polls: Vec::new(),
            in_polls: None,
            sched: None,
            awaits: None,
            stuck_threads: Vec::new(),
            hand_offs: Vec::new(),
            panics: Vec::new(),
            post_mortem: None,
            ..self
        }
    }

    /// Whether the run under the profiler was killed although the measured run ended: what hung is
    /// the profiled run alone, and nothing of it explains the measured one.
    pub fn was_killed_beside(&self, measured: Ending) -> bool {
        self.ending == Ending::Hung && measured != Ending::Hung
    }

    /// The side of a comparison that it belongs to.
    pub fn side(&self) -> Option<Side> {
        self.spec.side()
    }
}

/// All profiles of an invocation, by name. One that cannot be read is left out: [`unreadable`]
/// tells which.
pub fn read_all(invocation: &Path) -> Vec<Profile> {
    folders(invocation).iter().filter_map(|folder| read(folder).ok()).collect()
}

/// The profiles of one run of an invocation: those of its variant on its side. Of a run under a
/// profiler, its own.
pub fn of_run(run: &Path, spec: &Spec) -> Vec<Profile> {
    if spec.purpose.profiler().is_some() {
        return read(run).into_iter().collect();
    }
    let side = |spec: &Spec| spec.side();
    let is_of =
        |profile: &Profile| (&profile.spec.variant, profile.side()) == (&spec.variant, side(spec));
    let all = run.parent().map(read_all).unwrap_or_default();
    all.into_iter().filter(|profile| is_of(profile)).collect()
}

/// The post-mortem and the panics of a run.
pub fn last_words(run: &Path) -> (Option<PostMortem>, Vec<Panic>) {
    let mut unheard = ProfilerStatus::default();
    let dead = left(run, POST_MORTEM, &mut unheard);
    (dead, left(run, PANICS, &mut unheard).unwrap_or_default())
}

/// The profiles that cannot be read, with the error.
pub fn unreadable(invocation: &Path) -> Vec<String> {
    let name = |folder: &Path| {
        folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    };
    let error = |folder: &PathBuf| Some(format!("{}: {:#}", name(folder), read(folder).err()?));
    folders(invocation).iter().filter_map(error).collect()
}

fn folders(invocation: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(invocation.join(FOLDER)).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn read(folder: &Path) -> anyhow::Result<Profile> {
    let recording = lab_recording::folder::open(folder)?;
    let profiler = recording.spec.purpose.profiler().context("this is not a profiled run")?;
    let mut note = note(folder);
    let spoiled = spoiled(&recording.outcome);
    if let Some(why) = &spoiled {
        note = ProfilerStatus::unavailable(why);
    }
    let views = note.views.iter().map(|view| {
        let (folded, damage) = stacks(&beside(folder, &view.file));
        View {
            name: view.name.clone(),
            unit: view.unit.clone(),
            shows: view.shows.clone(),
            samples: view.samples.as_ref().map(|file| stacks(&beside(folder, file)).0),
            folded,
            damage,
        }
    });
    let views = views.collect();
    let (spec, ending) = (recording.spec.clone(), recording.outcome.ending);
    let metrics: BTreeMap<String, f64> = requests::analyse(recording)
        .metrics
        .into_iter()
        .map(|(name, reading)| (name, reading.value))
        .collect();
    let completed = metrics.get("completed").map(|completed| *completed as u64);
    let header =
        request_log::read(&folder.join(request_log::REQUESTS)).ok().map(|(header, _)| header);
    let closed_ns = header.as_ref().and_then(|header| header.closed_ns);
    let held = header.as_ref().and_then(|header| header.held);
    let pacer_ns = header.and_then(|header| Some(header.pacer?.cpu_ns));
    let sched = left(folder, SCHED, &mut note);
    let profile = Profile {
        overhead: overhead(folder, ending, sched.as_ref(), pacer_ns, &mut note),
        metrics,
        slow: left(folder, SLOW_REQUEST, &mut note),
        memory: left(folder, MEMORY, &mut note).unwrap_or_default(),
        long_polls: left(folder, POLLS, &mut note).unwrap_or_default(),
        in_polls: left(folder, IN_POLLS, &mut note),
        sched,
        awaits: left(folder, AWAITS, &mut note),
        stuck_threads: left(folder, STUCK_THREADS, &mut note).unwrap_or_default(),
        hand_offs: left(folder, HAND_OFFS, &mut note).unwrap_or_default(),
        panics: left(folder, PANICS, &mut note).unwrap_or_default(),
        post_mortem: left(folder, POST_MORTEM, &mut note),
        folder: folder.to_owned(),
        spec,
        profiler,
        ending,
        note,
        views,
        ops: completed.filter(|n| *n > 0),
        closed_ns,
        held,
    };
    Ok(if spoiled.is_some() { profile.without_evidence() } else { profile })
}

/// Why nothing of a profile may be used: what it shows is the doing of the host, or of who stopped
/// the run.
fn spoiled(outcome: &Outcome) -> Option<String> {
    let stopped = outcome.paused_ms.map(|_| "the run was stopped and continued".to_owned());
    outcome.refused.clone().or(stopped)
}

/// The profiling overhead.
fn overhead(
    folder: &Path,
    ending: Ending,
    sched: Option<&Sched>,
    pacer_ns: Option<u64>,
    note: &mut ProfilerStatus,
) -> CostResult {
    let measured: Option<Overhead> = left(folder, Overhead::FILE, note);
    if measured.is_none() && folder.join(Overhead::FILE).exists() {
        return Err("what was measured is damaged".into());
    }
    overhead::cost(
        measured.as_ref(),
        &About { ending, unavailable: note.unavailable.as_deref(), pacer_ns, sched },
    )
}

/// The status of the profiler, or that it is missing.
fn note(folder: &Path) -> ProfilerStatus {
    let silent = match folder.join(ProfilerStatus::FILE).exists() {
        true => "profiler.json is damaged",
        false => "profiler status missing",
    };
    ProfilerStatus::read(folder).unwrap_or_else(|| ProfilerStatus::unavailable(silent))
}

/// A file that a note names. Only what lies beside the note is its to name.
fn beside(folder: &Path, file: &str) -> PathBuf {
    folder.join(Path::new(file).file_name().unwrap_or_default())
}

/// The content of a file of a profiler; none if it does not exist. Damage is added to the notes
/// of the status.
fn left<T: DeserializeOwned>(folder: &Path, file: &str, note: &mut ProfilerStatus) -> Option<T> {
    let text = plain_file::read(&folder.join(file), plain_file::DOCUMENT).ok()?;
    let parsed = serde_json::from_slice(&text);
    parsed
        .map_err(|error| note.notes.push(format!("{file} is damaged and not shown: {error}")))
        .ok()
}

/// The stacks of a file, and its damage.
fn stacks(path: &Path) -> (Folded, Vec<String>) {
    match plain_file::open(path, plain_file::LOG).and_then(Folded::read) {
        Ok(parsed) => {
            let notes = parsed.notes();
            (parsed.folded, notes)
        }
        Err(error) => {
            (Folded::default(), vec![format!("{} cannot be read: {error}", path.display())])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_of_a_run_that_was_refused_something_or_stopped_is_no_evidence() {
        let finished = Outcome { ending: Ending::Finished, ..Outcome::unfinished("") };
        assert_eq!(spoiled(&finished), None);
        let refused = Outcome { refused: Some("the disk is full".into()), ..finished.clone() };
        assert_eq!(spoiled(&refused).unwrap(), "the disk is full");
        let paused = Outcome { paused_ms: Some(10.0), ..finished };
        assert!(spoiled(&paused).unwrap().contains("stopped"));
    }
}
