//! How an axis is divided: where a number stands on it, where it ends, what is labelled and how.

use crate::report::plot::units;

/// How an axis is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// By factors: a power law is straight.
    Logarithmic,
    /// By differences.
    Linear,
    /// Shares below one, by factors of what is left to one: as far from 90 to 99 % as from 99 to
    /// 99.9 %.
    Tail,
}

/// No more labels than this, and one: they need room.
const STEPS: i32 = 6;
/// How far off a number may be by rounding and still be round.
const NEARLY: f64 = 1e-9;

impl Scale {
    /// Whether a number has a place. Those beyond 1e±300 would overflow when rounded.
    pub(crate) fn has_place(self, value: f64) -> bool {
        match self {
            Scale::Logarithmic => (1e-300..=1e300).contains(&value),
            Scale::Linear => (-1e300..=1e300).contains(&value),
            Scale::Tail => (0.0..1.0).contains(&value),
        }
    }

    /// Where a number stands, in what is even along the axis.
    pub(crate) fn place(self, value: f64) -> f64 {
        match self {
            Scale::Logarithmic => value.log10(),
            Scale::Linear => value,
            Scale::Tail => -(1.0 - value).log10(),
        }
    }

    /// Ends of an axis with nothing on it.
    pub(crate) fn nothing(self) -> (f64, f64) {
        match self {
            Scale::Logarithmic => (1.0, 10.0),
            Scale::Linear => (0.0, 1.0),
            Scale::Tail => (0.0, 0.9),
        }
    }

    /// Ends of an axis that hold everything from the lowest to the highest.
    pub(crate) fn ends(self, low: f64, high: f64) -> (f64, f64) {
        let (low, high) = match self {
            Scale::Logarithmic => (round_down(low), round_up(high)),
            Scale::Linear => {
                let step = step(low, high);
                ((low / step + NEARLY).floor() * step, (high / step - NEARLY).ceil() * step)
            }
            Scale::Tail => (low, high),
        };
        match self {
            _ if low < high => (low, high),
            Scale::Logarithmic => (low / 10.0, high * 10.0),
            Scale::Linear => (low - 1.0, high + 1.0),
            Scale::Tail => (low / 2.0, f64::midpoint(high, 1.0)),
        }
    }

    /// What is labelled between these ends.
    pub(crate) fn ticks(self, low: f64, high: f64) -> Vec<f64> {
        match self {
            Scale::Logarithmic => powers_of_ten(low, high),
            Scale::Linear => even_steps(low, high),
            Scale::Tail => nines(low, high),
        }
    }

    /// What has a faint line between the labels: 2 to 9 times a power of ten, which are not evenly
    /// spread.
    pub(crate) fn between(self, low: f64, high: f64) -> Vec<f64> {
        let (first, last) = (low.log10().floor(), high.log10().ceil());
        if self != Scale::Logarithmic || last - first > f64::from(STEPS) {
            return Vec::new();
        }
        let powers = (first as i32..last as i32).map(power_of_ten);
        let all = powers.flat_map(|power| (2..10).map(move |times| f64::from(times) * power));
        all.filter(|value| (low * (1.0 - NEARLY)..=high * (1.0 + NEARLY)).contains(value)).collect()
    }

    /// What stands at a labelled number.
    pub(crate) fn label(self, value: f64) -> String {
        match self {
            Scale::Logarithmic => round_number(value),
            Scale::Linear
                if value.abs() >= 1.0 && (value - value.round()).abs() < NEARLY * value.abs() =>
            {
                units::grouped(value.round() as i64)
            }
            Scale::Linear => trimmed(format!("{value:.3}")),
            Scale::Tail => format!("{} %", trimmed(format!("{:.10}", value * 100.0))),
        }
    }

    /// What it is called in a sentence.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Scale::Logarithmic => "logarithmic",
            Scale::Linear => "linear",
            Scale::Tail => "stretched towards 100 %",
        }
    }
}

