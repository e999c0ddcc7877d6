//! Responses as pictures: how those of both sides of a comparison, or of several variants, are
//! distributed, and how they develop while a run lasts.

use crate::report::Style;
use crate::report::plot::{Line, LineStyle, Plot, Scale};
use crate::report::units::{grouped, time};
use hdrhistogram::Histogram;
use lab_analysis::comparison::paired::{Comparison, Times};
use lab_analysis::requests::over_time::{SLICES, Slice};
use lab_analysis::requests::{Analysis, quantile};
use lab_analysis::results::Results;
use lab_analysis::stats::median;
use lab_recording::spec::Side;
use std::collections::BTreeMap;

/// Points of a distribution: so many that a line needs no markers and its steps are those of the
/// histogram.
const POINTS: usize = 300;
/// The pictures, named for the folder of the invocation: the distribution, and what becomes of it.
pub(crate) const FILES: [&str; 2] = ["distribution.svg", "over-time.svg"];
/// The quickest requests need no room: they lie decades below the others, where nobody looks for
/// trouble.
const FIRST_SHARE: f64 = 0.1;
/// What the points of the picture over time are.
const OVER_RUNS: &str = "Each point is about the requests that were due in one sixtieth of the \
                         measured time: their \
                         median or the slowest of them, and of that the median over the runs.";
/// A picture is no terminal.
const STYLE: Style = Style::new(false);

/// As many lines as there are colours; those beyond are dashed.
const COLOURS: usize = 6;
/// With more variants than this the medians over time are left out: they would hide each other.
const MEDIANS: usize = 3;

/// One side of a comparison: its runs in pairs that count, and what they answered altogether. Or a
/// variant and its runs.
struct Answers<'a> {
    name: String,
    runs: Vec<&'a Analysis>,
    /// In nanoseconds; not empty.
    responses: Histogram<u64>,
    /// Requests were cut off unanswered, and count at their age.
    cut: bool,
}

/// The pictures of a comparison: file name and plot. None if nothing was answered, as in a batch.
pub(crate) fn figures(report: &Results, comparison: &Comparison) -> Vec<(&'static str, Plot)> {
    let same = comparison.before == comparison.after;
    let side = |side, name: &str, letter| {
        let name = if same { format!("{name} ({letter})") } else { name.to_owned() };
        Answers::new(name, runs(report, comparison, side))
    };
    let before = side(Side::A, &comparison.before, "A");
    let sides: Vec<(usize, Answers)> = [before, side(Side::B, &comparison.after, "B")]
        .into_iter()
        .enumerate()
        .filter_map(|(i, s)| Some((i, s?)))
        .collect();
    drawn(&sides, |what| {
        format!(
            "{}: {what}, {} against {}",
            report.spec.scenario, comparison.before, comparison.after
        )
    })
}

/// The pictures of a report that compares nothing: of its variants, those at the plain size.
pub(crate) fn of_variants(report: &Results) -> Vec<(&'static str, Plot)> {
    let mut variants: Vec<(&str, Vec<&Analysis>)> = Vec::new();
    for run in
        report.runs.iter().map(|(run, _)| run).filter(|run| run.recording.spec.purpose.ratio() == 1)
    {
        let name = run.recording.spec.variant.as_str();
        match variants.iter_mut().find(|(known, _)| *known == name) {
            Some((_, runs)) => runs.push(run),
            None => variants.push((name, vec![run])),
        }
    }
    let answers =
        variants.into_iter().filter_map(|(name, runs)| Answers::new(name.to_owned(), runs));
    let sides: Vec<(usize, Answers)> = answers.enumerate().collect();
    let of = if let [(_, one)] = &sides[..] {
        one.name.clone()
    } else {
        format!("{} variants", sides.len())
    };
    drawn(&sides, |what| format!("{}: {what}, {of}", report.spec.scenario))
}

fn drawn(sides: &[(usize, Answers)], title: impl Fn(&str) -> String) -> Vec<(&'static str, Plot)> {
    let plots = [
        distribution(sides, title("response by percentile")),
        over_time(sides, title("response over time")),
    ];
    FILES
        .into_iter()
        .zip(plots)
        .filter(|(_, plot)| plot.lines.iter().any(|line| line.points.len() > 1))
        .collect()
}

fn look(number: usize) -> LineStyle {
    if number < COLOURS { LineStyle::Solid(number) } else { LineStyle::Dashed(number) }
}

