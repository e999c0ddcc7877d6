//! The number of a task, read from its id by hashing it.

use std::hash::{Hash, Hasher};

/// The number inside a task's id. The id does not expose it, but its `Hash` writes nothing else.
#[inline]
pub fn number_of(id: &impl Hash) -> u64 {
    struct Number(u64);
    impl Hasher for Number {
        fn finish(&self) -> u64 {
            self.0
        }
        // The id calls this method; `write` is for later versions of tokio.
        fn write_u64(&mut self, number: u64) {
            self.0 = number;
        }
        fn write(&mut self, bytes: &[u8]) {
            let mut word = [0; 8];
            word.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
            self.0 = u64::from_ne_bytes(word);
        }
    }
    let mut number = Number(0);
    id.hash(&mut number);
    number.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_hashes_its_number() {
        assert_eq!(number_of(&std::num::NonZeroU64::MIN), 1);
    }
}
