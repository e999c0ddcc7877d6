//! Numbers for people: three digits and a unit.

/// A time given in microseconds.
pub fn time_us(us: f64) -> String {
    let (value, unit) = match us {
        us if us >= 999_500.0 => (us / 1e6, "s"),
        us if us >= 999.5 => (us / 1e3, "ms"),
        us if us >= 0.9995 => (us, "µs"),
        us => (us * 1e3, "ns"),
    };
    format!("{} {unit}", three_digits(value))
}

/// A time given in milliseconds.
pub fn time_ms(ms: f64) -> String {
    time_us(ms * 1e3)
}

/// A share in per cent.
pub fn percent(share: f64) -> String {
    format!("{} %", three_digits(100.0 * share))
}

/// A count as it is, anything else to three digits.
pub fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        grouped(value as i64)
    } else {
        three_digits(value)
    }
}

/// A plain number to three digits, without an exponent.
pub fn three_digits(value: f64) -> String {
    match value.abs() {
        v if v >= 99.95 => grouped(value.round() as i64),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.9995 || v == 0.0 => format!("{value:.2}"),
        v if v >= 0.01 => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

/// A whole number in groups of three.
pub fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = String::from(if value < 0 { "-" } else { "" });
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A size in bytes, as the command line takes it.
pub fn bytes(bytes: usize) -> String {
    match bytes {
        b if b >= 1_000_000 && b.is_multiple_of(1_000_000) => format!("{} MB", b / 1_000_000),
        b if b >= 1_000 && b.is_multiple_of(1_000) => format!("{} kB", b / 1_000),
        b => format!("{b} B"),
    }
}

/// A measured amount of memory in three digits: `26.6 kB`, `22.1 MB`.
pub fn memory(bytes: f64) -> String {
    match bytes {
        b if b >= 1e6 => format!("{} MB", three_digits(b / 1e6)),
        b if b >= 1e3 => format!("{} kB", three_digits(b / 1e3)),
        b => format!("{b:.0} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_three_digits() {
        assert_eq!(
            [512.0, 26_571.0, 22_142_904.0].map(memory),
            ["512 bytes", "26.6 kB", "22.1 MB"]
        );
    }

    #[test]
    fn times_have_three_digits_and_a_fitting_unit() {
        let cases = [
            (0.1, "100 ns"),
            (0.9999, "1.00 µs"),
            (12.34, "12.3 µs"),
            (999.6, "1.00 ms"),
            (18_700.0, "18.7 ms"),
            (1_302_000.0, "1.30 s"),
            (0.0, "0.00 ns"),
        ];
        for (us, text) in cases {
            assert_eq!(time_us(us), text);
        }
    }

    #[test]
    fn numbers_are_grouped_and_sizes_read_back() {
        assert_eq!(
            (grouped(0), grouped(999), grouped(1_234_567)),
            ("0".into(), "999".into(), "1 234 567".into())
        );
        assert_eq!(
            (bytes(16_000), bytes(1_024), bytes(2_000_000)),
            ("16 kB".into(), "1024 B".into(), "2 MB".into())
        );
        assert_eq!(three_digits(0.0234), "0.023");
    }
}
