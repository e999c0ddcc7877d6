//! What metrics are called on a screen, and their values with a unit.

use crate::report::Style;
use crate::report::units::{ascii, bounded, number, three_digits};
use lab_analysis::requests::Reading;

/// The name of a metric in words.
pub(crate) fn name(metric: &str) -> String {
    let known = match metric {
        "response_p50_us" => "response p50",
        "response_p90_us" => "response p90",
        "response_p99_us" => "response p99",
        "response_p999_us" => "response p99.9",
        "response_max_us" => "slowest response",
        "quiesce_us" => "time to stop",
        "runtime_freeze_us" => "longest freeze",
        "cpu_us_per_op" => "CPU/request",
        "completed_per_s" => "throughput",
        "allocs_per_op" => "allocations",
        "alloc_bytes_per_op" => "allocated",
        "polls_per_op" => "polls/request",
        "peak_live_kb" => "peak heap",
        "peak_memory_kb" => "peak memory",
        "switches_per_op" => "thread switches",
        "wall_ms" => "duration",
        "lost" => "lost requests",
        "tasks_left" => "tasks left",
        "answers_late" => "late answers",
        "files_in_time" => "files in time",
        "forced_yields" => "forced yields",
        other => {
            let units = ["_us", "_ms", "_kb"];
            let bare = units.iter().find_map(|unit| other.strip_suffix(unit)).unwrap_or(other);
            return bare.replace('_', " ");
        }
    };
    known.to_owned()
}

/// A reading in the unit of its metric's name, with the sign of its bound.
pub(crate) fn value(metric: &str, reading: &Reading, style: Style) -> String {
    let plain = |reading: &Reading, factor: f64, unit: &str| {
        format!("{} {unit}", number(three(reading.value * factor)))
    };
    match metric {
        "cpu_us_per_op" => bounded(reading, style),
        "completed_per_s" => format!("{}/s", number(reading.value.round())),
        "alloc_bytes_per_op" => plain(reading, 1e-3, "kB"),
        _ if metric.ends_with("_kb") => plain(reading, 1.024e-3, "MB"),
        _ => ascii(&crate::report::units::reading(metric, reading, style), style),
    }
}

/// A number with three digits that count.
fn three(value: f64) -> f64 {
    three_digits(value).replace(' ', "").parse().unwrap_or(value)
}

/// By how much a metric changed, from the factor between both sides.
pub(crate) fn change(metric: &str, ratio: f64) -> String {
    let is_time = metric.ends_with("_us") || metric.ends_with("_ms");
    let (less, more) = if is_time { ("shorter", "longer") } else { ("less", "more") };
    match ratio {
        r if !r.is_finite() || r <= 0.0 => "-".to_owned(),
        r if r < 0.67 => format!("{} times {less}", digits(1.0 / r)),
        r if r < 0.995 => format!("{:.0} % {less}", (1.0 - r) * 100.0),
        r if r <= 1.005 => "same".to_owned(),
        r if r < 1.5 => format!("{:.0} % {more}", (r - 1.0) * 100.0),
        r => format!("{} times {more}", digits(r)),
    }
}

/// The interval of a factor in the terms of [`change`]: `85 to 112 times`, `-3 % to +5 %`.
pub(crate) fn interval(ratio: f64, low: f64, high: f64) -> String {
    let percent = |r: f64| {
        if (r - 1.0).abs() < 0.005 {
            "0 %".to_owned()
        } else {
            format!("{:+.0} %", (r - 1.0) * 100.0)
        }
    };
    let end = |r: f64| if r.is_finite() && r > 0.0 { digits(r) } else { "?".to_owned() };
    match ratio {
        r if r < 0.67 => format!("{} to {} times", end(1.0 / high), end(1.0 / low)),
        r if r < 1.5 && percent(low) == percent(high) => percent(low),
        r if r < 1.5 && high.is_finite() => format!("{} to {}", percent(low), percent(high)),
        r if r < 1.5 => format!("{} or more", percent(low)),
        _ => format!("{} to {} times", end(low), end(high)),
    }
}

/// Two or three digits of a factor.
fn digits(value: f64) -> String {
    if value >= 9.95 { number(value.round()) } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_said_in_times_or_in_percent() {
        let said = |ratio| change("response_p99_us", ratio);
        assert_eq!(
            [0.0107, 0.5, 0.97, 1.0].map(said),
            ["93 times shorter", "2.0 times shorter", "3 % shorter", "same"]
        );
        assert_eq!(
            (change("lost", 1.2), change("lost", 40.0)),
            ("20 % more".into(), "40 times more".into())
        );
        assert_eq!(interval(0.0107, 0.0089, 0.0118), "85 to 112 times");
        assert_eq!(interval(1.01, 0.97, 1.05), "-3 % to +5 %");
        assert_eq!(interval(1.01, 0.97, f64::INFINITY), "-3 % or more");
        assert_eq!(interval(0.01, 0.0, 0.02), "50 to ? times");
    }

    #[test]
    fn values_have_a_unit() {
        let value = |metric, value: f64| value_of(metric, value);
        assert_eq!(value("alloc_bytes_per_op", 217_390.0), "217 kB");
        assert_eq!(
            (value("peak_memory_kb", 12_828.0), value("cpu_us_per_op", 104.0)),
            ("13.1 MB".into(), "104 µs".into())
        );
        assert_eq!(
            (value("completed_per_s", 1_999.8), value("lost", 3.0)),
            ("2 000/s".into(), "3".into())
        );
        assert_eq!(
            (name("cpu_us_per_op"), name("files_behind")),
            ("CPU/request".into(), "files behind".into())
        );
    }

    fn value_of(metric: &str, number: f64) -> String {
        value(metric, &Reading::exact(number), Style::new(false))
    }
}
