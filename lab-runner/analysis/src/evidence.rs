//! Profiles by view: of one run, or of several side by side under matching names. Pure.

use crate::awaits::Awaits;
use crate::overhead::limits;
use crate::profile::{Profile, View};
use crate::stacks::{Difference, Folded, Names, Noise, Plumbing, Side};
use lab_kit::Scenario;
use lab_recording::profiler::Profiler;
use lab_recording::spec::{Side as Of, Spec};

/// One view of one profiler, in each of the runs.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The profiler.
    pub profiler: Profiler,
    /// The name of the view: `cpu`, `stall off-CPU`.
    pub name: String,
    /// The unit of its weights.
    pub unit: String,
    /// The description of the view.
    pub shows: String,
    /// The name of one operation.
    pub op: &'static str,
    /// The crate under test, if known.
    pub own_crate: Option<&'static str>,
    /// The runs with this view; in a comparison side A first.
    pub seen: Vec<RunView>,
}

/// A view of one run. Without samples it has no stacks.
#[derive(Clone, Debug)]
pub struct RunView {
    /// The name of the run: its variant, or its load.
    pub label: String,
    /// The stacks, under comparable names.
    pub folded: Folded,
    /// The same in samples, where the weights are none.
    pub samples: Option<Folded>,
    /// Operations that the run completed.
    pub ops: Option<u64>,
    /// Damage of the file that it was read from.
    pub damage: Vec<String>,
    /// The upper end of the profiling overhead, as a share; none if unknown, or if the unit
    /// is not time.
    pub overhead: Option<f64>,
    /// The share of the measured time that the samples stand for, if known.
    pub covered: Option<f64>,
}

impl Evidence {
    /// A run's stacks, with what they are measured in.
    pub fn side<'a>(&'a self, seen: &'a RunView) -> Side<'a> {
        let RunView { label, folded, samples, ops, .. } = seen;
        Side { label, folded, unit: &self.unit, samples: samples.as_ref(), ops: *ops, op: self.op }
    }

    /// The two runs that were compared.
    pub fn sides(&self) -> Option<[Side<'_>; 2]> {
        let [before, after] = &self.seen[..] else { return None };
        Some([self.side(before), self.side(after)])
    }

    /// How the second run differs from the first; none if there are not two, or if neither has any
    /// stack.
    pub fn difference(&self) -> Option<Difference> {
        let [before, after] = self.sides()?;
        let overhead = self.seen.iter().filter_map(|seen| seen.overhead).fold(0.0, f64::max);
        let covered = (covered(&self.seen[0]), covered(&self.seen[1]));
        Difference::new(
            &before,
            &after,
            self.own_crate,
            &Noise { overhead, covered, ..Noise::default() },
        )
        .ok()
    }
}

/// The views of all profiles, those of the same name together, in the order of the profilers.
pub fn evidence(
    profiles: &[Profile],
    scenario: Option<&Scenario>,
    plumbing: Plumbing,
) -> Vec<Evidence> {
    let names = names(scenario).fold(plumbing);
    let mut ordered: Vec<&Profile> = profiles.iter().collect();
    ordered.sort_by_key(|profile| (profile.profiler, profile.side() == Some(Of::B)));
    let mut all: Vec<Evidence> = Vec::new();
    for (profile, view) in ordered
        .into_iter()
        .flat_map(|profile| profile.views.iter().map(move |view| (profile, view)))
    {
        let seen = run_view(profile, view, &names);
        match all
            .iter_mut()
            .find(|evidence| (evidence.profiler, &evidence.name) == (profile.profiler, &view.name))
        {
            Some(evidence) => evidence.seen.push(seen),
            None => all.push(Evidence {
                profiler: profile.profiler,
                name: view.name.clone(),
                unit: view.unit.clone(),
                shows: view.shows.clone(),
                op: operation(&profile.spec),
                own_crate: own_crate(scenario),
                seen: vec![seen],
            }),
        }
    }
    all
}

fn run_view(profile: &Profile, view: &View, names: &Names) -> RunView {
    // A request without an answer is no operation that was done, but it waited.
    let waiting = profile.awaits.as_ref().filter(|_| view.name == "awaits");
    RunView {
        label: label(&profile.spec),
        folded: names.apply(&view.folded),
        samples: view.samples.as_ref().map(|samples| names.apply(samples)),
        ops: waiting.map(Awaits::requests).or(profile.ops),
        damage: view.damage.clone(),
        overhead: limits::least_share(&view.name, &view.unit, &profile.overhead),
        covered: delivered(profile),
    }
}

/// The samples that came, of those that the measured CPU time makes; of the CPU profiler alone.
fn delivered(profile: &Profile) -> Option<f64> {
    let count = |name: &str| profile.note.counts.get(name).map(|count| *count as f64);
    let share = count("samples_delivered")?
        / count("samples_possible").filter(|possible| *possible > 0.0)?;
    (profile.profiler == Profiler::Cpu).then_some(share.clamp(f64::MIN_POSITIVE, 1.0))
}

fn covered(seen: &RunView) -> f64 {
    seen.covered.filter(|share| *share > 0.0).unwrap_or(1.0)
}

