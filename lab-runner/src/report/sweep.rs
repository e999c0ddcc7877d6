//! A sweep on one screen: the exponent of each variant with its interval, and the CPU time of the
//! largest size.

use crate::report::detail::{environment, print_claim};
use crate::report::plot::{Line, LineStyle, Plot, Scale};
use crate::report::screen::fold;
use crate::report::table::{BOLD, DIM};
use crate::report::units::{ascii, grouped, three_digits, time};
use crate::report::{Style, Verbosity};
use lab_analysis::claims::Verdict;
use lab_analysis::growth::Growth;
use lab_analysis::growth::sweep::{Sweep, SweptVariant};
use lab_analysis::results::Results;
use lab_recording::Kind;
use lab_recording::spec::Spec;
use std::io::{self, Write};

/// What is fitted, counts first: a metric, what it is called, and its picture.
pub(crate) const FITTED: [(&str, &str, &str); 2] =
    [("child_polls", "child polls", "child-polls.svg"), ("cpu_ms", "CPU ms", "cpu-time.svg")];

/// Prints a sweep.
pub(crate) fn print(
    report: &Results,
    sweep: &Sweep,
    style: Style,
    to: &mut dyn Write,
) -> io::Result<()> {
    let spec = &report.spec;
    let sizes = sweep.sizes();
    if style.verbosity == Verbosity::Quiet {
        return writeln!(
            to,
            "{}, {} sizes: {}",
            spec.scenario,
            sizes.len(),
            ascii(&growths(sweep), style)
        );
    }
    let head =
        format!("{} · {} sizes, {} repetitions", spec.scenario, sizes.len(), sweep.repetitions());
    writeln!(to, "{BOLD}{}{BOLD:#}", ascii(&head, style))?;
    writeln!(to, "{}", ascii(&load(spec, &sizes), style))?;
    if style.verbosity == Verbosity::Full {
        let host = format!("host       {}", environment(spec));
        fold(&ascii(&host, style), 11, style.width)
            .iter()
            .try_for_each(|line| writeln!(to, "{line}"))?;
    }
    writeln!(to)?;
    if sizes.is_empty() {
        writeln!(to, "UNDECIDED  no size was run to its end")?;
        return writeln!(to, "\nrecording  {}", report.folder.display());
    }
    print_variants(sweep, style, to)?;
    if style.verbosity == Verbosity::Full {
        for (_, plot) in figures(sweep, spec).iter().filter(|(_, plot)| !plot.lines.is_empty()) {
            writeln!(to)?;
            plot.lines(style).iter().try_for_each(|line| writeln!(to, "{line}"))?;
        }
    }
    print_claims(report, style, to)?;
    writeln!(to, "\nrecording  {}", report.folder.display())
}

fn load(spec: &Spec, sizes: &[usize]) -> String {
    let size = |size: Option<&usize>| grouped(size.copied().unwrap_or_default() as i64);
    let workers = if spec.load.workers == 1 {
        "1 worker".into()
    } else {
        format!("{} workers", spec.load.workers)
    };
    format!(
        "batches from {} to {}; {workers}, seed {}",
        size(sizes.first()),
        size(sizes.last()),
        spec.load.seed
    )
}

fn print_variants(sweep: &Sweep, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let largest = sweep.largest_of_all("cpu_ms").unwrap_or_default();
    let heads = FITTED.map(|(_, head, _)| format!("{:<22}", format!("{head} grow as")));
    writeln!(to, "{DIM}{:<17}{}CPU at {}{DIM:#}", "", heads.concat(), grouped(largest as i64))?;
    let fastest = fastest(sweep, largest);
    for swept in &sweep.variants {
        write!(to, "{:<17}", ascii(&swept.variant, style))?;
        for (metric, _, _) in FITTED {
            write!(to, "{:<22}", ascii(&exponent(sweep.growth(swept, metric)), style))?;
        }
        writeln!(to, "{}", ascii(&at_largest(swept, largest, fastest, style), style))?;
    }
    if sweep.variants.len() > 1 {
        let sign = ascii("×", style);
        writeln!(to, "{DIM}{sign} CPU time by that of the fastest variant{DIM:#}")?;
    }
    print_reasons(sweep, style, to)
}

