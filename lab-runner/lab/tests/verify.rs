//! `lab verify`: a broken claim is confirmed before it is told, and told in words.

mod support;

use support::Lab;

#[test]
fn a_claim_that_is_broken_twice_is_told_with_what_it_may_mean() {
    let lab = Lab::own();
    let done = lab.done(&["verify", "own"]);
    assert_eq!(done.code, 3, "{}\n{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("broken       ends well"), "{}", done.stdout);
    assert!(done.stdout.contains("failed twice: a variant that should be healthy is not"), "{}", done.stdout);
    let again = lab.done(&["report"]);
    let without_time = |text: &str| text.split(" broken").next().unwrap().to_owned();
    assert_eq!((again.code, without_time(&again.stdout)), (3, without_time(&done.stdout)), "{}", again.stderr);
}

#[test]
fn it_plans_every_variant_and_the_sizes_of_sweeps() {
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
