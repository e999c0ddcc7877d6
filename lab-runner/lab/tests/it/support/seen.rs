//! What profilers saw of a variant, through the real binary.

use crate::support::Lab;
use lab_analysis::profile::{Profile, View, read_all};
use lab_analysis::stacks::{Names, Plumbing};

/// Runs a variant under a profiler and reads what that saw.
pub fn looked_into(
    lab: &Lab,
    scenario: &str,
    variant: &str,
    profiler: &str,
    more: &[&str],
) -> Profile {
    let args = ["run", scenario, "--variant", variant, "--profile", profiler];
    lab.passed_but_for_times(&[&args[..], more].concat());
    newest(lab)
}

/// What a profiler saw in the newest invocation.
pub fn newest(lab: &Lab) -> Profile {
    read_all(&lab.newest()).into_iter().next().expect("the profiler has a run of its own")
}

/// The view of this name.
pub fn view<'a>(profile: &'a Profile, name: &str) -> &'a View {
    let found = profile.views.iter().find(|view| view.name == name);
    found.unwrap_or_else(|| panic!("no {name}: {:#?}", profile.note))
}

/// The share of a view's weight in stacks that have all of these parts; none if there is no weight.
pub fn share(view: &View, parts: &[&str]) -> Option<f64> {
    let cleaned = Names::new().fold(Plumbing::Shown).apply(&view.folded);
    cleaned.share(|frames| parts.iter().all(|part| frames.iter().any(|frame| frame.contains(part))))
}
