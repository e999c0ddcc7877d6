//! Indexing of documents: the service counts the words of a file.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::collections::HashMap;
use tracing::instrument;

/// The words of a document and how often each occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Bytes of the document.
    pub bytes: usize,
    /// Occurrences by word, in lower case.
    pub words: HashMap<String, u32>,
}

impl Index {
    /// Indexes a text. The whole call is computation without an await.
    #[inline(never)] // so that a profile shows the function
    #[instrument(name = "index", skip_all)]
    pub fn of(text: &str) -> Index {
        let mut words: HashMap<String, u32> = HashMap::new();
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            *words.entry(word.to_lowercase()).or_default() += 1;
        }
        Index { bytes: text.len(), words }
    }
}

/// A text of `bytes` bytes, generated from a seed.
pub fn generate(seed: u64, bytes: usize) -> String {
    const SYLLABLES: [&str; 12] =
        ["ta", "ro", "mi", "lan", "ke", "vo", "su", "der", "pi", "non", "gra", "el"];
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        for _ in 0..rng.random_range(1..=3) {
            text.push_str(SYLLABLES[rng.random_range(0..SYLLABLES.len())]);
        }
        text.push(if rng.random_ratio(1, 12) { '\n' } else { ' ' });
    }
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_whatever_their_case() {
        let index = Index::of("Tokio, tokio!\nNaïve tokio");
        assert_eq!(
            (index.bytes, index.words["tokio"], index.words["naïve"], index.words.len()),
            (26, 3, 1, 2)
        );
    }

    #[test]
    fn generated_text_has_the_requested_size_and_depends_on_the_seed() {
        assert_eq!(generate(7, 10_000).len(), 10_000);
        assert_eq!(generate(7, 10_000), generate(7, 10_000));
        assert_ne!(generate(7, 10_000), generate(8, 10_000));
        assert!(Index::of(&generate(7, 100_000)).words.len() > 100);
    }
}
