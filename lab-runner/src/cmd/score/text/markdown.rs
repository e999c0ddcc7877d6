//! A score as a table for a document.

use crate::cmd::score::text::{detected, measures, with_interval};
use crate::report::Style;
use lab_analysis::score::Score;
use std::io::{self, Write};

const STYLE: Style = Style::new(false);

/// Prints the measures of all runs and of each group, and the matrix.
pub(crate) fn markdown(score: &Score, to: &mut dyn Write) -> io::Result<()> {
    let overall = score.overall();
    writeln!(to, "{} of {} planned runs.\n", score.runs.len(), score.recorded.planned())?;
    let rows = std::iter::once(("all runs".to_owned(), overall)).chain(score.groups());
    let scanner = score.recorded.scanner.clone().zip(score.other());
    writeln!(
        to,
        "| | recall | named first | precision | specificity | called healthy | localization |\n| \
         --- | --- | --- | --- | --- | --- | --- |"
    )?;
    for (name, tally) in
        rows.chain(scanner.map(|(command, tally)| (format!("all runs, by `{command}`"), tally)))
    {
        let shares: String = measures(&tally)
            .iter()
            .map(|(_, share)| format!(" {} |", with_interval(*share, STYLE)))
            .collect();
        writeln!(to, "| {name} |{shares}")?;
    }
    if let Some(other) = score.other() {
        let [faulty, healthy] = other.crashed;
        let versions = score.recorded.scanner_versions.as_deref().unwrap_or("not reported");
        writeln!(
            to,
            "\nThe scanner crashed on {faulty} faulty and {healthy} healthy runs. Versions: {versions}."
        )?;
    }
    if let Some(detect) = overall.detection_time {
        writeln!(
            to,
            "\nThe true cause was found within {} of the start.",
            detected(detect, STYLE)
        )?;
    }
    let matrix = score.matrix();
    let heads: String =
        matrix.columns.iter().map(|column| format!(" {} |", column.name())).collect();
    writeln!(to, "\n| truth |{heads}\n| --- |{}", " --- |".repeat(matrix.columns.len()))?;
    for (truth, counts) in &matrix.rows {
        writeln!(
            to,
            "| {truth} |{}",
            counts.iter().map(|count| format!(" {count} |")).collect::<String>()
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_as_many_cells_as_its_head() {
        let mut text = Vec::new();
        markdown(&crate::cmd::score::text::tests::made_up(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let bars: Vec<usize> = text
            .lines()
            .filter(|line| line.starts_with('|'))
            .map(|l| l.matches('|').count())
            .collect();
        assert_eq!(bars, [8, 8, 8, 8, 8, 8, 6, 6, 6, 6], "{text}");
        assert!(
            text.contains("| long-poll | 1 | 1 | 0 | 0 |\n| healthy | 0 | 0 | 1 | 0 |"),
            "{text}"
        );
    }
}
