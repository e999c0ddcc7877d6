//! `lab sweep`: one batch at many sizes, each many times, for the exponent with which its cost
//! grows.

use crate::cli::{LoadArgs, SweepArgs};
use crate::cmd::dry_run::print_plan;
use crate::cmd::load::{check, check_timeout, load};
use crate::cmd::show;
use crate::engine::execute::{interrupted, invocation_folder, run_all};
use crate::engine::plan;
use crate::engine::plan::{Planned, Sizes};
use crate::engine::supervise::Interrupts;
use crate::exit;
use crate::exit::{Exit, UsageError};
use crate::report::Style;
use anyhow::Context;
use lab_analysis::claims::{Judged, Verdict};
use lab_analysis::results::{LARGER, Results};
use lab_kit::{Scenario, Variant};
use lab_recording::Load;
use std::fs;
use std::path::Path;
use std::time::Duration;

pub(crate) fn run(
    args: &SweepArgs,
    style: Style,
    scenarios: &[&'static Scenario],
) -> anyhow::Result<Exit> {
    let scenario = plan::scenario(scenarios, &args.scenario)?;
    let variants = plan::growing_variants(scenario)?;
    let load = load(scenario, &load_args(args))?;
    let sizes = Sizes { smallest: args.size.unwrap_or(load.size / 2), count: args.sizes };
    let sizes = checked(scenario, &load, sizes)?;
    let runs = plan::sweep(scenario, &variants, &load, &sizes, args.repetitions, args.timeout);
    check_timeout(&runs)?;
    if args.record.dry_run {
        return print_plan(&runs, args.record.format);
    }
    let interrupts = Interrupts::catch()?;
    exit::say(&announcement(&runs, &sizes, args.repetitions));
    let folder = invocation_folder(&args.record.out, &format!("{}-sweep", scenario.name))?;
    if let Some(signal) = run_all(&runs, &folder, &interrupts)? {
        return Ok(interrupted(&folder, signal));
    }
    let more = one_size_more(&Results::read(&folder, scenarios)?, &variants, |variants, size| {
        let load = Load { size, ..load.clone() };
        check(scenario, &load).ok()?;
        Some(plan::sweep(scenario, variants, &load, &[size], args.repetitions, args.timeout))
    });
    if let Some(signal) = run_all(&more, &folder.join(LARGER), &interrupts)? {
        return Ok(interrupted(&folder, signal));
    }
    let report = Results::read(&folder, scenarios)?;
    write_figures(&report, &folder)?;
    show(&report, None, scenarios, args.record.format, style, args.strict)
}

/// What is going to be run, and for how long at most. How long a batch takes is what a sweep finds
/// out.
fn announcement(runs: &[Planned], sizes: &[usize], repetitions: usize) -> String {
    let [smallest, largest] = [sizes.first(), sizes.last()].map(|size| size.copied().unwrap_or(0));
    let most: Duration = runs.iter().map(|run| run.timeout).max().unwrap_or_default();
    let count = runs.len();
    format!(
        "{count} runs, each size from {smallest} to {largest} {repetitions} times, none of which \
         takes more than {} s; \
         the largest sizes decide, where a run takes clearly longer than an empty one; runs at {} \
         are added for \
         exponents that are undecided",
        most.as_secs(),
        largest.saturating_mul(2)
    )
}

/// A sweep replaces the size by many; the rest of a batch's load is as ever.
fn load_args(args: &SweepArgs) -> LoadArgs {
    LoadArgs { workers: args.workers, seed: args.seed, ..LoadArgs::default() }
}

/// The sizes, if the largest of them can be run.
fn checked(scenario: &Scenario, load: &Load, sizes: Sizes) -> anyhow::Result<Vec<usize>> {
    if sizes.smallest < 2 {
        return Err(UsageError::error(
            "a size of 1 is the empty run, which every sweep includes: try --size 1000",
        ));
    }
    let overflow = || {
        UsageError::error(
            "the largest of these sizes overflows: try a smaller --size or fewer --sizes",
        )
    };
    let all = sizes.all().ok_or_else(overflow)?;
    for size in [sizes.smallest, *all.last().context("a sweep has sizes")?] {
        check(scenario, &Load { size, ..load.clone() })?;
    }
    Ok(all)
}

/// The runs at twice the largest size, once, for the variants whose growth is undecided: as
/// book/src/method/growth.md says.
fn one_size_more(
    report: &Results,
    variants: &[&'static Variant],
    plan: impl Fn(&[&'static Variant], usize) -> Option<Vec<Planned>>,
) -> Vec<Planned> {
    let Some(sweep) = &report.sweep else { return Vec::new() };
    let open = |claim: &&Judged| claim.applicable && claim.verdict == Verdict::NotMeasured;
    let unclear = |variant: &&'static Variant| {
        report
            .swept_claims
            .iter()
            .any(|(name, claims)| name == variant.name && claims.iter().any(|claim| open(&claim)))
    };
    let unclear: Vec<_> = variants.iter().copied().filter(unclear).collect();
    let larger = sweep.sizes().last().and_then(|largest| largest.checked_mul(2));
    larger.filter(|_| !unclear.is_empty()).and_then(|size| plan(&unclear, size)).unwrap_or_default()
}

/// Draws the charts of a report beside its recordings. What the disk has no room for is not left
/// there by half.
pub(crate) fn write_figures(report: &Results, folder: &Path) -> anyhow::Result<()> {
    for (file, plot) in crate::report::figures(report) {
        let path = folder.join(file);
        let written = fs::write(&path, plot.svg()?).inspect_err(|_| drop(fs::remove_file(&path)));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::latency::FILES;
    use crate::report::latency::tests::compared;

    #[test]
    fn a_picture_that_cannot_be_written_is_told_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let drawn = || FILES.map(|file| folder.path().join(file).is_file());
        write_figures(&compared(), folder.path()).unwrap();
        assert_eq!(drawn(), [true, true]);
        fs::remove_file(folder.path().join(FILES[1])).unwrap();
        fs::create_dir(folder.path().join(FILES[1])).unwrap();
        let error = write_figures(&compared(), folder.path()).unwrap_err();
        assert!(error.to_string().contains("cannot write"), "{error:#}");
        assert_eq!(drawn(), [true, false]);
    }
}
