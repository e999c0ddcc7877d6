//! Reads jemalloc's heap profile: text, with a line of addresses and a line of counts for each
//! stack, and the memory map at its end. Damaged lines are counted and skipped.
//!
//! The sum of objects of different sizes cannot be corrected for sampling by their mean size. This
//! version of jemalloc corrects each object, and writes counts that give the corrected sum if the
//! usual formula is applied to them.

/// A heap profile: sampled memory that was live.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heap {
    /// Mean bytes between samples.
    pub every: u64,
    /// Stacks with live memory.
    pub stacks: Vec<Held>,
    /// The text of the process' `/proc/self/maps`.
    pub maps: String,
    /// Number of damaged lines.
    pub damaged: usize,
    /// Whether the memory map is missing, because the profile is cut off.
    pub cut: bool,
}

/// Live memory of one stack.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Return addresses, innermost first.
    pub frames: Vec<u64>,
    /// Number of sampled objects.
    pub samples: f64,
    /// Bytes that the samples stand for.
    pub bytes: f64,
}

/// Parses a profile.
///
/// # Errors
/// If the first line is not that of a heap profile.
pub fn parse(text: &[u8]) -> anyhow::Result<Heap> {
    let text = String::from_utf8_lossy(text);
    let (profile, maps) = text.split_once("\nMAPPED_LIBRARIES:\n").unwrap_or((&text, ""));
    let mut lines = profile.lines();
    let every = lines.next().and_then(|first| first.strip_prefix("heap_v2/")?.trim().parse().ok());
    let every = every
        .filter(|every| *every > 0)
        .ok_or_else(|| anyhow::Error::msg("is not a heap profile of jemalloc"))?;
    let mut heap = Heap { every, maps: maps.to_owned(), cut: maps.is_empty(), ..Heap::default() };
    let pending = lines.map(str::trim).fold(None, |stack, line| heap.read(stack, line));
    heap.damaged += usize::from(pending.is_some());
    Ok(heap)
}

impl Heap {
    /// Reads a line. `stack` is the stack of the last line of addresses, while its counts are
    /// missing; the result is the same for the next line.
    fn read(&mut self, stack: Option<Vec<u64>>, line: &str) -> Option<Vec<u64>> {
        match (line.strip_prefix('@'), line.strip_prefix("t*:"), stack) {
            (Some(addresses), _, stack) => {
                self.damaged += usize::from(stack.is_some());
                let addresses: Option<_> = addresses.split_whitespace().map(address).collect();
                self.damaged += usize::from(addresses.is_none());
                addresses
            }
            (_, Some(counts), Some(stack)) => {
                self.add(stack, counts);
                None
            }
            (_, _, stack) => stack,
        }
    }

    /// Adds a stack with its line of counts.
    fn add(&mut self, frames: Vec<u64>, counts: &str) {
        match held(counts) {
            Some((objects, bytes)) if objects > 0.0 && bytes > 0.0 => {
                let drawn = -(-(bytes / objects) / self.every as f64).exp_m1();
                self.stacks.push(Held { frames, samples: objects, bytes: bytes / drawn });
            }
            Some(_) => {}
            None => self.damaged += 1,
        }
    }
}

fn address(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

/// Objects and bytes: `12: 3456 [0: 0]`.
fn held(counts: &str) -> Option<(f64, f64)> {
    let (objects, bytes) = counts.split_once(':')?;
    let whole = |text: &str| text.parse::<u64>().ok().map(|number| number as f64);
    Some((whole(objects.trim())?, whole(bytes.split_whitespace().next()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PROFILE: &str = "\
heap_v2/1000
  t*: 9: 12345 [0: 0]
  t0: 9: 12345 [0: 0] lab
@ 0x10 0x20
  t*: 2: 200 [0: 0]
  t0: 2: 200 [0: 0]
@ 0x30
  t*: 1: 1000000 [0: 0]
@ 0x40
  t*: 0: 0 [0: 0]

MAPPED_LIBRARIES:
1000-2000 r-xp 00000000 00:00 0 lab
";

    #[test]
    fn each_stack_is_unbiased() {
        let heap = parse(PROFILE.as_bytes()).unwrap();
        assert_eq!((heap.every, heap.damaged, heap.cut, heap.stacks.len()), (1_000, 0, false, 2));
        assert_eq!(
            (heap.stacks[0].frames.as_slice(), heap.stacks[0].samples),
            (&[0x10, 0x20][..], 2.0)
        );
        assert!((heap.stacks[0].bytes - 2_101.66).abs() < 0.1, "{heap:?}");
        assert!((heap.stacks[1].bytes - 1e6).abs() < 0.1);
        assert!(heap.maps.starts_with("1000-2000"));
    }

    #[test]
    fn damage_is_counted_and_the_rest_is_read() {
        let hurt = PROFILE.replace("0x10", "zero").replace("1: 1000000", "one: 1000000");
        let heap = parse(hurt.as_bytes()).unwrap();
        assert_eq!((heap.damaged, heap.stacks.len()), (2, 0));
        let cut = parse(&PROFILE.as_bytes()[..80]).unwrap();
        assert!(cut.cut && cut.stacks.is_empty() && cut.damaged == 1, "{cut:?}");
        assert!(parse(b"").is_err() && parse(b"heap_v2/0\n").is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn a_changed_byte_is_an_error_or_a_part(at in 0..PROFILE.len(), byte: u8) {
            let mut text = PROFILE.as_bytes().to_vec();
            text[at] = byte;
            if let Ok(heap) = parse(&text) {
                let valid = |held: &Held| held.bytes > 0.0 && held.bytes.is_finite();
                prop_assert!(heap.stacks.iter().all(valid));
            }
        }
    }
}