/// The runs of a side whose times count.
fn runs<'a>(report: &'a Results, comparison: &Comparison, wanted: Side) -> Vec<&'a Analysis> {
    let counts = |number| {
        comparison.pairs.iter().any(|pair| pair.number == number && pair.times != Times::LeftOut)
    };
    let is_wanted = |run: &&Analysis| {
        run.recording
            .spec
            .purpose
            .pair()
            .is_some_and(|pair| pair.side == wanted && counts(pair.number))
    };
    report.runs.iter().map(|(run, _)| run).filter(is_wanted).collect()
}

impl<'a> Answers<'a> {
    /// Nothing if no run has a response.
    fn new(name: String, runs: Vec<&'a Analysis>) -> Option<Answers<'a>> {
        let each = || runs.iter().filter_map(|run| run.responses.as_ref());
        let mut responses = Histogram::new_from(each().next()?);
        each().try_for_each(|one| responses.add(one)).ok()?;
        let cut = runs
            .iter()
            .filter_map(|run| run.metrics.get("response_max_us"))
            .any(|max| max.high.is_infinite());
        Some(Answers { name, runs, responses, cut }).filter(|answers| !answers.responses.is_empty())
    }

    /// A quantile in words, if there are requests enough to tell it.
    fn quantile(&self, name: &str, q: f64) -> Option<String> {
        let at_least = if self.cut && q == 1.0 { "≥ " } else { "" };
        quantile(&self.responses, q)
            .map(|ns| format!("{name} {at_least}{}", time(ns as f64 / 1e3, STYLE)))
    }

    /// `6 000 requests of 6 runs`
    fn count(&self) -> String {
        let runs =
            if self.runs.len() == 1 { "1 run".into() } else { format!("{} runs", self.runs.len()) };
        format!("{} requests of {runs}", grouped(self.responses.len() as i64))
    }

    /// `16.7 ms, median of 6 runs`
    fn slice(&self) -> String {
        let seconds = self.runs[0].recording.spec.load.duration().as_secs_f64();
        let width = time(seconds * 1e6 / SLICES as f64, STYLE);
        if self.runs.len() == 1 {
            width
        } else {
            format!("{width}, median of {} runs", self.runs.len())
        }
    }

    fn bound(&self) -> &'static str {
        if self.cut { " (the tail is a lower bound)" } else { "" }
    }

    /// The description of a side, in a sentence.
    fn sentence(&self) -> String {
        let quantiles = [("p50", 0.5), ("p99", 0.99), ("max", 1.0)]
            .into_iter()
            .filter_map(|(name, q)| self.quantile(name, q));
        let quantiles: Vec<String> = quantiles.collect();
        format!("{}, {}: {}{}.", self.name, self.count(), quantiles.join(", "), self.bound())
    }

    /// The values of each slice of the measured time, as the median over the runs that had requests
    /// in
    /// it.
    fn slices(&self, of: fn(&Slice) -> f64) -> Vec<(f64, f64)> {
        let mut slices: BTreeMap<usize, (f64, Vec<f64>)> = BTreeMap::new();
        for slice in self.runs.iter().flat_map(|run| &run.over_time) {
            slices.entry(slice.number).or_insert((slice.at_s, Vec::new())).1.push(of(slice));
        }
        slices.into_values().map(|(at_s, values)| (at_s, median(values))).collect()
    }
}

fn distribution(sides: &[(usize, Answers)], title: String) -> Plot {
    let (unit, us) = unit(sides);
    let line = |(number, side): &(usize, Answers)| {
        let max = side.quantile("max", 1.0).unwrap_or_default();
        let name = format!("{}: {max}{}, {}", side.name, side.bound(), side.count());
        let points = percentiles(&side.responses)
            .into_iter()
            .map(|(q, ns)| (q, ns as f64 / 1e3 / us))
            .collect();
        Line { name, points, style: look(*number) }
    };
    Plot {
        title,
        x: "percentile of the requests".into(),
        y: format!("response, {unit}"),
        scales: [Scale::Tail, Scale::Logarithmic],
        description: format!(
            "{} A line ends where fewer than ten requests lie beyond it.",
            sentences(sides)
        ),
        lines: sides.iter().map(line).collect(),
    }
}

