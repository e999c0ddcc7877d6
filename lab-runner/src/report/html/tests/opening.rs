//! How the page opens: its headline, its contents bar, the view that is shown first.

use super::*;
use lab_analysis::diagnosis::{Diagnosis, Finding};
use lab_analysis::results::diagnosed::Diagnosed;

#[test]
fn the_contents_bar_leads_to_sections_that_are_there() {
    for report in
        [with(cpu()), Results { comparison: None, ..with(vec![profile_of(Side::A, faulty())]) }]
    {
        let page = page_of(&report).unwrap();
        let nav = page.split("<nav").nth(1).unwrap().split("</nav>").next().unwrap();
        let anchors: Vec<&str> =
            nav.split("href=\"#").skip(1).map(|link| link.split('"').next().unwrap()).collect();
        assert!(
            anchors.len() >= 4
                && anchors.first() == Some(&"finding")
                && anchors.last() == Some(&"runs"),
            "{nav}"
        );
        assert!(
            anchors.iter().all(|anchor| page.contains(&format!("<section id=\"{anchor}\">"))),
            "{nav}"
        );
    }
}

fn diagnosed(cause: lab_recording::Cause) -> Diagnosed {
    let finding = Finding {
        cause,
        function: Some("app::buggy::import".into()),
        file: Some("no/such/src/buggy.rs".into()),
        line: Some(11),
        cost: lab_analysis::diagnosis::Cost { ms: Some(340_704.0), requests: Some(1_183) },
        evidence: Vec::new(),
        refuted_by: "",
        remedy: "",
        chapter: "",
    };
    let diagnosis =
        Diagnosis { findings: vec![finding], polls_recorded: true, ..Diagnosis::default() };
    Diagnosed {
        label: "buggy".into(),
        variant: "buggy".into(),
        side: None,
        diagnosis,
        post_mortem: None,
    }
}

/// A faulty variant that keeps its promise to be faulty is red: the colour is the health of the
/// program.
#[test]
fn the_headline_is_the_finding_and_its_colour_is_the_health_and_not_the_claims() {
    let mut report = Results { comparison: None, ..with(Vec::new()) };
    report.runs.truncate(1);
    report.verdict = lab_analysis::claims::Verdict::Held;
    report.diagnoses = vec![diagnosed(lab_recording::Cause::LongPoll)];
    let page = page_of(&report).unwrap();
    let sentence = "import (buggy.rs:11) computes for too long without yielding; 1\u{202f}183 \
                    requests waited 288 ms on average";
    assert!(
        page.contains(&format!("<h1>{sentence}</h1>")) && page.contains("<header class=\"bad\">"),
        "{page}"
    );
    report.diagnoses[0].diagnosis.findings.clear();
    let page = page_of(&report).unwrap();
    assert!(page.contains("<header class=\"good\">") && page.contains("<h1>No fault found: "));
    report.diagnoses[0].diagnosis.polls_recorded = false;
    assert!(page_of(&report).unwrap().contains("<header class=\"open\">"));
    report.diagnoses[0].diagnosis.hung = true;
    assert!(page_of(&report).unwrap().contains("<header class=\"bad\">"));
}

#[test]
fn an_undecided_comparison_names_its_own_reason() {
    let mut report = compared();
    let comparison = report.comparison.as_mut().unwrap();
    comparison.invalid = None;
    comparison.metrics.iter_mut().for_each(|metric| metric.primary = false);
    comparison.metrics[0].primary = true;
    comparison.metrics[0].estimate = Err("one pair is missing".into());
    let page = page_of(&report).unwrap();
    assert!(page.contains("one pair is missing") && !page.contains("not measured on both sides"));
}

#[test]
fn the_page_opens_on_a_view_with_a_picture_and_greys_out_empty_ones() {
    let report = with(vec![
        profile(Profiler::Stall, Side::A, BEFORE),
        profile(Profiler::Alloc, Side::A, ""),
    ]);
    let page = page_of(&report).unwrap();
    let tabs = page
        .split("<fieldset class=\"tabs views\"")
        .nth(1)
        .unwrap()
        .split("</fieldset>")
        .next()
        .unwrap();
    assert_eq!(
        (tabs.matches(" checked").count(), tabs.matches(" disabled").count()),
        (1, 1),
        "{tabs}"
    );
    let disabled = tabs.split("<label>").find(|tab| tab.contains(" disabled")).unwrap();
    assert!(disabled.contains(">alloc<") && !disabled.contains(" checked"), "{disabled}");
}
