//! The recording: who measured what where, and a row an instrument.

use crate::facts;
use crate::program::WARM_UP;
use crate::rounds::{Row, SEED, added};
use crate::sustained::{Round, Sustained};
use lab_runner::compare::estimate::shift;

/// How often an interval may miss the truth.
const ALPHA: f64 = 0.05;

/// Everything that a reader needs besides the rows.
pub fn header(rounds: usize, polls: u64) -> String {
    let (machine, versions, warm_up) = (facts::machine(), facts::versions(), polls / WARM_UP);
    format!(
        "What instruments add to a poll: Hodges-Lehmann on the differences to the plain runtime of the same round, with the\n\
         exact signed-rank interval.\n\n\
         machine   {machine}\n\
         versions  {versions}\n\
         program   two tasks that yield to each other on one worker without drivers, {polls} polls after {warm_up} to warm up\n\
         rounds    {rounds}, each with a process an instrument, in orders from seed {SEED}\n\
         tokio     built with `schedule-latency`, and with `tracing` because console-subscriber asks for it: the plain one too\n"
    )
}

/// Nanoseconds a poll and what is added, a row an instrument.
pub fn costs(rows: &[Row]) -> String {
    let titles = ["instrument", "ns a poll", "added", "interval", "rounds"];
    let mut text =
        format!("{:<36} {:>9} {:>9}   {:<30} {:>6}\n", titles[0], titles[1], titles[2], titles[3], titles[4]);
    for row in rows {
        text += &cost(row, rows);
    }
    text
}

fn cost(row: &Row, rows: &[Row]) -> String {
    let measured: Vec<f64> = row.rounds.iter().filter_map(|ns| ns.as_ref().ok().copied()).collect();
    if measured.is_empty() {
        return format!("{:<36} not measured: {}\n", row.name, reason(&row.rounds));
    }
    let (by, interval) = difference(row, rows);
    let ns = median(measured.clone());
    format!("{:<36} {ns:>9.1} {by:>9}   {interval:<30} {:>6}\n{}", row.name, measured.len(), missing(&row.rounds))
}

/// A line about the rounds that failed, if any did.
fn missing<T>(rounds: &[Result<T, String>]) -> String {
    match rounds.iter().filter(|round| round.is_err()).count() {
        0 => String::new(),
        failed => format!("  not measured in {failed}: {}\n", reason(rounds)),
    }
}

/// What is added and its interval; the plain row differs from itself by nothing, and that is no finding.
fn difference(row: &Row, rows: &[Row]) -> (String, String) {
    if row.name == crate::each::PLAIN {
        return ("-".to_owned(), "-".to_owned());
    }
    match shift(&added(row, rows), ALPHA) {
        Ok(of) => {
            let interval = format!("{:+.1} to {:+.1} at {:.1} %", of.low, of.high, 100.0 * of.level);
            (format!("{:+.1}", of.by), interval)
        }
        // Rounds are what there can be too few of: numbers that are not finite are no children's answers.
        Err(_) => ("-".to_owned(), "too few rounds".to_owned()),
    }
}

/// What the lab's recorder keeps and drops if two tasks go as fast as they can, a row a recorder.
pub fn sustained(recorders: &[Sustained]) -> String {
    let titles = ["recorder", "bytes an event", "polls/s", "most without a drop", "dropped", "rounds"];
    let mut text = format!(
        "{:<36} {:>14} {:>11} {:>20} {:>10} {:>6}\n",
        titles[0], titles[1], titles[2], titles[3], titles[4], titles[5]
    );
    for recorder in recorders {
        text += &kept(recorder);
    }
    text
}

fn kept(recorder: &Sustained) -> String {
    let rounds: Vec<Round> = recorder.rounds.iter().filter_map(|round| round.as_ref().ok().copied()).collect();
    if rounds.is_empty() {
        return format!("{:<36} not measured: {}\n", recorder.name, reason(&recorder.rounds));
    }
    let sum = |of: fn(&Round) -> f64| rounds.iter().map(of).sum::<f64>();
    let bytes = sum(|round| round.bytes) / sum(|round| round.events);
    let rate = median(rounds.iter().map(|round| round.rate).collect());
    let whole = rounds.iter().filter(|round| round.dropped == 0.0).map(|round| round.rate);
    let most = whole.max_by(f64::total_cmp).map_or("none".to_owned(), |rate| format!("{rate:.0}"));
    let (dropped, count) = (sum(|round| round.dropped), rounds.len());
    let line = format!("{:<36} {bytes:>14.2} {rate:>11.0} {most:>20} {dropped:>10} {count:>6}\n", recorder.name);
    line + &missing(&recorder.rounds)
}

/// What it takes to read and to add up what the recorders kept, a row a recorder: median, and from the least to the most.
pub fn added_up(recorders: &[Sustained]) -> String {
    let titles = ["recorder", "million events read/s", "added up/s", "MB of memory"];
    let mut text = format!("{:<36} {:>26} {:>22} {:>22}\n", titles[0], titles[1], titles[2], titles[3]);
    for recorder in recorders {
        let rounds: Vec<Round> = recorder.rounds.iter().filter_map(|round| round.as_ref().ok().copied()).collect();
        if rounds.is_empty() {
            text += &format!("{:<36} not measured: {}\n", recorder.name, reason(&recorder.rounds));
            continue;
        }
        let spread = |of: fn(&Round) -> f64| {
            let all: Vec<f64> = rounds.iter().map(of).collect();
            let (least, most) = (all.iter().copied().fold(f64::MAX, f64::min), all.iter().copied().fold(0.0, f64::max));
            format!("{:.1} ({least:.1} to {most:.1})", median(all))
        };
        let (reads, adds_up) = (spread(|round| round.reads / 1e6), spread(|round| round.adds_up / 1e6));
        text += &format!("{:<36} {reads:>26} {adds_up:>22} {:>22}\n", recorder.name, spread(|round| round.megabytes));
    }
    text
}

/// Whether each instrument could be measured at all.
pub fn tries(rows: &[Row]) -> String {
    let told = |row: &Row| if row.rounds.iter().all(Result::is_ok) { "ran".to_owned() } else { refused(row) };
    rows.iter().map(|row| format!("{:<36} {}\n", row.name, told(row))).collect()
}

fn refused(row: &Row) -> String {
    format!("not measured: {}", reason(&row.rounds))
}

/// Why the first round that failed did.
fn reason<T>(rounds: &[Result<T, String>]) -> &str {
    rounds.iter().find_map(|round| round.as_ref().err()).map_or("no round was run", String::as_str)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2])
}