/// What a run is called beside others.
pub fn label(spec: &Spec) -> String {
    let own = spec.purpose.pair().and_then(|pair| pair.label.clone());
    own.unwrap_or_else(|| spec.variant.clone())
}

/// What one operation of a run is called.
pub fn operation(spec: &Spec) -> &'static str {
    if spec.load.is_batch() { "item" } else { "request" }
}

/// Names under which the variants of a scenario match.
pub fn names(scenario: Option<&Scenario>) -> Names {
    let Some((scenario, in_crate)) = scenario.zip(own_crate(scenario)) else { return Names::new() };
    let modules: Vec<String> =
        scenario.variants.iter().map(|variant| variant.name.replace('-', "_")).collect();
    let modules: Vec<&str> = modules.iter().map(String::as_str).collect();
    Names::new().unify_variants(in_crate, &modules)
}

/// What the crate of a scenario is called, as code writes it: the answers that its variants carry
/// tell.
pub fn own_crate(scenario: Option<&Scenario>) -> Option<&'static str> {
    let functions =
        scenario?.variants.iter().filter_map(|variant| Some(variant.truth.as_ref()?.function));
    functions.filter_map(|function| Some(function.split_once("::")?.0)).next()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::overhead::{Cost, Range};
    use lab_kit::{Column, Scenario, Truth, Variant, no_input};
    use lab_recording::profiler::ProfilerStatus;
    use lab_recording::spec::{Pair, Purpose};
    use lab_recording::{Cause, Ending, Kind, Load};
    use std::path::PathBuf;

    static MADE_UP: Scenario = Scenario {
        name: "made-up",
        summary: "",
        chapter: None,
        load: Load::DEFAULT,
        brief_ms: None,
        primary: "response_p99_us",
        columns: Column::RESPONSES,
        metrics: &[],
        check: no_input,
        ledger: &[],
        controls: &[],
        variants: &[Variant {
            name: "buggy",
            kind: Kind::Buggy,
            about: "",
            run: |_| Ok(()),
            program: None,
            claims: &[],
            truth: Some(Truth {
                cause: Cause::LongPoll,
                function: "made_up::buggy::work",
                workers: Some(1),
            }),
        }],
    };

    fn profile(variant: &str, side: Of, stacks: &str, ops: u64) -> Profile {
        let pair = Pair {
            number: 1,
            side,
            label: None,
            metrics: Vec::new(),
            interim: false,
            wanted: None,
        };
        let folded = Folded::parse(stacks.as_bytes()).folded;
        let view = View {
            name: "cpu".into(),
            unit: "samples".into(),
            shows: String::new(),
            folded,
            samples: None,
            damage: Vec::new(),
        };
        Profile {
            folder: PathBuf::new(),
            spec: Spec {
                purpose: Purpose::Profile { profiler: Profiler::Cpu, pair: Some(pair), ratio: 1 },
                ..Spec::new("made-up", variant, Kind::Buggy, Load::DEFAULT)
            },
            profiler: Profiler::Cpu,
            ending: Ending::Finished,
            note: ProfilerStatus::default(),
            views: vec![view],
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
            overhead: Err("the clock is missing".into()),
            metrics: Default::default(),
            ops: Some(ops),
            closed_ns: None,
            held: None,
        }
    }

    #[test]
    fn before_comes_first_and_variants_share_their_names() {
        let after = profile("fixed", Of::B, "main;made_up::fixed::work 4\n", 40);
        let before = profile("buggy", Of::A, "main;made_up::buggy::work 40\n", 40);
        let all = evidence(&[after, before], Some(&MADE_UP), Plumbing::Shown);
        let labels: Vec<&str> = all[0].seen.iter().map(|seen| seen.label.as_str()).collect();
        assert_eq!((all.len(), &labels[..]), (1, &["buggy", "fixed"][..]));
        let difference = all[0].difference().unwrap();
        let changed: Vec<&str> =
            difference.entries.iter().map(|entry| entry.function.as_str()).collect();
        assert!(changed.contains(&"made_up::…::work"), "{changed:?}");
    }

    #[test]
    fn the_side_that_overhead_took_more_of_limits_the_difference() {
        let before =
            profile("buggy", Of::A, "main;made_up::buggy::work 1000\nmain;rest 9000\n", 40);
        let share =
            |high| Ok(Cost { share: Range { low: 0.0, mid: 0.0, high }, ..Cost::default() });
        let changed = |high| {
            let after = profile("fixed", Of::B, "main;rest 9000\n", 40);
            let sides = [
                Profile { overhead: share(0.02), ..before.clone() },
                Profile { overhead: share(high), ..after },
            ];
            let difference =
                evidence(&sides, Some(&MADE_UP), Plumbing::Shown)[0].difference().unwrap();
            (
                difference.entries.iter().any(|entry| entry.function.ends_with("work")),
                difference.masked > 0,
            )
        };
        assert_eq!((changed(0.099), changed(0.101)), ((true, false), (false, true)));
    }

    #[test]
    fn one_run_has_no_difference() {
        let all = evidence(&[profile("buggy", Of::A, "main 3\n", 1)], None, Plumbing::Shown);
        assert!(all[0].sides().is_none() && all[0].difference().is_none());
    }
}
