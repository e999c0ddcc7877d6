//! Tasks that panicked: the runtime catches the panic, and only the JoinHandle reports it.

use crate::diagnosis::sign::Sign;
use crate::diagnosis::suspect::{Location, Suspect, Suspicion};
use crate::diagnosis::suspects::ends::REFUSES;
use crate::diagnosis::{Case, Cost};
use crate::stacks::culprit;
use crate::stacks::runtime_frames::{Named, TASK_POLL};
use crate::stats::total;
use lab_recording::threads::Panic;
use std::collections::BTreeMap;

/// One suspect for each function whose task panicked.
///
/// Panics of the measured run come first. A panic in a profiled run alone counts too: it is the
/// same program under the same load. The same panic in several profiles is one, with the
/// largest count.
pub fn panics(case: &Case<'_>) -> Vec<Suspect> {
    let mut all = of_run(case.panics);
    for profile in case.profiles {
        for (function, suspect) in of_run(&profile.panics) {
            all.entry(function).or_insert(suspect);
        }
    }
    all.into_values().collect()
}

fn of_run(panics: &[Panic]) -> BTreeMap<Option<String>, Suspect> {
    let mut by_function: BTreeMap<Option<String>, Vec<&Panic>> = BTreeMap::new();
    for panic in panics.iter().filter(|panic| is_of_a_task(panic)) {
        let function = culprit(&panic.stack).map(|frame| Location::from_frame(frame).function);
        by_function.entry(function).or_default().push(panic);
    }
    let suspects = by_function
        .into_iter()
        .filter_map(|(function, panics)| Some((function, suspect(&panics)?)));
    suspects.collect()
}

/// Whether a task panicked. A refused runtime shutdown has its own rule.
fn is_of_a_task(panic: &Panic) -> bool {
    let in_poll = panic.stack.iter().any(|frame| Named::new(frame).is_in(TASK_POLL));
    in_poll && !panic.text.contains(REFUSES)
}

fn suspect(panics: &[&Panic]) -> Option<Suspect> {
    let most = panics.iter().max_by_key(|panic| panic.times)?;
    let times = total(panics.iter().map(|panic| panic.times.max(1)));
    let mut evidence = vec![format!("thread {} {}", most.thread, one_line(&most.text))];
    if panics.iter().any(|panic| panic.times > lab_recording::threads::COUNTED_EACH) {
        evidence.push("the count is a lower bound".into());
    }
    let cost = Cost { ms: None, requests: None };
    let suspect = Suspect::new(Suspicion::Panic, culprit(&most.stack).map(Location::from_frame))
        .with(Sign::Panics, times as f64);
    Some(Suspect { evidence, cost, ..suspect })
}

/// The text of a panic: its location is the first line, its message the following ones.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
    lines.join(" ")
}
