//! The result of `lab doctor` on one screen: the machine, its noise, what cannot be measured on it.

use crate::cmd::doctor::{
    Examination, Facts, IoUring, Judgement, Limitation, MetricNoise, Noise, Quota,
};
use crate::report::Style;
use crate::report::table::{BOLD, DIM};
use crate::report::units::{ascii, three_digits, time, wrapped};
use anstyle::{AnsiColor, Style as Colour};
use lab_analysis::comparison::verdict::Change;
use std::io::{self, Write};

/// Columns of a screen, less those that the heads of lines take.
const WIDTH: usize = 100 - HEAD;
const HEAD: usize = 11;
/// Dropped pairs that are listed one by one.
const MOST_DROPPED: usize = 3;

/// Prints the result.
pub(crate) fn print(found: &Examination, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let Examination { scenario, variant, noise, facts, .. } = found;
    writeln!(
        to,
        "{BOLD}doctor: A/A comparison of {scenario}, variant {variant}, {} pairs{BOLD:#}\n",
        noise.pairs
    )?;
    for (head, text) in machine(facts, style) {
        row(head, &text, style, to)?;
    }
    row("load", &load_generator(found, style), style, to)?;
    print_noise(noise, style, to)?;
    print_judgement(noise, style, to)?;
    print_unavailable(&found.limitations, style, to)?;
    let free = or_unknown(facts.disk_free_bytes.as_ref(), |free| {
        format!("{:.1} GB free", *free as f64 / 1e9)
    });
    writeln!(to, "\nrecording  {} ({free})", found.recording.display())
}

/// A head and its text, on as many lines as it takes.
fn row(head: &str, text: &str, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for (number, line) in wrapped(text, WIDTH).iter().enumerate() {
        let head = if number == 0 { head } else { "" };
        writeln!(to, "{head:<HEAD$}{}", ascii(line, style))?;
    }
    Ok(())
}

