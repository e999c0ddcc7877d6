//! Statistics: paired estimates with intervals, shares with intervals.

pub mod estimate;
pub mod signed_rank;

/// The sum of counts from a file, which may be damaged: a sum that has no room stays the largest.
pub fn total(counts: impl IntoIterator<Item = u64>) -> u64 {
    counts.into_iter().fold(0, u64::saturating_add)
}

/// The middle value, or the mean of the two in the middle. There must be one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[half - 1], values[half])
    } else {
        values[half]
    }
}
