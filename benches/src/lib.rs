//! The common part of the benches of the scenarios. Each bench only lists its scenario, its load
//! and the time to measure.
//!
//! A bench runs the variants of a scenario under criterion, one after another in this process, with
//! the kit and the allocator of the binary `lab`. Its numbers are for information; `lab compare`,
//! with a process for each run and pairs in shuffled order, gives verdicts.

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
use place::RunFolders;
use run::Runner;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

/// The allocator of the binary `lab`, for every bench.
#[global_allocator]
static COUNTING: Counting<lab_runner::Jemalloc> = Counting::over(lab_runner::Jemalloc);

/// Measurement time of criterion. A run of a stream takes longer than a tenth of it, so each run is
/// a sample; a sample of small batches has many runs.
const MEASURED: Duration = Duration::from_millis(500);
/// Warm-up time of criterion. One run is enough: only the first run of a process differs.
const WARM_UP: Duration = Duration::from_millis(50);

/// Number of resamples, enough for an interval from ten samples. Criterion's default is for a
/// hundred samples and would take longer than the runs.
const RESAMPLES: usize = 10_000;

/// A scenario's bench.
#[derive(Debug)]
pub struct Bench {
    /// The scenario's name.
    pub scenario: &'static str,
    /// Changes the scenario's load for the bench.
    pub load: fn(Load) -> Load,
    /// Sizes of the load, for a bench of growth; empty for the load's own size.
    pub sizes: &'static [usize],
    /// The time of a run.
    pub timed: Timed,
}

/// Runs a bench with the arguments of criterion's command line.
pub fn main(bench: &Bench) -> ExitCode {
    run::print_panics_in_one_line();
    match run_all(bench) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            warn(&format!("{error:#}"));
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
    let runner = Runner::new(scenario.name, RunFolders::create()?, bench.timed);
    let mut criterion = criterion();
    measure(bench, scenario, &load, &runner, &mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// Criterion with ten samples of each variant; the command line may override these settings.
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
        match choice::reason_to_skip(variant) {
            Some(reason) => {
                warn(&format!("{}/{} is left out: {reason}", scenario.name, variant.name))
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

/// Adds a variant at each size. A run at the smallest size shows whether the variant uses the size;
/// if its batch always has the same size, only that one is added.
fn add_sizes(
    group: &mut BenchmarkGroup<'_, WallTime>,
    variant: &Variant,
    load: &Load,
    sizes: &[usize],
    runner: &Runner,
) -> anyhow::Result<()> {
    let sized = |size: usize| Load { size, ..load.clone() };
    let smallest = sizes.iter().copied().min().context("a bench of sizes has one")?;
    let items = runner.run(variant, &sized(smallest))?.items;
    let fixed = [items as usize];
    let sizes = if items as usize == smallest { sizes } else { &fixed };
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
    items: u64,
) {
    group.throughput(Throughput::Elements(items));
    group.bench_function(id, |bencher| {
        bencher.iter_custom(|iterations| {
            (0..iterations).map(|_| runner.time_or_exit(variant, load)).sum()
        });
    });
}

/// Writes a line to stderr, because criterion's report is on stdout. Errors are ignored.
fn warn(text: &dyn Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
