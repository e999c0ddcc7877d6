//! What the four benches of the scenarios share, so that each of them is a table of contents: which
//! scenario, which load, what is timed.
//!
//! A bench runs a scenario's variants under criterion, in this process and one after another,
//! through the kit and on the allocator of the binary. It documents; `lab compare`, with a process
//! for each run and pairs in shuffled order, decides.

mod choice;
mod place;
mod profiler;
mod run;
mod threads;
mod timed;

pub use timed::Timed;

use anyhow::Context;
use criterion::measurement::WallTime;
use criterion::{
    AxisScale, BenchmarkGroup, BenchmarkId, Criterion, PlotConfiguration, PlottingBackend,
    SamplingMode, Throughput,
};
use lab_kit::alloc::Counting;
use lab_kit::{Load, Scenario, Variant};
use place::Place;
use run::Runner;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// The allocator of the binary `lab`, for all that links this library.
#[global_allocator]
static COUNTING: Counting<lab_runner::Jemalloc> = Counting::over(lab_runner::Jemalloc);

/// A run of a stream takes longer than its part of this, so that each is a sample; of small batches
/// many are one.
const MEASURED: Duration = Duration::from_millis(500);
/// One run is enough: it is the first of a process that differs.
const WARM_UP: Duration = Duration::from_millis(50);

/// Enough for an interval from ten samples. Criterion's own number is for a hundred, and would take
/// longer than the runs do.
const RESAMPLES: usize = 10_000;

/// A scenario's bench.
#[derive(Debug)]
pub struct Bench {
    /// The scenario's name.
    pub scenario: &'static str,
    /// The scenario's load as the bench asks it.
    pub load: fn(Load) -> Load,
    /// Sizes of the load, where growth is the point; none for the load's own.
    pub sizes: &'static [usize],
    /// What of a run is its time.
    pub timed: Timed,
}

/// Runs a bench as criterion's command line asks.
pub fn main(bench: &Bench) -> ExitCode {
    run::tell_panics_in_a_line();
    match run_all(bench) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run_all(bench: &Bench) -> anyhow::Result<()> {
    let scenario = lab::SCENARIOS.iter().find(|scenario| scenario.name == bench.scenario);
    let scenario =
        scenario.with_context(|| format!("the lab has no scenario {}", bench.scenario))?;
    let load = (bench.load)(scenario.load.clone());
    load.check().map_err(anyhow::Error::msg)?;
    let runner = Runner::new(scenario.name, Place::make()?, bench.timed);
    let mut criterion = criterion();
    measure(bench, scenario, &load, &runner, &mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// Ten samples of each variant; what the command line says goes before what stands here.
fn criterion() -> Criterion {
    Criterion::default()
        .plotting_backend(PlottingBackend::Plotters)
        .sample_size(10)
        .warm_up_time(WARM_UP)
        .measurement_time(MEASURED)
        .nresamples(RESAMPLES)
        .with_profiler(profiler::FlameGraphs::default())
        .configure_from_args()
}

fn measure(
    bench: &Bench,
    scenario: &Scenario,
    load: &Load,
    runner: &Runner,
    criterion: &mut Criterion,
) -> anyhow::Result<()> {
    let mut group = criterion.benchmark_group(scenario.name);
    group.sampling_mode(SamplingMode::Flat);
    if !bench.sizes.is_empty() {
        group.plot_config(PlotConfiguration::default().summary_scale(AxisScale::Logarithmic));
    }
    for variant in scenario.variants {
        match choice::left_out(variant) {
            Some(reason) => {
                say(&format!("{}/{} is left out: {reason}", scenario.name, variant.name))
            }
            None if bench.sizes.is_empty() => {
                add(&mut group, BenchmarkId::from_parameter(variant.name), variant, load, runner, 1)
            }
            None => add_sizes(&mut group, variant, load, bench.sizes, runner)?,
        }
    }
    group.finish();
    Ok(())
}

/// A variant at each size; one whose batch is always the same, at that alone, which a run of it
/// tells.
fn add_sizes(
    group: &mut BenchmarkGroup<'_, WallTime>,
    variant: &Variant,
    load: &Load,
    sizes: &[usize],
    runner: &Runner,
) -> anyhow::Result<()> {
    let sized = |size: usize| Load { size, ..load.clone() };
    let smallest = sizes.iter().copied().min().context("a bench of sizes has one")?;
    let pieces = runner.run(variant, &sized(smallest))?.pieces;
    let fixed = [pieces as usize];
    let sizes = if pieces as usize == smallest { sizes } else { &fixed };
    for &size in sizes {
        add(
            group,
            BenchmarkId::new(variant.name, size),
            variant,
            &sized(size),
            runner,
            size as u64,
        );
    }
    Ok(())
}

fn add(
    group: &mut BenchmarkGroup<'_, WallTime>,
    id: BenchmarkId,
    variant: &Variant,
    load: &Load,
    runner: &Runner,
    pieces: u64,
) {
    group.throughput(Throughput::Elements(pieces));
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|iterations| {
            (0..iterations).map(|_| runner.time_or_exit(variant, load)).sum()
        });
    });
}

/// To stderr, for criterion's report is on stdout; whoever closed it wants to hear nothing.
fn say(text: &dyn Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
