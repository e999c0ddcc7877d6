//! Tasks that are alive, as bits in small pages: tokio numbers tasks one after the other, so that
//! those alive are near each other.

use crate::scheduler::lanes::Quick;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Words of a page.
const WORDS: usize = 8;
/// Tasks of a page.
const TASKS: u64 = WORDS as u64 * 64;

/// A set of tasks. Pages without any are given back.
#[derive(Default)]
pub struct Live {
    pages: HashMap<u64, [u64; WORDS], Quick>,
}

/// The page of a task, its word and its bit.
#[inline]
fn place(task: u64) -> (u64, usize, u64) {
    (task / TASKS, (task % TASKS / 64) as usize, 1 << (task % 64))
}

impl Live {
    #[inline]
    pub fn insert(&mut self, task: u64) {
        let (page, word, bit) = place(task);
        self.pages.entry(page).or_default()[word] |= bit;
    }

    /// Whether it was alive.
    #[inline]
    pub fn remove(&mut self, task: u64) -> bool {
        let (page, word, bit) = place(task);
        let Entry::Occupied(mut page) = self.pages.entry(page) else { return false };
        let was = page.get()[word] & bit != 0;
        page.get_mut()[word] &= !bit;
        if was && *page.get() == [0; WORDS] {
            page.remove();
        }
        was
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    proptest! {
        #[test]
        fn it_is_a_set_and_keeps_no_empty_page(steps in prop::collection::vec((any::<bool>(), prop_oneof![0..2_000_u64, any::<u64>()]), 0..300)) {
            let (mut live, mut set) = (Live::default(), HashSet::new());
            for (insert, task) in steps {
                if insert {
                    live.insert(task);
                    set.insert(task);
                } else {
                    prop_assert_eq!(live.remove(task), set.remove(&task));
                }
                let pages: HashSet<u64> = set.iter().map(|task| task / TASKS).collect();
                prop_assert_eq!(live.pages.len(), pages.len());
            }
            for task in set {
                prop_assert!(live.remove(task));
            }
            prop_assert!(live.pages.is_empty());
        }
    }
}
