//! What is compared: which way each metric is better, and what change of it does not matter.

use crate::comparison::verdict::Better;

/// A metric that can be compared.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Which way it gets better.
    pub better: Better,
    /// The change that does not matter, as a share: 0.05 is 5 %.
    pub delta: f64,
    /// Whether a good run may have none of it. Then half of one is added to both sides of a pair, which draws small
    /// counts towards each other, and is told.
    pub may_be_zero: bool,
}

const fn lower(name: &'static str, delta: f64) -> Metric {
    Metric { name, better: Better::Lower, delta, may_be_zero: false }
}

const fn higher(name: &'static str, delta: f64) -> Metric {
    Metric { name, better: Better::Higher, delta, may_be_zero: false }
}

const fn count(name: &'static str, better: Better) -> Metric {
    Metric { name, better, delta: 0.05, may_be_zero: true }
}

/// All of them, in the order in which they are judged where there are pairs for some only. The first decides where a
/// scenario does not say.
pub const METRICS: [Metric; 20] = [
    lower("response_p99_us", 0.15),
    lower("quiesce_us", 0.15),
    lower("cpu_us_per_op", 0.05),
    lower("response_p50_us", 0.15),
    higher("completed_per_s", 0.05),
    lower("allocs_per_op", 0.02),
    lower("alloc_bytes_per_op", 0.02),
    lower("polls_per_op", 0.02),
    lower("peak_live_kb", 0.05),
    lower("peak_memory_kb", 0.05),
    lower("switches_per_op", 0.15),
    lower("response_p90_us", 0.15),
    lower("response_p999_us", 0.15),
    lower("runtime_freeze_us", 0.15),
    lower("wall_ms", 0.05),
    count("lost", Better::Lower),
    count("tasks_left", Better::Lower),
    count("answers_late", Better::Lower),
    count("files_in_time", Better::Higher),
    count("forced_yields", Better::Lower),
];

/// Those of these names in their order, or all if none is named: first what a scenario shows, then the others.
pub fn chosen(named: &[String], shown: &[&str]) -> Vec<Metric> {
    let known = |name: &str| METRICS.into_iter().find(|metric| metric.name == name);
    if !named.is_empty() {
        return named.iter().filter_map(|name| known(name)).collect();
    }
    let first: Vec<Metric> = shown.iter().filter_map(|name| known(name)).collect();
    let others = METRICS.into_iter().filter(|metric| !shown.contains(&metric.name));
    first.iter().copied().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(named: &[&str], shown: &[&str]) -> Vec<&'static str> {
        let named: Vec<String> = named.iter().map(|name| (*name).to_owned()).collect();
        chosen(&named, shown).iter().map(|metric| metric.name).collect()
    }

    #[test]
    fn what_is_named_is_compared_and_nothing_else() {
        assert_eq!(names(&["lost", "response_p50_us"], &["wall_ms"]), ["lost", "response_p50_us"]);
    }

    #[test]
    fn what_a_scenario_shows_comes_before_the_others() {
        let all = names(&[], &["polls_per_op", "nobody knows this", "lost"]);
        assert_eq!((&all[..3], all.len()), (&["polls_per_op", "lost", "response_p99_us"][..], METRICS.len()));
    }
}
