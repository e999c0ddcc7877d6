//! Durations in 25 bits: 20 bits of significance and an exponent of 5 bits.
//!
//! A duration below 2²⁰ ns, about a millisecond, is exact. A longer one loses its last bits: at
//! most one part in half a million. *Example:* 3 000 001 ns has 22 bits, so its last two are lost,
//! and it is read back as 3 000 000 ns.

/// Bits of significance.
const DIGITS: u32 = 20;
/// Bits of a duration.
pub(super) const BITS: u32 = DIGITS + 5;

/// A duration, rounded down; 2⁵¹ ns at most, which is 26 days.
pub(super) fn short(ns: u64) -> u64 {
    let exponent = (u64::BITS - ns.leading_zeros()).saturating_sub(DIGITS);
    if exponent > 31 {
        return (1 << BITS) - 1;
    }
    u64::from(exponent) << DIGITS | ns >> exponent
}

/// The nanoseconds of a short duration.
pub(super) fn long(short: u64) -> u64 {
    (short & ((1 << DIGITS) - 1)) << (short >> DIGITS & 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn short_durations_are_exact_and_long_ones_lose_their_last_bits() {
        assert_eq!(long(short(0)), 0);
        assert_eq!(long(short((1 << 20) - 1)), (1 << 20) - 1);
        assert_eq!(long(short(3_000_001)), 3_000_000);
        assert_eq!(long(short(u64::MAX)), (1 << 51) - (1 << 31));
    }

    proptest! {
        #[test]
        fn rounding_is_down_and_by_little(ns in 0..1_u64 << 51) {
            let read = long(short(ns));
            prop_assert!(short(ns) < 1 << BITS);
            prop_assert!(read <= ns && (ns - read) as f64 <= ns as f64 / f64::from(1 << 19));
        }
    }
}
