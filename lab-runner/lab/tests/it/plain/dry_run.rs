//! What `--dry-run` prints: which runs a command would start, the same ones for the same seed.
//! Nothing is made.

use crate::support::Lab;

#[test]
fn the_runs_of_a_scenario_are_the_same_for_the_same_seed() {
    let plan = |seed: &str| {
        Lab::builtin().done(&["run", "greedy", "--all", "--dry-run", "--seed", seed]).stdout
    };
    assert_eq!(plan("1"), plan("1"));
    assert_ne!(plan("1"), plan("2"));
    let lab = Lab::builtin();
    assert_eq!(lab.done(&["run", "greedy", "--all", "--dry-run"]).code, 0);
    assert!(lab.runs().is_empty(), "a dry run makes nothing");
}

#[test]
fn the_order_of_pairs_is_the_same_for_the_same_seed() {
    let lab = Lab::builtin();
    let plan = |seed: &str| {
        lab.done(&["compare", "greedy", "--pairs", "10", "--dry-run", "--seed", seed]).stdout
    };
    assert_eq!(plan("1"), plan("1"));
    assert_ne!(plan("1"), plan("2"));
    let side = |line: &str| Some(line.strip_prefix("pair-")?.split('-').nth(1)?.to_owned());
    let sides: Vec<String> = plan("1").lines().filter_map(side).collect();
    assert_eq!((sides.len(), sides.iter().filter(|side| *side == "a").count()), (20, 10));
    assert!(lab.runs().is_empty(), "a dry run makes nothing");
}

#[test]
fn a_verification_has_every_variant_and_the_sizes_of_sweeps() {
    let lab = Lab::builtin();
    let plan = lab.done(&["verify", "--dry-run"]).stdout;
    for scenario in lab::SCENARIOS {
        for variant in scenario.variants {
            assert!(plan.contains(variant.name), "{} of {}", variant.name, scenario.name);
        }
    }
    assert!(plan.contains("buggy-40000"), "{plan}");
    assert!(lab.runs().is_empty(), "a dry run makes nothing");
    assert_eq!(lab.done(&["verify", "gredy", "--dry-run"]).code, 2);
}

#[test]
fn the_doctor_compares_a_variant_with_itself() {
    let lab = Lab::builtin();
    let plan = lab.done(&["doctor", "--dry-run"]);
    assert_eq!((plan.code, plan.stderr.as_str()), (0, ""));
    assert_eq!(
        plan.stdout
            .lines()
            .filter(|line| line.starts_with("pair-") && line.contains("-fixed"))
            .count(),
        16
    );
    let planned = |scenario: &str| lab.json(&["doctor", scenario, "--dry-run"]).1;
    assert_eq!(planned("greedy")[0]["load"]["duration_ms"], 2_000, "as in lab verify");
    assert_eq!(planned("shutdown")[0]["load"]["duration_ms"], 1_000, "a second at least");
    assert_eq!(std::fs::read_dir(lab.out.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_score_has_each_variant_with_and_without_a_noisy_neighbour() {
    let lab = Lab::builtin();
    let plan = lab.done(&["score", "unordered", "--dry-run"]);
    assert_eq!((plan.code, plan.stderr.as_str()), (0, ""));
    assert!(plan.stdout.starts_with("001-unordered-buggy "), "{}", plan.stdout);
    assert!(plan.stdout.contains("22 of 22 planned runs"), "{}", plan.stdout);
    assert_eq!(
        plan.stdout.lines().filter(|line| line.ends_with(" neighbour")).count(),
        11,
        "{}",
        plan.stdout
    );
    let (_, cells) = lab.json(&["score", "unordered", "--dry-run"]);
    assert_eq!(
        (&cells[11]["planned_load"]["size"], &cells[11]["load"]),
        (&5_000.into(), &"half".into())
    );
    assert!(lab.runs().is_empty(), "a dry run makes nothing");
}

/// With two workers the other one takes the requests, and silence would be right.
#[test]
fn a_thorough_score_leaves_out_what_cannot_show() {
    let lab = Lab::builtin();
    let plan = lab.done(&["score", "greedy", "--thorough", "--seeds", "7", "--dry-run"]).stdout;
    // Eleven variants, two loads, two numbers of workers, with and without a noisy neighbour; four
    // variants are faulty on one worker alone.
    assert!(
        plan.contains("72 of 72 planned runs")
            && plan.contains("16 in which the fault does not occur"),
        "{plan}"
    );
}

#[test]
fn a_score_of_everything_fits_into_five_minutes() {
    let plan = Lab::builtin().done(&["score", "--dry-run"]).stdout;
    let seconds = plan.split("about ").last().and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(seconds.parse::<u64>().unwrap() <= 300, "{plan}");
    for scenario in lab::SCENARIOS {
        for variant in scenario.variants {
            assert!(
                plan.contains(&format!("-{}-{} ", scenario.name, variant.name)),
                "{} is run",
                variant.name
            );
        }
    }
}

#[test]
fn instruments_are_listed_and_unknown_ones_are_refused() {
    let lab = Lab::builtin();
    let plan = lab.done(&["overhead", "--dry-run"]);
    for name in [
        "profiler sched",
        "recorder, polls",
        "an allocation, counted",
        "500 000/s, Poisson",
        "page of a run",
    ] {
        assert!(plan.stdout.lines().any(|line| line.starts_with(name)), "{name}: {}", plan.stdout);
    }
    let refused = lab.done(&["overhead", "--only", "warp drive"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("lab overhead --dry-run lists them"), "{}", refused.stderr);
    assert_eq!(lab.done(&["overhead", "--rounds", "0"]).code, 2);
}
