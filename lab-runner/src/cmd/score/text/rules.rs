//! The text of the rules of the diagnosis.

use crate::report::Style;
use crate::report::findings::WIDTH;
use crate::report::table::{BOLD, DIM};
use crate::report::units::{ascii, wrapped};
use lab_analysis::diagnosis::rules::{ONCE, RULES, Rule};
use std::io::{self, Write};

/// Prints every rule.
pub(crate) fn print_rules(style: Style, to: &mut dyn Write) -> io::Result<()> {
    for (number, rule) in RULES.iter().enumerate() {
        if number > 0 {
            writeln!(to)?;
        }
        writeln!(to, "{BOLD}{}{BOLD:#}, of {}", rule.cause, rule.of)?;
        print_rule(rule, style, to)?;
    }
    Ok(())
}

fn print_rule(rule: &Rule, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for limit in rule.when {
        let sign = limit.sign.in_words(limit.least);
        let text = if limit.why == ONCE { sign } else { format!("{sign}, or more: {}", limit.why) };
        print_part("if", &text, style, to)?;
    }
    print_part("refuted by", rule.refuted_by, style, to)?;
    print_part("remedy", rule.remedy, style, to)
}

fn print_part(name: &str, text: &str, style: Style, to: &mut dyn Write) -> io::Result<()> {
    for (number, line) in wrapped(text, WIDTH).iter().enumerate() {
        writeln!(
            to,
            "  {DIM}{:<11}{DIM:#}{}",
            if number == 0 { name } else { "" },
            ascii(line, style)
        )?;
    }
    Ok(())
}
