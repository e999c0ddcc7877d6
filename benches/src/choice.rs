//! Selection of the variants that can be timed in a process that continues afterwards, by their
//! claims.

use lab_kit::{Ending, Measure, Variant};

/// The reason why a variant cannot be timed; none if it can. A variant without a claim on its
/// ending is expected to end by itself.
pub fn reason_to_skip(variant: &Variant) -> Option<String> {
    let ending = variant.claims.iter().find_map(|claim| match claim.measure {
        Measure::Ending(ending) => Some(ending),
        _ => None,
    })?;
    match ending {
        Ending::Finished => None,
        Ending::Hung => Some(
            "it claims to hang, so it has no time, and its threads would stay in this process: \
             use lab run"
                .into(),
        ),
        other => Some(format!("it claims to end {other}, and such a run has no time: use lab run")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lab_kit::{Claim, Kind};

    fn claiming(claims: &'static [Claim]) -> Variant {
        Variant::new("made", Kind::Fix, |_| Ok(())).claims(claims)
    }

    #[test]
    fn a_claim_on_the_ending_decides() {
        const WAITS: Claim = Claim::metric("waits", "wait_p99_us").at_least(1.0);
        assert_eq!(reason_to_skip(&claiming(&[])), None);
        assert_eq!(reason_to_skip(&claiming(&[WAITS])), None);
        assert_eq!(
            reason_to_skip(&claiming(&[const { Claim::ending("ends", Ending::Finished) }])),
            None
        );
        let hangs = claiming(&[WAITS, const { Claim::ending("hangs", Ending::Hung) }]);
        assert!(reason_to_skip(&hangs).unwrap().contains("claims to hang"));
        let fails = claiming(&[const { Claim::ending("fails", Ending::Failed) }]);
        assert!(reason_to_skip(&fails).unwrap().contains("claims to end failed"));
    }

    #[test]
    fn the_default_fix_of_each_scenario_is_timed() {
        for scenario in lab::SCENARIOS {
            let fix = scenario.first(Kind::Fixed).unwrap();
            assert_eq!(reason_to_skip(fix), None, "{}", scenario.name);
        }
    }
}
