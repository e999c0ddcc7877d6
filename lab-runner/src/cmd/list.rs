//! `lab list`: scenarios and their variants, or metrics, a line each.

use crate::cli::ListArgs;
use crate::engine::plan;
use crate::exit;
use crate::exit::Exit;
use lab_analysis::comparison::metrics::METRICS;
use lab_kit::{Better, Metric, Scenario};
use std::io::{self, Write};

pub(crate) fn run(args: &ListArgs, scenarios: &[&'static Scenario]) -> anyhow::Result<Exit> {
    if args.metrics {
        exit::print(|to| print_metrics(scenarios, to))?;
        return Ok(Exit::Done);
    }
    let chosen = match &args.scenario {
        Some(name) => vec![plan::scenario(scenarios, name)?],
        None => scenarios.to_vec(),
    };
    exit::print(|to| {
        chosen.iter().try_for_each(|scenario| print_scenario(scenario, to))?;
        writeln!(to, "\nfix: removes the fault · trap: a tempting fix that does not remove it")?;
        writeln!(to, "decoy: a healthy look-alike, for which a diagnosis must find nothing")
    })?;
    Ok(Exit::Done)
}

fn print_scenario(scenario: &Scenario, to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "{:<19} {}", scenario.name, scenario.summary)?;
    for variant in scenario.variants {
        writeln!(to, "  {:<17} {:<6} {}", variant.name, variant.kind, variant.about)?;
    }
    Ok(())
}

fn print_metrics(scenarios: &[&'static Scenario], to: &mut dyn Write) -> io::Result<()> {
    writeln!(to, "{:<20} {:<12} {:<7} {:>6}  meaning", "metric", "unit", "better", "margin")?;
    for metric in METRICS {
        print_metric(&metric, "", to)?;
    }
    for scenario in scenarios {
        for metric in scenario.metrics {
            print_metric(metric, &format!(" ({} alone)", scenario.name), to)?;
        }
    }
    writeln!(to, "\nThe margin is the largest change that still counts as none.")
}

fn print_metric(metric: &Metric, of: &str, to: &mut dyn Write) -> io::Result<()> {
    let better = match metric.better {
        Better::Lower => "lower",
        Better::Higher => "higher",
    };
    let margin = format!("{:.0} %", metric.margin * 100.0);
    let Metric { name, unit, about, .. } = metric;
    writeln!(to, "{name:<20} {unit:<12} {better:<7} {margin:>6}  {about}{of}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_listed_with_unit_and_meaning() {
        let mut text = Vec::new();
        print_metrics(&[], &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        for metric in METRICS {
            let line = text.lines().find(|line| line.starts_with(&format!("{} ", metric.name)));
            let line = line.unwrap_or_else(|| panic!("{} is missing in\n{text}", metric.name));
            assert!(!line.contains("of its scenario"), "{line}");
            assert!(line.chars().count() <= 120, "{line}");
        }
    }
}
