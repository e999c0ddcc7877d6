//! Which variants can be timed in a process that goes on afterwards, told by what they claim.

use lab_kit::{Ending, Measure, Variant};

/// Why a variant cannot be timed here; none if it can. One that claims nothing about its ending is
/// held to end by itself.
pub fn left_out(variant: &Variant) -> Option<String> {
    let ending = variant.claims.iter().find_map(|claim| match claim.measure {
        Measure::Ending(ending) => Some(ending),
        _ => None,
    })?;
    match ending {
        Ending::Finished => None,
        Ending::Hung => Some(
            "it claims to hang, so it has no time, and what hangs would stay in this process: see it with lab run"
                .into(),
        ),
        other => Some(format!("it claims to end {other}, and such a run has no time: see it with lab run")),
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
    fn what_a_variant_claims_of_its_ending_decides() {
        const WAITS: Claim = Claim::metric("waits", "wait_p99_us").at_least(1.0);
        assert_eq!(left_out(&claiming(&[])), None);
        assert_eq!(left_out(&claiming(&[WAITS])), None);
        assert_eq!(left_out(&claiming(&[const { Claim::ending("ends", Ending::Finished) }])), None);
        let hangs = claiming(&[WAITS, const { Claim::ending("hangs", Ending::Hung) }]);
        assert!(left_out(&hangs).unwrap().contains("claims to hang"));
        let fails = claiming(&[const { Claim::ending("fails", Ending::Failed) }]);
        assert!(left_out(&fails).unwrap().contains("claims to end failed"));
    }

    #[test]
    fn of_each_scenario_the_default_fix_is_timed() {
        for scenario in lab::SCENARIOS {
            let fix = scenario.first(Kind::Fixed).unwrap();
            assert_eq!(left_out(fix), None, "{}", scenario.name);
        }
    }
}
