//! `lab list`: scenarios and their variants, or metrics, a line each.

use crate::cli::ListArgs;
use crate::engine::plan;
use crate::exit;
use crate::exit::Exit;
use lab_analysis::comparison::metrics::{METRICS, Metric};
use lab_analysis::comparison::verdict::Better;
use lab_kit::Scenario;
use std::io::{self, Write};

pub(crate) fn run(args: &ListArgs, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    if args.metrics {
        exit::print(print_metrics)?;
        return Ok(Exit::Done);
    }
    let chosen = match &args.scenario {
        Some(name) => vec![plan::scenario(scenarios, name)?],
        None => scenarios.to_vec(),
    };
    exit::print(|to| chosen.iter().try_for_each(|scenario| print_scenario(scenario, to)))?;
    Ok(Exit::Done)
}

fn print_scenario(scenario: &Scenario, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "{:<17} {}", scenario.name, scenario.summary)?;
    for variant in scenario.variants {
        writeln!(to, "  {:<15} {:<6} {}", variant.name, variant.kind, variant.about)?;
    }
    Ok(())
}

fn print_metrics(to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "{:<20} {:<12} {:<7} {:>6}  meaning", "metric", "unit", "better", "margin")?;
    for metric in METRICS {
        let better = match metric.better {
            Better::Lower => "lower",
            Better::Higher => "higher",
        };
        let margin = format!("{:.0} %", metric.delta * 100.0);
        let (unit, meaning) = described(&metric);
        writeln!(to, "{:<20} {unit:<12} {better:<7} {margin:>6}  {meaning}", metric.name)?;
    }
    writeln!(to, "\nThe margin is the largest change that still counts as none.")
}

/// Unit and meaning of a metric.
fn described(metric: &Metric) -> (&'static str, &'static str) {
    match metric.name {
        "response_p50_us" => ("us", "median response time, from when a request should have been sent"),
        "response_p90_us" => ("us", "90th percentile of the response time"),
        "response_p99_us" => ("us", "99th percentile of the response time"),
        "response_p999_us" => ("us", "99.9th percentile of the response time"),
        "quiesce_us" => ("us", "from the request to stop until the process has stopped"),
        "runtime_freeze_us" => ("us", "longest time in which the runtime polled no heartbeat task"),
        "wall_ms" => ("ms", "time to complete the batch"),
        "cpu_us_per_op" => ("us/request", "CPU time of the process"),
        "completed_per_s" => ("1/s", "requests or items completed"),
        "allocs_per_op" => ("1/request", "allocations"),
        "alloc_bytes_per_op" => ("B/request", "bytes allocated"),
        "polls_per_op" => ("1/request", "polls of futures of the batch"),
        "switches_per_op" => ("1/request", "context switches of the process"),
        "peak_live_kb" => ("kB", "largest amount of allocated memory"),
        "peak_memory_kb" => ("kB", "largest resident set of the process"),
        "lost" => ("requests", "requests that were accepted and never answered"),
        "tasks_left" => ("tasks", "tasks that still ran when the process stopped"),
        "answers_late" => ("answers", "answers later than their deadline"),
        "files_in_time" => ("files", "files read before the deadline"),
        "forced_yields" => ("yields", "polls that ended because the task budget was used up"),
        _ => ("", "a counter of its scenario"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_listed_with_unit_and_meaning() {
        let mut text = Vec::new();
        print_metrics(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        for metric in METRICS {
            let line = text.lines().find(|line| line.starts_with(&format!("{} ", metric.name)));
            let line = line.unwrap_or_else(|| panic!("{} is missing in\n{text}", metric.name));
            assert!(!line.contains("of its scenario"), "{line}");
            assert!(line.chars().count() <= 120, "{line}");
        }
    }
}