fn machine(facts: &Facts, style: Style) -> [(&'static str, String); 6] {
    [
        ("machine", processor(facts)),
        ("kernel", kernel(facts)),
        ("clock", clock(facts, style)),
        ("timers", timers(facts, style)),
        ("busy", busy(facts)),
        ("build", build(facts)),
    ]
}

/// A text, or that there is none.
fn or_unknown<T>(value: Option<&T>, text: impl Fn(&T) -> String) -> String {
    value.map_or_else(|| "unknown".into(), text)
}

fn processor(facts: &Facts) -> String {
    let usable = or_unknown(facts.environment.cores.as_ref(), usize::to_string);
    let present = or_unknown(facts.cores_present.as_ref(), usize::to_string);
    let quota = match facts.quota {
        Some(Quota::Unlimited) => "no CPU quota".into(),
        Some(Quota::Cores(cores)) => format!("a quota of {cores:.2} cores"),
        None => "CPU quota unknown".into(),
    };
    let host = match facts.is_virtual {
        Some(true) => ", virtual",
        Some(false) => ", no hypervisor",
        None => "",
    };
    let model = facts.environment.cpu.as_deref().unwrap_or("unknown processor");
    format!("{usable} of {present} cores usable, {quota}; {model}{host}")
}

fn kernel(facts: &Facts) -> String {
    let tick = or_unknown(facts.tick_hz.as_ref(), |hz| format!("{hz:.0} Hz"));
    let ring = match facts.io_uring {
        IoUring::Everybody => "allowed",
        IoUring::Privileged => "only for privileged processes",
        IoUring::Nobody => "not allowed",
        IoUring::Unknown => "unknown",
    };
    let paranoid = or_unknown(facts.perf_event_paranoid.as_ref(), i64::to_string);
    let counters = match facts.hardware_counters {
        Some(true) => "hardware counters available and not used",
        Some(false) => "no hardware counters",
        None => "hardware counters unknown",
    };
    format!("tick {tick}; io_uring {ring}; perf_event_paranoid {paranoid}, {counters}")
}

fn clock(facts: &Facts, style: Style) -> String {
    let source = or_unknown(facts.clock_source.as_ref(), String::clone);
    let governor = or_unknown(facts.governor.as_ref(), String::clone);
    format!(
        "{source}, read in {}; frequency governor {governor}",
        time(facts.clock_read_ns / 1e3, style)
    )
}

fn timers(facts: &Facts, style: Style) -> String {
    let time = |us: f64| time(us, style);
    let sleeps = facts.sleeps.map(|sleeps| {
        let [p50, p99, max] = [sleeps.p50_us, sleeps.p99_us, sleeps.max_us].map(time);
        format!("{} sleeps end late by {p50} (p50), {p99} (p99), {max} (max)", sleeps.count)
    });
    let spin = facts.spin.map(|spin| {
        format!(
            "a thread that spins for {:.0} s is stopped for at most {}",
            spin.ms / 1e3,
            time(spin.longest_us)
        )
    });
    let known: Vec<String> = sleeps.into_iter().chain(spin).collect();
    if known.is_empty() { "not measured: cannot start a thread".into() } else { known.join("; ") }
}

fn busy(facts: &Facts) -> String {
    let load = or_unknown(facts.load_average.as_ref(), |load| format!("{load:.2}"));
    let others = or_unknown(facts.foreign_cores.as_ref(), |cores| {
        format!("{:.0} % of a core", cores * 100.0)
    });
    let stolen = or_unknown(facts.steal.as_ref(), |steal| format!("{:.1} %", steal.share * 100.0));
    let waited = or_unknown(facts.pressure_percent.as_ref(), |percent| format!("{percent:.1} %"));
    format!(
        "load {load}; other processes use {others}; steal {stolen}; a process waits for a core \
         {waited} of the time"
    )
}

fn build(facts: &Facts) -> String {
    let here = &facts.environment;
    let version = |name: &str, version: &Option<String>| {
        format!("{name} {}", or_unknown(version.as_ref(), String::clone))
    };
    let rustc =
        here.rustc.as_ref().map(|rustc| rustc.split(" (").next().unwrap_or(rustc).to_owned());
    let optimised = if here.optimised { "optimised" } else { "not optimised" };
    let unstable = if here.tokio_unstable { "tokio_unstable" } else { "no tokio_unstable" };
    let versions =
        format!("{}, {}", version("tokio", &here.tokio), or_unknown(rustc.as_ref(), String::clone));
    format!("{optimised}, {unstable}, {versions}")
}

fn load_generator(found: &Examination, style: Style) -> String {
    let Some(generator) = found.noise.load_generator else {
        return "no load generator: a batch needs none".into();
    };
    let time = |us: f64| time(us, style);
    let p99 = match (generator.lag_p99_us, generator.worst_lag_p99_us) {
        (Some(usual), Some(worst)) => {
            format!("{} (p99), {} (p99 of the worst run)", time(usual), time(worst))
        }
        _ => "p99 needs 1 000 requests a run".into(),
    };
    let spare = match found.facts.environment.cores {
        Some(cores) if cores > found.load.workers => "the load generator has a core of its own",
        Some(_) => "the load generator has no core of its own, and sleeps",
        None => "number of cores unknown",
    };
    let (p50, valid, runs) =
        (time(generator.lag_p50_us), generator.runs - generator.invalid, generator.runs);
    format!("{spare}; late by {p50} (p50), {p99}; {valid} of {runs} runs valid")
}

fn print_noise(noise: &Noise, style: Style, to: &mut dyn Write) -> io::Result<()> {
    if noise.metrics.iter().all(|metric| metric.interval.is_none()) {
        let why = noise.metrics.first().and_then(|metric| metric.reason.as_deref());
        writeln!(to)?;
        row(
            "noise",
            &format!("not measured: {}", why.unwrap_or("no pair has a metric")),
            style,
            to,
        )?;
        return print_dropped(noise, style, to);
    }
    let heads = format!(
        "{:<22}{:>12}   {:<22}{:>12}   verdict",
        "", "noise floor", "ratio (true: 1)", "detectable"
    );
    writeln!(to, "\n{DIM}{heads}{DIM:#}")?;
    for metric in &noise.metrics {
        if let Some(interval) = metric.interval {
            print_metric(metric, interval, to)?;
        }
    }
    print_unmeasured(&noise.metrics, style, to)?;
    writeln!(
        to,
        "{DIM}noise floor: standard deviation of a pair; detectable: smallest change that 8 pairs \
         detect{DIM:#}"
    )?;
    if !noise.detectable.is_empty() {
        let changes = noise.detectable.iter();
        let changes = changes.map(|by| format!("{} with {}", percent(by.change), by.pairs));
        let text = format!("detectable: {} pairs", changes.collect::<Vec<_>>().join(", "));
        writeln!(to)?;
        row("* primary", &text, style, to)?;
    }
    print_dropped(noise, style, to)
}

/// What has no interval, a line for each reason: where pairs are missing, many have the same.
fn print_unmeasured(metrics: &[MetricNoise], style: Style, to: &mut dyn Write) -> io::Result<()> {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for metric in metrics.iter().filter(|metric| metric.interval.is_none()) {
        let reason = metric.reason.as_deref().unwrap_or("no pair has a value");
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, names)) => names.push(&metric.metric),
            None => reasons.push((reason, vec![&metric.metric])),
        }
    }
    for (reason, names) in reasons {
        row("unmeasured", &format!("{}: {reason}", names.join(", ")), style, to)?;
    }
    Ok(())
}

