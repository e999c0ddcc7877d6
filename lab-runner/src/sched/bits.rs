//! A small set of groups: those that wait for a worker are few of many, and are gone through at each of its steps.

/// Groups that are told apart; those of further places are one.
pub(super) const MOST_GROUPS: usize = 256;

/// Numbers below [`MOST_GROUPS`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bits([u64; MOST_GROUPS / 64]);

impl Bits {
    pub(super) fn set(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub(super) fn clear(&mut self, number: usize) {
        self.0[number / 64] &= !(1 << (number % 64));
    }

    /// The numbers in the set when this was called, ascending.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(word, bits)| {
            let lowest = |bits: &u64| Some(bits & (bits - 1)).filter(|rest| *rest != 0);
            let rest = std::iter::successors(Some(bits).filter(|bits| *bits != 0), lowest);
            rest.map(move |bits| word * 64 + bits.trailing_zeros() as usize)
        })
    }
}