fn over_time(sides: &[(usize, Answers)], title: String) -> Plot {
    let (unit, us) = unit(sides);
    let many = sides.len() > MEDIANS;
    let lines = |(number, side): &(usize, Answers)| {
        let line = |what: &str, style, of| {
            let points =
                side.slices(of).into_iter().map(|(at_s, value)| (at_s, value / us)).collect();
            Line { name: format!("{}: {what} of each {}", side.name, side.slice()), points, style }
        };
        let slowest = format!("slowest{}", if side.cut { " (a lower bound)" } else { "" });
        let of_slowest = if many { look(*number) } else { LineStyle::Dashed(*number) };
        let median = (!many).then(|| line("median", LineStyle::Solid(*number), |s| s.p50_us));
        [Some(line(&slowest, of_slowest, |s| s.max_us)), median].into_iter().flatten()
    };
    Plot {
        title,
        x: "seconds of the run, when a request was due".into(),
        y: format!("response, {unit}"),
        scales: [Scale::Linear, Scale::Logarithmic],
        description: format!("{OVER_RUNS} {}", sentences(sides)),
        lines: sides.iter().flat_map(lines).collect(),
    }
}

fn sentences(sides: &[(usize, Answers)]) -> String {
    sides.iter().map(|(_, side)| side.sentence()).collect::<Vec<_>>().join(" ")
}

/// The unit of the responses, and how many microseconds it has.
fn unit(sides: &[(usize, Answers)]) -> (&'static str, f64) {
    let slowest = sides.iter().map(|(_, side)| side.responses.max()).max().unwrap_or_default();
    if slowest < 1_000_000 { ("µs", 1.0) } else { ("ms", 1e3) }
}

