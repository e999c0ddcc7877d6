//! A small set of task kinds: those that wait for a worker are few of many, and are gone through at
//! each of its steps.

/// The largest number of task kinds; further spawn locations share one.
pub const MOST_GROUPS: usize = 256;

/// Numbers below [`MOST_GROUPS`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Bits([u64; MOST_GROUPS / 64]);

impl Bits {
    pub fn set(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }

    pub fn clear(&mut self, number: usize) {
        self.0[number / 64] &= !(1 << (number % 64));
    }

    /// The numbers in the set when this was called, ascending.
    pub fn iter(self) -> Numbers {
        Numbers { words: self.0, word: 0 }
    }
}

/// See [`Bits::iter`].
pub struct Numbers {
    words: [u64; MOST_GROUPS / 64],
    word: usize,
}

impl Iterator for Numbers {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        loop {
            let bits = self.words.get_mut(self.word)?;
            if *bits != 0 {
                let number = self.word * 64 + bits.trailing_zeros() as usize;
                *bits &= *bits - 1;
                return Some(number);
            }
            self.word += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_a_set_in_order(steps in prop::collection::vec((any::<bool>(), 0..MOST_GROUPS), 0..100)) {
            let (mut bits, mut set) = (Bits::default(), BTreeSet::new());
            for (put, number) in steps {
                if put {
                    bits.set(number);
                    set.insert(number);
                } else {
                    bits.clear(number);
                    set.remove(&number);
                }
                prop_assert!(bits.iter().eq(set.iter().copied()));
            }
        }
    }
}
