//! `lab verify`: a broken claim is confirmed before it is told, and told in words.

use crate::support::Lab;

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn a_claim_that_is_broken_twice_is_told_with_what_it_may_mean() {
    let lab = Lab::endings();
    let done = lab.done(&["verify", "endings"]);
    assert_eq!(done.code, 3, "{}\n{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("broken       ends well"), "{}", done.stdout);
    // Tests beside this one use the host, and then that is named before tokio.
    let reasons = [
        "failed twice: a variant that should be healthy is not",
        "repeat it on a quiet host before blaming tokio",
    ];
    assert!(reasons.iter().any(|reason| done.stdout.contains(reason)), "{}", done.stdout);
    let again = lab.done(&["report"]);
    let without_time = |text: &str| text.split(" broken").next().unwrap().to_owned();
    assert_eq!(
        (again.code, without_time(&again.stdout)),
        (3, without_time(&done.stdout)),
        "{}",
        again.stderr
    );
}
