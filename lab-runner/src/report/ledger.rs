//! The ledger as Markdown: what everybody repeats, whether it is so, and the claims of recordings
//! that show it.

use crate::report::detail::evidence;
use lab_analysis::claims::{Judged, Verdict};
use lab_analysis::results::Results;
use lab_kit::{CommonClaim, Scenario};
use std::io::{self, Write};

/// Prints every saying of the scenarios that these reports are about.
pub(crate) fn print(
    reports: &[&Results],
    scenarios: &[&'static Scenario],
    to: &mut dyn Write,
) -> io::Result<()> {
    let recorded =
        |scenario: &&&Scenario| reports.iter().any(|report| report.spec.scenario == scenario.name);
    let mut sayings: Vec<(&str, &CommonClaim)> = scenarios
        .iter()
        .filter(recorded)
        .flat_map(|scenario| scenario.ledger.iter().map(|saying| (scenario.name, saying)))
        .collect();
    sayings.sort_by_key(|(_, saying)| saying.number);
    sayings
        .into_iter()
        .try_for_each(|(scenario, saying)| print_saying(scenario, saying, reports, to))
}

fn print_saying(
    scenario: &str,
    saying: &CommonClaim,
    reports: &[&Results],
    to: &mut dyn Write,
) -> io::Result<()> {
    writeln!(to, "{}. **\"{}\"**\n", saying.number, saying.says)?;
    writeln!(
        to,
        "   *{}*, says `{scenario}`. {}\n",
        capital(&saying.so.to_string()),
        saying.found
    )?;
    for (variant, says) in saying.shown_by {
        writeln!(to, "   - {}", shown(scenario, variant, says, reports))?;
    }
    writeln!(to)
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A claim with what was measured. Of several recordings the last that could judge it counts.
fn shown(scenario: &str, variant: &str, says: &str, reports: &[&Results]) -> String {
    let about = reports.iter().filter(|report| report.spec.scenario == scenario);
    let claims = about.flat_map(|report| report.claims());
    let this = |(name, claim): &(&str, &Judged)| {
        *name == variant && claim.claim.says == says && claim.applicable
    };
    match claims.filter(this).map(|(_, claim)| claim).last() {
        None => format!("`{variant}`: {says} — no recording shows it"),
        Some(claim) => {
            let measured =
                evidence(claim).map_or_else(String::new, |evidence| format!(" ({evidence})"));
            let verdict = if claim.verdict == Verdict::Held {
                String::new()
            } else {
                format!(" — **{}**", claim.verdict)
            };
            format!("`{variant}`: {says}{measured}{verdict}")
        }
    }
}
