//! What is known of several runs besides their screen.

use crate::report::detail;
use crate::report::units::ascii;
use crate::report::{Style, profilers, sched};
use anstyle::Style as Colour;
use lab_analysis::claims::{Judged, Verdict};
use lab_analysis::requests::Analysis;
use lab_analysis::results::Results;
use lab_kit::Measure;
use std::io::{self, Write};

pub(crate) const BOLD: Colour = Colour::new().bold();
pub(crate) const DIM: Colour = Colour::new().dimmed();

/// Prints what the screen of several runs leaves out.
pub(crate) fn print(report: &Results, style: Style, to: &mut dyn Write) -> io::Result<()> {
    let spec = &report.spec;
    writeln!(to, "load       {}", ascii(&detail::load(spec), style))?;
    writeln!(to, "host       {}", ascii(&detail::environment(spec), style))?;
    profilers::print_which(report, style, to)?;
    sched::print_which(report, style, to)?;
    writeln!(to, "\nrecording  {}", report.folder.display())
}

/// The variant's name, with its size if that is not the plain one.
pub(crate) fn name(run: &Analysis) -> String {
    let spec = &run.recording.spec;
    if spec.purpose.ratio() == 1 {
        spec.variant.clone()
    } else {
        format!("{} × {}", spec.variant, spec.purpose.ratio())
    }
}

pub(crate) fn is_story(claim: &Judged) -> bool {
    let compares = matches!(claim.claim.measure, Measure::Ratio { .. } | Measure::Growth { .. });
    compares || claim.verdict != Verdict::Held
}
