//! The result of a sweep: how the cost of each variant grows, and what the largest size costs.

use crate::report::html::WORDS;
use crate::report::html::headline::STEEP;
use crate::report::html::table::{Cell, Table};
use crate::report::sweep::FITTED;
use crate::report::units::{grouped, three_digits, time};
use lab_analysis::growth::Growth;
use lab_analysis::growth::sweep::{Sweep, SweptVariant};

/// The exponents, steepest first.
pub(crate) fn table(sweep: &Sweep) -> Option<Table> {
    let largest = sweep.largest_of_all("cpu_ms").unwrap_or_default();
    let least = sweep
        .variants
        .iter()
        .filter_map(|swept| swept.median_at("cpu_ms", largest))
        .reduce(f64::min);
    let mut variants: Vec<&SweptVariant> = sweep.variants.iter().collect();
    let steepness = |swept: &SweptVariant| {
        sweep.growth(swept, FITTED[0].0).map_or(f64::NEG_INFINITY, |growth| growth.exponent)
    };
    variants.sort_by(|a, b| steepness(b).total_cmp(&steepness(a)));
    let mut heads = vec![Cell::text("variant"), Cell::text("kind")];
    heads.extend(FITTED.map(|(_, name, _)| Cell::number(format!("exponent of {name}"))));
    heads.push(Cell::number(format!("CPU time at {}", grouped(largest as i64))));
    heads.push(Cell::number("times the least"));
    let mut rows = Vec::new();
    let mut notes: Vec<String> = Vec::new();
    for swept in variants {
        let mut row =
            vec![Cell::text(&swept.variant), Cell::of_class(swept.kind.to_string(), "dim")];
        for (metric, ..) in FITTED {
            let growth = sweep.growth(swept, metric);
            notes.extend(growth.as_ref().err().map(|why| format!("Not measured: {why}.")));
            row.push(exponent(growth.as_ref().ok()));
        }
        let ms = swept.median_at("cpu_ms", largest);
        row.push(ms.map_or_else(|| Cell::faint("-"), |ms| Cell::number(time(ms * 1e3, WORDS))));
        row.push(ms.zip(least).map_or_else(
            || Cell::faint("-"),
            |(ms, least)| Cell::number(three_digits(ms / least)),
        ));
        rows.push(row);
    }
    notes.sort();
    notes.dedup();
    let all = || {
        FITTED.iter().flat_map(|(metric, ..)| {
            sweep.variants.iter().map(move |swept| sweep.growth(swept, metric))
        })
    };
    if all().flatten().any(|growth| !growth.pure) {
        notes.push("~ the curve bends: the exponent is that of the three largest sizes.".into());
    }
    notes.insert(
        0,
        "Twice the input costs 2 to the power of the exponent: 1 is linear, 2 is quadratic.".into(),
    );
    Table::new("How the cost grows with the size of the input, with 95 % intervals", heads, rows)
        .noted(notes)
        .some()
}

/// `1.98 (1.97 to 1.99)`, in red where it is steep.
fn exponent(growth: Option<&Growth>) -> Cell {
    let Some(growth) = growth else { return Cell::faint("not measured") };
    let bent = if growth.pure { "" } else { " ~" };
    let text = format!("{:.2} ({:.2} to {:.2}){bent}", growth.exponent, growth.low, growth.high);
    Cell::of_class(text, if growth.low > STEEP { "n bad" } else { "n" })
}
