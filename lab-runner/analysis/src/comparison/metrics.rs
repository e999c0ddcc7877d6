//! The registry of metrics: those of every run, and those that a scenario adds.

pub use lab_kit::Metric;
use lab_kit::Scenario;

/// The metrics of every run, in the order in which they are judged where there are pairs for some
/// only. The first decides where a scenario does not name one.
pub const METRICS: [Metric; 16] = [
    Metric::lower("response_p99_us", "us", 0.15, "99th percentile of the response"),
    Metric::lower("cpu_us_per_op", "us", 0.05, "CPU time per operation"),
    Metric::lower("response_p50_us", "us", 0.15, "median response"),
    Metric::higher("completed_per_s", "1/s", 0.05, "throughput"),
    Metric::lower("allocs_per_op", "allocations", 0.02, "allocations per operation"),
    Metric::lower("alloc_bytes_per_op", "B", 0.02, "bytes allocated per operation"),
    Metric::lower("polls_per_op", "polls", 0.02, "polls per operation"),
    Metric::lower("peak_live_kb", "kB", 0.05, "peak of live memory"),
    Metric::lower("peak_memory_kb", "kB", 0.05, "peak of resident memory"),
    Metric::lower("switches_per_op", "switches", 0.15, "context switches per operation"),
    Metric::lower("response_p90_us", "us", 0.15, "90th percentile of the response"),
    Metric::lower("response_p999_us", "us", 0.15, "99.9th percentile of the response"),
    Metric::lower("runtime_freeze_us", "us", 0.15, "freeze of the runtime"),
    Metric::lower("wall_ms", "ms", 0.05, "total time"),
    Metric::lower("lost", "requests", 0.05, "lost requests").may_be_zero(),
    Metric::lower("forced_yields", "yields", 0.05, "forced yields").may_be_zero(),
];

/// All metrics of a scenario: its own, then those of every run. A metric that it lists again
/// replaces the common one.
pub fn registry(scenario: Option<&Scenario>) -> Vec<Metric> {
    let mut all = scenario.map(|scenario| scenario.metrics.to_vec()).unwrap_or_default();
    for metric in METRICS {
        if !all.iter().any(|own| own.name == metric.name) {
            all.push(metric);
        }
    }
    all
}

/// The metrics of these names in their order, or all if none is named: first the primary one, then
/// those of the scenario's table, then the others.
pub fn chosen(named: &[String], scenario: Option<&Scenario>) -> Vec<Metric> {
    let all = registry(scenario);
    let known = |name: &str| all.iter().copied().find(|metric| metric.name == name);
    if !named.is_empty() {
        return named.iter().filter_map(|name| known(name)).collect();
    }
    let columns = scenario.map_or(lab_kit::Column::RESPONSES, |scenario| scenario.columns);
    let mut first: Vec<Metric> =
        scenario.and_then(|scenario| known(scenario.primary)).into_iter().collect();
    for metric in columns.iter().filter_map(|column| known(column.metric)) {
        if !first.contains(&metric) {
            first.push(metric);
        }
    }
    let others: Vec<Metric> = all.into_iter().filter(|metric| !first.contains(metric)).collect();
    first.into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_kit::{Better, Column, Load, no_input};

    /// A scenario of a stranger, whose own counter decides.
    static STRANGER: Scenario = Scenario {
        name: "stranger",
        summary: "",
        chapter: None,
        load: Load::DEFAULT,
        brief_ms: None,
        primary: "orders_shipped",
        columns: &[
            Column::new("polls_per_op", "polls"),
            Column::new("nobody knows this", "?"),
            Column::new("lost", ""),
        ],
        metrics: &[Metric::higher("orders_shipped", "orders", 0.01, "orders shipped").may_be_zero()],
        check: no_input,
        ledger: &[],
        controls: &[],
        variants: &[],
    };

    fn names(metrics: &[Metric]) -> Vec<&'static str> {
        metrics.iter().map(|metric| metric.name).collect()
    }

    #[test]
    fn named_metrics_are_compared_and_no_others() {
        let named = ["lost", "orders_shipped", "unheard of"].map(String::from);
        assert_eq!(names(&chosen(&named, Some(&STRANGER))), ["lost", "orders_shipped"]);
        assert_eq!(names(&chosen(&named, None)), ["lost"], "another scenario has no such counter");
    }

    #[test]
    fn the_primary_counter_of_a_stranger_comes_first_with_its_direction_and_margin() {
        let all = chosen(&[], Some(&STRANGER));
        assert_eq!(names(&all[..4]), ["orders_shipped", "polls_per_op", "lost", "response_p99_us"]);
        assert_eq!(
            (all[0].better, all[0].margin, all.len()),
            (Better::Higher, 0.01, METRICS.len() + 1)
        );
    }
}
