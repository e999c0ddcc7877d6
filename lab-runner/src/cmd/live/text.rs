//! A comparison that is not over, in a few lines. Without verdicts: who may stop when it looks good
//! finds what is not there.

use crate::report::Style;
use crate::report::units::{ascii, three_digits};
use lab_analysis::comparison::paired::{Compared, Comparison};

/// Metrics that are shown: what fits below a command without scrolling it away.
const METRICS: usize = 7;

/// The lines, none wider than a terminal of `width` characters. Of `of` pairs not all are done.
pub(crate) fn lines(comparison: &Comparison, of: usize, width: usize, style: Style) -> Vec<String> {
    let done = comparison.pairs.len();
    let dropped = done - comparison.kept();
    let disturbed = comparison.pairs.iter().filter(|pair| pair.disturbed.is_some()).count();
    let Comparison { before, after, .. } = comparison;
    let dropped = if dropped > 0 { format!(", {dropped} dropped") } else { String::new() };
    let disturbed = if disturbed > 0 { format!(", {disturbed} disturbed") } else { String::new() };
    let head = format!(
        "{before} against {after}: {done} of {of} pairs{dropped}{disturbed}; the verdict comes at \
         the end"
    );
    let metrics = comparison.metrics.iter().take(METRICS).map(|metric| line(metric, style));
    let fitted = |line: String| ascii(&line, style).chars().take(width.saturating_sub(1)).collect();
    std::iter::once(head).chain(metrics).map(fitted).collect()
}

fn line(metric: &Compared, style: Style) -> String {
    let value = |side| crate::report::units::reading(&metric.metric, side, style);
    let ratio = match &metric.estimate {
        Ok(e) if e.high.is_finite() => {
            format!(
                "{} ({} to {})",
                three_digits(e.ratio),
                three_digits(e.low),
                three_digits(e.high)
            )
        }
        Ok(e) => format!("{} ({} or more)", three_digits(e.ratio), three_digits(e.low)),
        Err(_) => "no interval yet".to_owned(),
    };
    format!(
        "  {:<20}{:>12}{:>12}   {ratio}",
        metric.metric,
        value(&metric.before),
        value(&metric.after)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::run;
    use lab_analysis::comparison::metrics::METRICS as ALL;
    use lab_analysis::comparison::paired::Rule;

    fn lines_of(pairs: usize, width: usize) -> Vec<String> {
        let both = |n: usize| {
            ["a", "b"]
                .map(|side| run(n, side, &[("cpu_us_per_op", if side == "a" { 8.0 } else { 2.0 })]))
        };
        let runs: Vec<_> = (1..=pairs).flat_map(both).collect();
        let rule = Rule { primary: "cpu_us_per_op", metrics: ALL.to_vec(), alpha: 0.05 };
        lines(&Comparison::from_runs(&runs, &rule).unwrap(), 8, width, Style::new(true))
    }

    #[test]
    fn what_is_known_so_far_is_shown_without_a_verdict() {
        let early = lines_of(2, 100);
        assert_eq!(early[0], "a against b: 2 of 8 pairs; the verdict comes at the end");
        assert!(early[1].ends_with("no interval yet"), "{early:?}");
        let later = lines_of(6, 100);
        assert!(
            later[1].contains("0.250 (0.250 to 0.250)") && !later.join("").contains("improved"),
            "{later:?}"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        assert!(lines_of(6, 30).iter().all(|line| line.chars().count() < 30));
    }
}
