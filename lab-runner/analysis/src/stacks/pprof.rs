//! Profiles for other people's tools: `go tool pprof`, Firefox Profiler, Speedscope and flame graph services.
//!
//! The format is gzip around a protobuf message of six kinds of fields.

use crate::protobuf::Message;
use crate::stacks::Folded;
use anyhow::{Result, ensure};
use flate2::{Compression, write::GzEncoder};
use std::collections::BTreeMap;
use std::io::Write;

/// The largest whole number that a float holds exactly; no honest count comes near.
const MOST: f64 = 9_007_199_254_740_992.0;

/// Fields of `perftools.profiles.Profile`, by their numbers in `profile.proto`.
mod field {
    pub const SAMPLE_TYPE: u64 = 1;
    pub const SAMPLE: u64 = 2;
    pub const LOCATION: u64 = 4;
    pub const FUNCTION: u64 = 5;
    pub const STRING_TABLE: u64 = 6;
    pub const LOCATION_LINE: u64 = 4;
}

/// The profile in the pprof format, compressed: one sample for each stack, weights rounded to whole numbers.
///
/// `kind` and `unit` say what is weighed, as pprof words it: `cpu` in `nanoseconds`, `alloc_space` in `bytes`,
/// `samples` in `count`. Give it the weights of the whole profile; those of one operation would be rounded away.
///
/// # Errors
/// If there are no samples or too large weights.
pub fn gzipped(folded: &Folded, kind: &str, unit: &str) -> Result<Vec<u8>> {
    ensure!(folded.stacks().any(|(_, weight)| weight >= 0.5), "no samples: there is no {kind} to write");
    ensure!(folded.total() <= MOST, "a total of {:e} {unit} is too large for pprof", folded.total());
    let mut to = GzEncoder::new(Vec::new(), Compression::default());
    to.write_all(profile(folded, kind, unit).written())?;
    Ok(to.finish()?)
}

fn profile(folded: &Folded, kind: &str, unit: &str) -> Message {
    let mut table = Table::default();
    let mut message = Message::default();
    let sample_type = Message::of([(1, table.index(kind)), (2, table.index(unit))]);
    message.nested(field::SAMPLE_TYPE, &sample_type);
    let mut functions = BTreeMap::new();
    for (frames, weight) in folded.stacks() {
        message.nested(field::SAMPLE, &sample(&frames, weight, &mut functions));
    }
    let mut ids: Vec<(u64, &str)> = functions.into_iter().map(|(name, id)| (id, name)).collect();
    ids.sort_unstable();
    for (id, name) in ids {
        let name = table.index(name);
        // The system's name (field 3) stays empty: pprof takes equal names for mangled ones, and "demangles" the
        // brackets of `<Order as Drop>::drop` away.
        message.nested(field::FUNCTION, &Message::of([(1, id), (2, name)]));
        message.nested(field::LOCATION, &location(id));
    }
    table.strings.iter().for_each(|string| message.bytes(field::STRING_TABLE, string.as_bytes()));
    message
}

/// A stack with its weight. In this format the leaf comes first.
fn sample<'a>(frames: &[&'a str], weight: f64, functions: &mut BTreeMap<&'a str, u64>) -> Message {
    let mut locations = Message::default();
    for frame in frames.iter().rev() {
        let next = functions.len() as u64 + 1;
        locations.varint(*functions.entry(frame).or_insert(next));
    }
    let mut weights = Message::default();
    weights.varint(weight.round() as u64);
    let mut sample = Message::default();
    sample.nested(1, &locations);
    sample.nested(2, &weights);
    sample
}

/// A function's only place: nobody kept the lines.
fn location(function: u64) -> Message {
    let mut location = Message::of([(1, function)]);
    location.nested(field::LOCATION_LINE, &Message::of([(1, function)]));
    location
}

/// Strings that the message refers to by their place; the first one must be empty.
struct Table<'a> {
    strings: Vec<&'a str>,
}

impl Default for Table<'_> {
    fn default() -> Self {
        Table { strings: vec![""] }
    }
}

impl<'a> Table<'a> {
    /// The place of a string that is new but for the first few.
    fn index(&mut self, string: &'a str) -> u64 {
        self.strings.push(string);
        self.strings.len() as u64 - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::tests::{fields, nested, varint};
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn numbers(bytes: &[u8]) -> Vec<u64> {
        fields(bytes).into_iter().filter_map(|(_, value)| value.ok()).collect()
    }

    fn packed(mut bytes: &[u8]) -> Vec<u64> {
        std::iter::from_fn(|| (!bytes.is_empty()).then(|| varint(&mut bytes))).collect()
    }

    fn decoded(gzipped: &[u8]) -> (Folded, [String; 2]) {
        let mut bytes = Vec::new();
        GzDecoder::new(gzipped).read_to_end(&mut bytes).unwrap();
        let profile = fields(&bytes);
        let strings: Vec<&str> =
            nested(&profile, 6).into_iter().map(|string| std::str::from_utf8(string).unwrap()).collect();
        assert_eq!(strings[0], "");
        let functions: BTreeMap<u64, &str> =
            nested(&profile, 5).into_iter().map(numbers).map(|f| (f[0], strings[f[1] as usize])).collect();
        let location = |bytes| (numbers(bytes)[0], functions[&numbers(nested(&fields(bytes), 4)[0])[0]]);
        let locations: BTreeMap<u64, &str> = nested(&profile, 4).into_iter().map(location).collect();
        let mut folded = Folded::default();
        for sample in nested(&profile, 2) {
            let sample = fields(sample);
            let (ids, weights) = (packed(nested(&sample, 1)[0]), packed(nested(&sample, 2)[0]));
            folded.add(ids.iter().rev().map(|id| locations[id]), weights[0] as f64);
        }
        let kinds = numbers(nested(&profile, 1)[0]);
        (folded, [kinds[0], kinds[1]].map(|index| strings[index as usize].to_owned()))
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = "[thread start];[tokio];shop::…::import::{closure} 40\n\
            [thread start];[tokio];shop::…::import::{closure};serde_json::de::from_str 812000\n\
            [tokio];walk;walk;walk 300\ncpu 3\n";
        let many: String = (0..300).map(|i| format!("root;f{i} {}\n", 1_u64 << (i % 50))).collect();
        for text in [text, &many] {
            let folded = Folded::parse(text.as_bytes()).folded;
            let written = gzipped(&folded, "cpu", "nanoseconds").unwrap();
            assert_eq!(decoded(&written), (folded.clone(), ["cpu".into(), "nanoseconds".into()]));
            assert_eq!(written, gzipped(&folded, "cpu", "nanoseconds").unwrap(), "no time and no chance is in it");
        }
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let error = |text: &[u8]| gzipped(&Folded::parse(text).folded, "cpu", "ns").unwrap_err().to_string();
        assert_eq!(error(b""), "no samples: there is no cpu to write");
        assert_eq!(error(b"a 0.2\n"), "no samples: there is no cpu to write");
        assert_eq!(error(b"a 1e300\n"), "a total of 1e300 ns is too large for pprof");
    }
}