fn print_metric(
    metric: &MetricNoise,
    [low, high]: [Option<f64>; 2],
    to: &mut dyn Write,
) -> io::Result<()> {
    let star = if metric.primary { "*" } else { " " };
    let end = |end: Option<f64>| end.map_or_else(|| "?".into(), three_digits);
    let interval = format!("{} to {}", end(low), end(high));
    let floor = metric.floor.map_or_else(|| "bound".into(), percent);
    let detectable = metric.detectable_with_8.map_or_else(|| "-".into(), percent);
    write!(to, "{star}{:<21}{floor:>12}   {interval:<22}{detectable:>12}   ", metric.metric)?;
    match metric.verdict {
        Some(verdict) => writeln!(to, "{0}{verdict}{0:#}", verdict_colour(verdict)),
        None => writeln!(to, "{DIM}not judged{DIM:#}"),
    }
}

/// Any change is a false alarm here, an improvement too.
fn verdict_colour(verdict: Change) -> Colour {
    match verdict {
        Change::Improved | Change::Regressed => AnsiColor::Red.on_default().bold(),
        Change::Equivalent => Colour::new(),
        Change::Inconclusive => AnsiColor::Yellow.on_default(),
    }
}

fn percent(share: f64) -> String {
    match share * 100.0 {
        0.0 => "0 %".into(),
        percent if percent < 0.1 => "< 0.1 %".into(),
        percent if percent < 9.95 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}

fn print_dropped(noise: &Noise, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let all = noise.dropped.len();
    if all == 0 {
        return row("dropped", "no pair", style, to);
    }
    let shown = noise
        .dropped
        .iter()
        .take(MOST_DROPPED)
        .map(|dropped| format!("pair {}, {}", dropped.pair, dropped.reason));
    let more = (all > MOST_DROPPED).then(|| format!("{} more", all - MOST_DROPPED));
    let shown: Vec<String> = shown.chain(more).collect();
    row("dropped", &format!("{all} of {} pairs: {}", noise.pairs, shown.join("; ")), style, to)
}

fn print_judgement(noise: &Noise, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let reasons = noise.reasons.join(", ");
    let (colour, head, text) = match noise.judgement {
        Judgement::Quiet => (
            AnsiColor::Green.on_default(),
            "quiet",
            format!(
                "no metric counts as changed, in {} of {} pairs of the same variant",
                noise.kept, noise.pairs
            ),
        ),
        Judgement::FalseAlarm => (
            AnsiColor::Red.on_default().bold(),
            "false alarm",
            format!(
                "{reasons}, although both sides are the same. On a good machine, one A/A \
                 comparison \
                 in ten does: repeat it, and do not trust comparisons on this machine if it \
                 happens again"
            ),
        ),
        Judgement::TooBusy => (
            AnsiColor::Yellow.on_default(),
            "too busy",
            format!("{reasons}: end the other processes and try again"),
        ),
        Judgement::NotMeasured => (
            AnsiColor::Yellow.on_default(),
            "not measured",
            format!("{reasons}: try more --pairs or a longer --duration"),
        ),
    };
    writeln!(to)?;
    let lines = wrapped(&format!("{head}: {text}"), WIDTH);
    for (number, line) in lines.iter().enumerate() {
        let line = ascii(line, style);
        match line.strip_prefix(head).filter(|_| number == 0) {
            Some(rest) => writeln!(to, "{colour}{head}{colour:#}{rest}")?,
            None => writeln!(to, "  {line}")?,
        }
    }
    Ok(())
}

fn print_unavailable(all: &[Limitation], style: Style, to: &mut dyn Write) -> io::Result<()> {
    if all.is_empty() {
        return writeln!(to, "\nno limitations: this machine can measure everything");
    }
    writeln!(to, "\n{BOLD}limitations of this machine{BOLD:#}")?;
    for Limitation { affects, reason, remedy } in all {
        for (number, line) in wrapped(&format!("{affects}: {reason}"), WIDTH).iter().enumerate() {
            writeln!(to, "{}{}", if number == 0 { "  " } else { "      " }, ascii(line, style))?;
        }
        for line in wrapped(&format!("remedy: {remedy}"), WIDTH) {
            writeln!(to, "      {DIM}{}{DIM:#}", ascii(&line, style))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_and_lose_nothing() {
        let text = "word ".repeat(60).trim_end().to_owned();
        let lines = wrapped(&text, WIDTH);
        assert!(
            lines.len() > 3 && lines.iter().all(|line| line.chars().count() <= WIDTH),
            "{lines:?}"
        );
        assert_eq!(lines.join(" "), text);
    }

    #[test]
    fn shares_are_shown_as_percent_and_small_ones_not_as_zero() {
        assert_eq!(
            [0.0, 0.000_1, 0.052, 0.0996, 0.4].map(percent),
            ["0 %", "< 0.1 %", "5.2 %", "10 %", "40 %"]
        );
    }
}