/// Shares of the requests, evenly spread towards the tail, and within how many nanoseconds they
/// were answered: as far as ten requests lie beyond.
fn percentiles(responses: &Histogram<u64>) -> Vec<(f64, u64)> {
    let (first, last) = (1.0 - FIRST_SHARE, 10.0 / responses.len() as f64);
    let shares = (0..=POINTS).map(|i| 1.0 - first * (last / first).powf(i as f64 / POINTS as f64));
    shares.filter(|_| last < first).filter_map(|q| Some((q, quantile(responses, q)?))).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::made_up::run;
    use crate::report::plot::svg::tests::assert_well_formed;
    use lab_analysis::claims::Verdict;
    use lab_analysis::requests::{Reading, ValidityVerdict};

    /// A thousand responses from 1 to 1000 times so many microseconds.
    fn histogram(us: u64) -> Histogram<u64> {
        let mut responses = Histogram::new_with_max(1_000_000_000_000, 3).unwrap();
        (1..=1_000).for_each(|i| responses.record(i * us * 1_000).unwrap());
        responses
    }

    /// A run whose responses grow from slice to slice.
    fn answered(number: usize, side: &str, us: u64) -> Analysis {
        let slice = |number| {
            let p50_us = (us * (number as u64 + 1)) as f64;
            let at_s = number as f64 / 60.0;
            Slice { number, at_s, p50_us, max_us: 2.0 * p50_us, requests: 17, errors: 0, lost: 0 }
        };
        let responses = Some(histogram(us));
        Analysis {
            responses,
            over_time: (0..60).map(slice).collect(),
            held: None,
            ..run(number, side, &[("cpu_us_per_op", 7.0)])
        }
    }

    fn report(runs: Vec<Analysis>) -> Results {
        let comparison = Comparison::from_runs(
            &runs,
            &lab_analysis::results::rule(&runs[0].recording.spec, None),
        );
        let spec = runs[0].recording.spec.clone();
        let runs = runs.into_iter().map(|run| (run, Vec::new())).collect();
        Results {
            runs,
            comparison,
            verdict: Verdict::Held,
            ..Results::empty("".as_ref(), spec, None)
        }
    }

    /// Three pairs; the side after is ten times as quick.
    fn pairs() -> Vec<Analysis> {
        (1..=3)
            .flat_map(|number| {
                [answered(number, "a", 10 * number as u64), answered(number, "b", number as u64)]
            })
            .collect()
    }

    /// What `lab compare` would read of them.
    pub fn compared() -> Results {
        report(pairs())
    }

    #[test]
    fn percentiles_go_from_the_tenth_to_where_ten_requests_lie_beyond() {
        let points = percentiles(&histogram(1));
        let (first, last) = (points[0], points[points.len() - 1]);
        assert_eq!(points.len(), POINTS + 1);
        assert!((first.0 - 0.1).abs() < 1e-9 && (last.0 - 0.99).abs() < 1e-9, "{first:?} {last:?}");
        assert!(
            points.iter().all(|(q, ns)| (*ns as f64 / 1e6 - q).abs() < 0.002),
            "the n-th took n µs: {points:?}"
        );
        let mut few = Histogram::new(3).unwrap();
        few.record_n(7, 11).unwrap();
        assert!(percentiles(&few).is_empty());
    }

    #[test]
    fn both_pictures_name_both_sides_and_say_the_numbers() {
        let figures = crate::report::figures(&compared());
        assert_eq!(figures.iter().map(|(file, _)| *file).collect::<Vec<_>>(), FILES);
        for (_, plot) in &figures {
            let svg = plot.svg().unwrap();
            assert_well_formed(&svg);
            assert!(svg.contains("a, 3 000 requests of 3 runs: p50 8."), "{svg}");
            assert!(svg.contains("max 30.0 ms. b, 3 000 requests of 3 runs: p50"), "{svg}");
        }
        let names = |figure: usize| {
            figures[figure].1.lines.iter().map(|line| line.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(
            names(0),
            [
                "a: max 30.0 ms, 3 000 requests of 3 runs",
                "b: max 3.00 ms, 3 000 requests of 3 runs"
            ]
        );
        assert_eq!(names(1).len(), 4);
    }

    #[test]
    fn a_point_over_time_is_the_median_over_the_runs() {
        let mut runs = pairs();
        runs[2].over_time.retain(|slice| slice.number != 59);
        let plot = &crate::report::figures(&report(runs))[1].1;
        let point = |line: usize, slice: usize| plot.lines[line].points[slice];
        assert_eq!(
            (point(0, 1), point(1, 1)),
            ((1.0 / 60.0, 0.08), (1.0 / 60.0, 0.04)),
            "the second run's, in ms"
        );
        assert_eq!(point(1, 59).1, 1.2, "of 0.6 and 1.8 ms");
    }

    #[test]
    fn what_was_cut_off_is_a_lower_bound_and_dropped_pairs_are_not_drawn() {
        let mut runs = pairs();
        let cut = Reading { value: 1.0, low: 1.0, high: f64::INFINITY, because: None };
        runs[0].metrics.insert("response_max_us".into(), cut);
        let bound = |runs: &[Analysis]| {
            crate::report::figures(&report(runs.to_vec()))[0].1.lines[0].name.clone()
        };
        assert_eq!(
            bound(&runs),
            "a: max ≥ 30.0 ms (the tail is a lower bound), 3 000 requests of 3 runs"
        );
        runs[1].validity.verdict = ValidityVerdict::Invalid;
        assert_eq!(bound(&runs), "a: max 30.0 ms, 2 000 requests of 2 runs");
    }

    #[test]
    fn variants_are_drawn_beside_each_other_and_many_have_no_medians() {
        let several = |count: usize| {
            let mut runs: Vec<Analysis> =
                (1..=count).map(|number| answered(number, "a", number as u64)).collect();
            for (number, run) in runs.iter_mut().enumerate() {
                run.recording.spec.variant = format!("v{number}");
            }
            of_variants(&Results { comparison: None, ..report(runs) })
        };
        let lines = |count: usize| {
            several(count).iter().map(|(_, plot)| plot.lines.len()).collect::<Vec<_>>()
        };
        assert_eq!((lines(1), lines(3), lines(8)), (vec![1, 2], vec![3, 6], vec![8, 8]));
        let eight = several(8);
        assert_eq!(
            (eight[0].1.lines[5].style, eight[0].1.lines[6].style),
            (LineStyle::Solid(5), LineStyle::Dashed(6))
        );
        assert!(
            several(1)[0].1.title.ends_with(", v0") && eight[0].1.title.ends_with(", 8 variants")
        );
    }

    #[test]
    fn a_variant_against_itself_has_two_names_and_a_batch_has_no_picture() {
        let mut runs = pairs();
        runs.iter_mut().for_each(|run| run.recording.spec.variant = "same".into());
        let figures = crate::report::figures(&report(runs));
        let names: Vec<_> = figures[0].1.lines.iter().map(|line| &line.name[..8]).collect();
        assert_eq!(names, ["same (A)", "same (B)"]);
        let batch = [run(1, "a", &[]), run(1, "b", &[])];
        assert!(crate::report::figures(&report(batch.to_vec())).is_empty());
    }
}