/// Why some exponents were not measured, and what the sign behind others means.
fn print_reasons(sweep: &Sweep, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let all = || {
        FITTED.iter().flat_map(|(metric, ..)| {
            sweep.variants.iter().map(move |swept| sweep.growth(swept, metric))
        })
    };
    let mut reasons: Vec<String> = all().filter_map(Result::err).collect();
    reasons.sort();
    reasons.dedup();
    for reason in reasons {
        let text = format!("not measured: {}", ascii(&reason, style));
        fold(&text, 14, style.width)
            .iter()
            .try_for_each(|line| writeln!(to, "{DIM}{line}{DIM:#}"))?;
    }
    if all().flatten().any(|growth| !growth.pure) {
        writeln!(
            to,
            "{DIM}~ no pure power law: the exponent is that of the three largest sizes{DIM:#}"
        )?;
    }
    Ok(())
}

/// How the CPU time of each variant grows: `buggy n^1.98 (1.97-1.99), fixed n^1.01 (0.99-1.03)`.
fn growths(sweep: &Sweep) -> String {
    let one = |swept: &SweptVariant| {
        format!("{} {}", swept.variant, exponent(sweep.growth(swept, "cpu_ms")))
    };
    sweep.variants.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// `n^1.98 (1.97-1.99)`
fn exponent(growth: Result<Growth, String>) -> String {
    match growth {
        Ok(growth) => {
            let bent = if growth.pure { "" } else { " ~" };
            format!("n^{:.2} ({:.2}-{:.2}){bent}", growth.exponent, growth.low, growth.high)
        }
        Err(_) => "not measured".into(),
    }
}

/// The least CPU time of a variant for the largest size.
fn fastest(sweep: &Sweep, largest: usize) -> Option<f64> {
    sweep.variants.iter().filter_map(|swept| swept.median_at("cpu_ms", largest)).reduce(f64::min)
}

fn at_largest(swept: &SweptVariant, largest: usize, fastest: Option<f64>, style: Style) -> String {
    let Some((ms, fastest)) = swept.median_at("cpu_ms", largest).zip(fastest) else {
        return "not measured".into();
    };
    let times =
        if ms > fastest { format!(", {} ×", three_digits(ms / fastest)) } else { String::new() };
    format!("{}{times}", time(ms * 1e3, style))
}

/// The pictures: file name and plot.
pub(crate) fn figures(sweep: &Sweep, spec: &Spec) -> Vec<(&'static str, Plot)> {
    let plot = |(metric, name, file): (&str, &str, &'static str)| {
        let title = format!("{}: {name} by the size of the batch", spec.scenario);
        let (x, y) = ("size of the batch".into(), name.into());
        let scales = [Scale::Logarithmic; 2];
        (
            file,
            Plot { title, x, y, scales, description: String::new(), lines: lines(sweep, metric) },
        )
    };
    FITTED.map(plot).into()
}

/// A line for each variant through its medians, the faulty ones first.
fn lines(sweep: &Sweep, metric: &str) -> Vec<Line> {
    let mut variants: Vec<&SweptVariant> = sweep.variants.iter().collect();
    variants.sort_by_key(|swept| {
        (!matches!(swept.kind, Kind::Buggy | Kind::Trap), swept.variant.clone())
    });
    let point = |swept: &SweptVariant, size| Some((size as f64, swept.median_at(metric, size)?));
    let line = |swept: &SweptVariant| Line {
        name: swept.variant.clone(),
        points: sweep.sizes().into_iter().filter_map(|size| point(swept, size)).collect(),
        style: LineStyle::Marked,
    };
    variants.into_iter().map(line).collect()
}

fn print_claims(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let all: Vec<_> = report
        .swept_claims
        .iter()
        .flat_map(|(swept, claims)| claims.iter().map(move |claim| (swept, claim)))
        .collect();
    let applicable = || all.iter().filter(|(_, claim)| claim.applicable);
    let is_story = |claim: &lab_analysis::claims::Judged| {
        lab_analysis::claims::is_about_a_sweep(&claim.claim) || claim.verdict != Verdict::Held
    };
    writeln!(to)?;
    let held = applicable().filter(|(_, claim)| claim.verdict == Verdict::Held).count();
    writeln!(to, "checks     {held} of {} hold", applicable().count())?;
    let all = style.verbosity >= Verbosity::Verbose;
    for (swept, claim) in
        applicable().filter(|(_, claim)| claim.verdict != Verdict::Held || all && is_story(claim))
    {
        let mut text = Vec::new();
        print_claim(claim, style, &mut text)?;
        let text = format!("           {swept}: {}", String::from_utf8_lossy(&text).trim_end());
        fold(&text, 13, style.width).iter().try_for_each(|line| writeln!(to, "{line}"))?;
    }
    Ok(())
}
