//! `lab exercise predict`: a number before the first run, and how near it was.

use crate::cli::exercise::PredictArgs;
use crate::cmd::exercise::manifest::Predict;
use crate::cmd::exercise::pack::{Exercise, Pack, STARTER, YOURS};
use crate::cmd::exercise::progress::{self, Progress};
use crate::exit::{self, Exit, UsageError};
use crate::report::screen::Line;
use lab_analysis::results::Results;
use lab_analysis::units::number;
use std::io::{self, BufRead, IsTerminal, Write};

pub(crate) fn run(args: &PredictArgs, pack: &Pack) -> anyhow::Result<Exit> {
    let exercise = super::chosen(pack, args.slug.as_deref())?;
    let slug = exercise.slug();
    let Some(predict) = &exercise.entry.predict else {
        return Err(UsageError::error(format!("{slug} asks for no prediction")));
    };
    if Progress::read(pack).tries(slug) > 0 {
        return Err(UsageError::error(format!(
            "{slug} was measured already: a prediction comes before the first run"
        )));
    }
    let (value, confidence) = match (args.value, args.confidence) {
        (Some(value), confidence) => (value, confidence.unwrap_or(50)),
        (None, _) if io::stdin().is_terminal() => ask_both(predict)?,
        (None, _) => {
            return Err(UsageError::error(format!(
                "{} Type lab exercise predict {slug} --value NUMBER, in {}",
                predict.question, predict.unit
            )));
        }
    };
    note(pack, slug, value, confidence)?;
    exit::print(|to| {
        writeln!(to, "predicted  {} {}, {confidence} % sure", number(value), predict.unit)?;
        writeln!(to, "next       lab exercise check {slug}")
    })?;
    Ok(Exit::Done)
}

/// Asks for a prediction and notes it.
pub(crate) fn ask_and_note(pack: &Pack, exercise: &Exercise) -> anyhow::Result<()> {
    let Some(predict) = &exercise.entry.predict else { return Ok(()) };
    let (value, confidence) = ask_both(predict)?;
    note(pack, exercise.slug(), value, confidence)
}

fn note(pack: &Pack, slug: &str, value: f64, confidence: u32) -> anyhow::Result<()> {
    if !(value.is_finite() && value >= 0.0 && confidence <= 100) {
        return Err(UsageError::error(
            "a prediction is a number from 0 on, with a confidence from 0 to 100",
        ));
    }
    progress::change(pack, |progress| progress.note_prediction(slug, value, confidence));
    Ok(())
}

fn ask_both(predict: &Predict) -> anyhow::Result<(f64, u32)> {
    let value = ask(&format!("{} In {}: ", predict.question, predict.unit))?;
    Ok((value, ask("How sure are you, from 0 to 100 %? ")? as u32))
}

fn ask(question: &str) -> anyhow::Result<f64> {
    let mut stdout = io::stdout().lock();
    write!(stdout, "{question}")?;
    stdout.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let number = line.trim().trim_end_matches('%').trim().parse();
    number.map_err(|_| UsageError::error(format!("'{}' is not a number", line.trim())))
}

/// How near a prediction was to what the starter did; nothing without one. A file that was not
/// changed yet counts as the starter.
pub(crate) fn scored(pack: &Pack, exercise: &Exercise, results: &Results) -> Vec<Line> {
    let Some(predict) = &exercise.entry.predict else { return Vec::new() };
    let progress = Progress::read(pack);
    let Some((value, confidence)) = progress.predicted(exercise.slug()) else {
        return Vec::new();
    };
    let of = |variant: &str| {
        let runs = results.runs.iter().map(|(run, _)| run);
        let mut of_variant = runs.filter(|run| run.recording.spec.variant == variant);
        of_variant.find_map(|run| run.metrics.get(predict.metric.as_str()))
    };
    let first = progress.tries(exercise.slug()) == 0;
    let Some(measured) = of(STARTER).or_else(|| of(YOURS).filter(|_| first)) else {
        return Vec::new();
    };
    let measured = in_unit(measured.value, &predict.metric, &predict.unit);
    vec![Line::labelled(
        "predicted",
        &format!(
            "{} {unit} with {confidence} % confidence; the starter has {} {unit}: {}",
            number(value),
            number(measured),
            nearness(value, measured),
            unit = predict.unit
        ),
    )]
}

/// A value of a metric in another unit: times are microseconds or milliseconds by their name, and
/// sizes kilobytes.
fn in_unit(value: f64, metric: &str, unit: &str) -> f64 {
    let us = match metric.rsplit('_').next() {
        Some("us") => value,
        Some("ms") => value * 1e3,
        Some("kb") if unit == "MB" => return value / 1_024.0,
        _ => return value,
    };
    match unit {
        "s" => us / 1e6,
        "ms" => us / 1e3,
        _ => us,
    }
}

/// How far off, as a ratio: within a factor of two is near for a number nobody has measured yet.
fn nearness(predicted: f64, measured: f64) -> String {
    if predicted <= 0.0 || measured <= 0.0 {
        let equal = predicted == measured;
        return if equal { "exactly".into() } else { "of another order".into() };
    }
    let ratio = (predicted / measured).max(measured / predicted);
    let side = if predicted > measured { "too high" } else { "too low" };
    match ratio {
        ..1.25 => "right".into(),
        ..2.0 => format!("near, {ratio:.1} times {side}"),
        _ => format!("{} times {side}", number(ratio)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_scored_by_its_ratio() {
        assert_eq!(nearness(100.0, 110.0), "right");
        assert_eq!(nearness(150.0, 100.0), "near, 1.5 times too high");
        assert_eq!(nearness(5.0, 500.0), "100 times too low");
        assert_eq!(nearness(0.0, 0.0), "exactly");
        assert_eq!(nearness(0.0, 3.0), "of another order");
    }

    #[test]
    fn a_metric_is_shown_in_the_unit_of_the_question() {
        assert_eq!(in_unit(2_500.0, "wait_max_us", "ms"), 2.5);
        assert_eq!(in_unit(2_500.0, "wall_ms", "s"), 2.5);
        assert_eq!(in_unit(2_048.0, "peak_live_kb", "MB"), 2.0);
        assert_eq!(in_unit(7.0, "tasks_left", "tasks"), 7.0);
    }
}