/// A decimal fraction without the zeros at its end.
fn trimmed(number: String) -> String {
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// 1, 2 or 5 times a power of ten, so that it is gone along the axis in no more than [`STEPS`].
fn step(low: f64, high: f64) -> f64 {
    let span = if high > low { high - low } else { 1.0 };
    round_up(span / f64::from(STEPS))
}

fn even_steps(low: f64, high: f64) -> Vec<f64> {
    let step = step(low, high);
    let (first, last) = ((low / step - NEARLY).ceil(), (high / step + NEARLY).floor());
    (0..=(last - first) as i32).map(|i| (first + f64::from(i)) * step).collect()
}

/// Half, and then what leaves a tenth as much each time; both ends if there is none of them
/// between.
fn nines(low: f64, high: f64) -> Vec<f64> {
    let nines = (1..=12).map(|power| 1.0 - power_of_ten(-power));
    let inside = |share: &f64| low <= *share && *share <= high + NEARLY * (1.0 - high);
    let ticks: Vec<f64> = std::iter::once(0.5).chain(nines).filter(inside).collect();
    if ticks.is_empty() { vec![low, high] } else { ticks }
}

fn powers_of_ten(low: f64, high: f64) -> Vec<f64> {
    let (first, last) =
        ((low.log10() - NEARLY).ceil() as i32, (high.log10() + NEARLY).floor() as i32);
    let step = ((last - first + STEPS - 1) / STEPS).max(1);
    let powers = (first..=last).filter(|power| power.rem_euclid(step) == 0).map(power_of_ten);
    let mut ticks: Vec<f64> = powers.collect();
    if ticks.len() < 2 {
        ticks.extend([low, high]);
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
    }
    ticks
}

/// Exact where a product of tens is not: 1e-3 is the number that is written so.
fn power_of_ten(power: i32) -> f64 {
    format!("1e{power}").parse().unwrap_or(f64::INFINITY)
}

fn round_down(value: f64) -> f64 {
    let power = power_of_ten(value.log10().floor() as i32);
    let fits = |step: &f64| step * power <= value * (1.0 + NEARLY);
    [5.0, 2.0].into_iter().find(fits).unwrap_or(1.0) * power
}

fn round_up(value: f64) -> f64 {
    let power = power_of_ten(value.log10().floor() as i32);
    let fits = |step: &f64| step * power >= value * (1.0 - NEARLY);
    [1.0, 2.0, 5.0].into_iter().find(fits).unwrap_or(10.0) * power
}

/// A round number as it is said, or with an exponent if that takes too many digits.
fn round_number(value: f64) -> String {
    match value {
        v if (0.999..=9_999_999.0).contains(&v) => units::grouped(v.round() as i64),
        v if (0.000_999..1.0).contains(&v) => format!("{v:.3}").trim_end_matches('0').to_owned(),
        v => format!("{v:.0e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale, low: f64, high: f64) -> Vec<String> {
        let (low, high) = scale.ends(low, high);
        scale.ticks(low, high).into_iter().map(|tick| scale.label(tick)).collect()
    }

    #[test]
    fn labels_of_round_numbers_are_short() {
        let cases =
            [(0.001, "0.001"), (0.5, "0.5"), (1.0, "1"), (20_000.0, "20 000"), (1e6, "1 000 000")];
        for (value, text) in [(1e7, "1e7"), (2e-7, "2e-7")].into_iter().chain(cases) {
            assert_eq!(Scale::Logarithmic.label(value), text);
        }
    }

    #[test]
    fn seconds_are_labelled_in_round_steps() {
        assert_eq!(labels(Scale::Linear, 0.008, 0.992), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(labels(Scale::Linear, 0.08, 9.92), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(
            labels(Scale::Linear, 10.0, 2_990.0),
            ["0", "500", "1 000", "1 500", "2 000", "2 500", "3 000"]
        );
        assert_eq!(labels(Scale::Linear, 7.0, 7.0), ["6", "6.5", "7", "7.5", "8"]);
    }

    #[test]
    fn nines_are_labelled_as_far_as_the_shares_go() {
        assert_eq!(labels(Scale::Tail, 0.0, 0.9995), ["50 %", "90 %", "99 %", "99.9 %"]);
        assert_eq!(labels(Scale::Tail, 0.0, 0.9999), ["50 %", "90 %", "99 %", "99.9 %", "99.99 %"]);
        assert_eq!(labels(Scale::Tail, 0.0, 0.25), ["0 %", "25 %"]);
        assert_eq!(labels(Scale::Tail, 0.0, 0.0), ["50 %"]);
    }

    #[test]
    fn faint_lines_are_between_powers_of_ten_alone() {
        let between: Vec<String> =
            Scale::Logarithmic.between(0.5, 30.0).iter().map(|v| format!("{v:.1}")).collect();
        assert_eq!(between[..6], ["0.5", "0.6", "0.7", "0.8", "0.9", "2.0"]);
        assert_eq!(between[between.len() - 2..], ["20.0", "30.0"]);
        assert!(Scale::Logarithmic.between(1.0, 1e9).is_empty(), "too many lines");
        assert!(
            Scale::Linear.between(0.0, 1.0).is_empty() && Scale::Tail.between(0.1, 0.99).is_empty()
        );
    }

    #[test]
    fn every_nine_is_as_far_from_the_one_before() {
        let far = |from, to| Scale::Tail.place(to) - Scale::Tail.place(from);
        assert!((far(0.9, 0.99) - 1.0).abs() < 1e-9 && (far(0.99, 0.999) - 1.0).abs() < 1e-9);
        assert!(
            !Scale::Tail.has_place(1.0)
                && !Scale::Logarithmic.has_place(0.0)
                && Scale::Linear.has_place(0.0)
        );
    }
}
