//! The half that asks: rounds in which each instrument is measured once, in an order of its own, so
//! that a machine which becomes slower does so for all of them.

use crate::cmd::overhead::Group;
use lab_kit::overhead::{self, Answer, SUBCOMMAND};
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{io, thread};

/// What the orders come from: the same on every machine.
pub(crate) const SEED: u64 = 1;
/// When a child is given up. The slowest need some seconds.
const DEADLINE: Duration = Duration::from_secs(120);
/// How often the parent looks, which is seldom enough to cost the child nothing.
const LOOK: Duration = Duration::from_millis(5);
/// Files of the child in its folder, which instruments must not see.
const STREAMS: [&str; 2] = ["stdout", "stderr"];

/// The measurement of one instrument, with the program that runs it.
#[derive(Clone, Debug)]
pub struct Measurement {
    /// The instrument's name.
    pub name: String,
    /// Its group.
    pub group: Group,
    /// How much is measured at a time.
    pub amount: u64,
    /// The binary whose `main` knows it.
    pub program: PathBuf,
}

/// The results of one instrument.
#[derive(Clone, Debug)]
pub struct Row {
    /// The instrument's name.
    pub name: String,
    /// Its table.
    pub group: Group,
    /// The answer of each round, or its error.
    pub rounds: Vec<Result<Answer, String>>,
}

/// Measures this number of rounds; rows are in the order of the given measurements. `goes_on` is
/// called before each measurement with the round and the instrument; after false, the remaining
/// ones are missing.
pub fn measure(
    measurements: &[Measurement],
    rounds: usize,
    mut goes_on: impl FnMut(usize, &Measurement) -> bool,
) -> Vec<Row> {
    let row = |measurement: &Measurement| Row {
        name: measurement.name.clone(),
        group: measurement.group,
        rounds: Vec::with_capacity(rounds),
    };
    let mut rows: Vec<Row> = measurements.iter().map(row).collect();
    let mut order: Vec<usize> = (0..measurements.len()).collect();
    let mut rng = Pcg64Mcg::seed_from_u64(SEED);
    for round in 1..=rounds {
        shuffle(&mut order, &mut rng);
        for &at in &order {
            let (Some(row), Some(measurement)) = (rows.get_mut(at), measurements.get(at)) else {
                continue;
            };
            if !goes_on(round, measurement) {
                return rows;
            }
            row.rounds.push(run(measurement));
        }
    }
    rows
}

/// Fisher and Yates.
fn shuffle(order: &mut [usize], rng: &mut Pcg64Mcg) {
    for last in (1..order.len()).rev() {
        order.swap(last, (rng.next_u64() % (last as u64 + 1)) as usize);
    }
}

fn run(measurement: &Measurement) -> Result<Answer, String> {
    let folder =
        tempfile::tempdir().map_err(|error| format!("no folder for the child: {error}"))?;
    let streams = STREAMS.map(|stream| folder.path().join(stream));
    let mut child = start(measurement, folder.path(), &streams)
        .map_err(|error| format!("no child: {error}"))?;
    let status = wait(&mut child)?;
    let [_, complained] = streams.map(|stream| fs::read_to_string(stream).unwrap_or_default());
    read(status, folder.path(), &complained)
}

fn start(measurement: &Measurement, folder: &Path, [out, err]: &[PathBuf; 2]) -> io::Result<Child> {
    Command::new(&measurement.program)
        .arg(SUBCOMMAND)
        .args([&measurement.name, &measurement.amount.to_string()])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(File::create(out)?)
        .stderr(File::create(err)?)
        .spawn()
}

fn wait(child: &mut Child) -> Result<ExitStatus, String> {
    let begin = Instant::now();
    while begin.elapsed() < DEADLINE {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status);
        }
        thread::sleep(LOOK);
    }
    let ended = child.kill().and_then(|()| child.wait());
    let more =
        ended.err().map_or(String::new(), |error| format!(", and could not be ended: {error}"));
    Err(format!("not finished after {} s{more}", DEADLINE.as_secs()))
}

fn read(status: ExitStatus, folder: &Path, complained: &str) -> Result<Answer, String> {
    if !status.success() {
        let why = complained
            .lines()
            .rfind(|line| !line.trim().is_empty())
            .map_or("no message", str::trim);
        return Err(format!("{why} ({status})"));
    }
    overhead::read(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(name: &str) -> Measurement {
        Measurement {
            name: name.into(),
            group: Group::Calls,
            amount: 1,
            program: "/nowhere/lab".into(),
        }
    }

    #[test]
    fn every_instrument_is_asked_once_a_round_in_orders_that_differ() {
        let all = ["a", "b", "c", "d", "e"].map(measurement);
        let mut seen = Vec::new();
        let rows = measure(&all, 6, |round, measurement| {
            seen.push((round, measurement.name.clone()));
            true
        });
        assert!(
            rows.iter().all(|row| row.rounds.len() == 6 && row.rounds.iter().all(Result::is_err))
        );
        let orders: Vec<Vec<String>> = seen
            .chunks(5)
            .map(|round| round.iter().map(|(_, name)| name.clone()).collect())
            .collect();
        assert!(orders.iter().any(|order| *order != orders[0]));
        assert!(orders.iter().all(|order| all.iter().all(|one| order.contains(&one.name))));
    }

    #[test]
    fn what_was_not_asked_any_more_is_missing() {
        let mut left = 3;
        let rows = measure(&["a", "b"].map(measurement), 6, |_, _| {
            left -= 1;
            left >= 0
        });
        assert_eq!(rows.iter().map(|row| row.rounds.len()).sum::<usize>(), 3);
    }
}
