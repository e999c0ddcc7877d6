//! Profiles for other people's tools: `go tool pprof`, Firefox Profiler, Speedscope and flame graph
//! services.
//!
//! The format is gzip around a protobuf message of seven kinds of fields.

use crate::protobuf::Message;
use crate::stacks::Folded;
use anyhow::{Result, ensure};
use flate2::{Compression, write::GzEncoder};
use lab_recording::frame::Frame;
use std::collections::{BTreeMap, HashMap};
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
    pub const DEFAULT_SAMPLE_TYPE: u64 = 14;
    pub const LOCATION_LINE: u64 = 4;
}

/// The type of a value of a sample, in the terms of pprof: `cpu` in `nanoseconds`, `alloc_space` in
/// `bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueType {
    /// The measured quantity.
    pub kind: &'static str,
    /// Its unit: `nanoseconds`, `bytes`, `count`.
    pub unit: &'static str,
}

impl ValueType {
    /// The number of samples behind the other values.
    pub const SAMPLES: ValueType = ValueType { kind: "samples", unit: "count" };

    /// A time.
    pub const fn time(kind: &'static str) -> ValueType {
        ValueType { kind, unit: "nanoseconds" }
    }
}

/// A profile that grows by its samples. Equal stacks are added up.
#[derive(Clone, Debug)]
pub struct Pprof {
    types: Vec<ValueType>,
    /// Functions and lines by their numbers.
    places: HashMap<FunctionLine, u64>,
    /// Numbers of places, innermost first, with the values of that stack.
    samples: BTreeMap<Vec<u64>, Vec<f64>>,
}

/// A line of a function. An inlined function has places of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct FunctionLine {
    function: String,
    file: String,
    /// The line where the function begins, or 0.
    start: u32,
    /// The line that ran, or 0.
    line: u32,
}

impl Pprof {
    /// A profile without samples, each of which will have a value of each of these types. Tools
    /// show the last type unless they are asked for another.
    pub fn new(types: &[ValueType]) -> Pprof {
        Pprof { types: types.to_vec(), places: HashMap::new(), samples: BTreeMap::new() }
    }

    /// Adds a stack, innermost function first, with a value of each type. `start_of` knows the line
    /// where a function begins.
    pub fn add(
        &mut self,
        stack: &[Frame],
        values: &[f64],
        start_of: impl Fn(&Frame) -> Option<u32>,
    ) {
        let places = stack.iter().map(|frame| FunctionLine {
            function: frame.function.clone(),
            file: frame.file.clone().unwrap_or_default(),
            start: start_of(frame).unwrap_or(0),
            line: frame.line.unwrap_or(0),
        });
        let stack = places.collect::<Vec<_>>();
        self.add_places(stack, values);
    }

    /// A profile of stacks whose functions have no lines: spans, or what an older lab recorded.
    pub fn without_lines(folded: &Folded, kind: ValueType) -> Pprof {
        let mut profile = Pprof::new(&[kind]);
        for (frames, weight) in folded.stacks() {
            let function = |name: &&str| FunctionLine {
                function: (*name).to_owned(),
                file: String::new(),
                start: 0,
                line: 0,
            };
            profile.add_places(frames.iter().rev().map(function).collect(), &[weight]);
        }
        profile
    }

    fn add_places(&mut self, stack: Vec<FunctionLine>, values: &[f64]) {
        let mut numbers = Vec::with_capacity(stack.len());
        for place in stack {
            let next = self.places.len() as u64 + 1;
            numbers.push(*self.places.entry(place).or_insert(next));
        }
        let sums = self.samples.entry(numbers).or_insert_with(|| vec![0.0; values.len()]);
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    }

    /// The profile in the pprof format, compressed: one sample for each stack, values rounded to
    /// whole numbers.
    ///
    /// # Errors
    /// If there are no samples or too large values.
    pub fn gzipped(&self) -> Result<Vec<u8>> {
        let last = self.types.len().saturating_sub(1);
        let kind = self.types.last().map_or("value", |kind| kind.kind);
        let values = || self.samples.values().filter_map(|values| values.get(last));
        ensure!(values().any(|value| *value >= 0.5), "no samples: nothing to write for {kind}");
        let total: f64 = values().sum();
        ensure!(total <= MOST, "a total of {total:e} of {kind} is too large for pprof");
        let mut to = GzEncoder::new(Vec::new(), Compression::default());
        to.write_all(self.message().written())?;
        Ok(to.finish()?)
    }

    fn message(&self) -> Message {
        let mut strings = Strings::default();
        let mut message = Message::default();
        for kind in &self.types {
            let (name, unit) = (strings.index(kind.kind), strings.index(kind.unit));
            message.nested(field::SAMPLE_TYPE, &Message::from_numbers([(1, name), (2, unit)]));
        }
        for (stack, values) in &self.samples {
            message.nested(field::SAMPLE, &sample(stack, values));
        }
        let mut places: Vec<(u64, &FunctionLine)> =
            self.places.iter().map(|(place, number)| (*number, place)).collect();
        places.sort_unstable();
        let mut functions: HashMap<(&str, &str), u64> = HashMap::new();
        for (number, place) in places {
            let next = functions.len() as u64 + 1;
            let function = *functions.entry((&place.function, &place.file)).or_insert(next);
            if function == next {
                message.nested(field::FUNCTION, &function_of(place, function, &mut strings));
            }
            message.nested(field::LOCATION, &location(number, function, place.line));
        }
        let default = self.types.last().map_or(0, |kind| strings.index(kind.kind));
        message.number(field::DEFAULT_SAMPLE_TYPE, default);
        strings.all.iter().for_each(|string| message.bytes(field::STRING_TABLE, string.as_bytes()));
        message
    }
}

/// A stack with its values.
fn sample(stack: &[u64], values: &[f64]) -> Message {
    let (mut locations, mut weights) = (Message::default(), Message::default());
    stack.iter().for_each(|number| locations.varint(*number));
    values.iter().for_each(|value| weights.varint(value.round() as u64));
    Message::default().holding(1, &locations).holding(2, &weights)
}

fn function_of<'a>(place: &'a FunctionLine, number: u64, strings: &mut Strings<'a>) -> Message {
    let (name, file) = (strings.index(&place.function), strings.index(&place.file));
    // The system's name (field 3) stays empty: pprof takes equal names for mangled ones, and
    // "demangles" the brackets of `<Order as Drop>::drop` away.
    Message::from_numbers([(1, number), (2, name), (4, file), (5, u64::from(place.start))])
}

fn location(number: u64, function: u64, line: u32) -> Message {
    let line = Message::from_numbers([(1, function), (2, u64::from(line))]);
    Message::from_numbers([(1, number)]).holding(field::LOCATION_LINE, &line)
}

/// Strings that the message refers to by their place; the first one must be empty.
struct Strings<'a> {
    all: Vec<&'a str>,
    known: HashMap<&'a str, u64>,
}

impl Default for Strings<'_> {
    fn default() -> Self {
        Strings { all: vec![""], known: HashMap::from([("", 0)]) }
    }
}

impl<'a> Strings<'a> {
    fn index(&mut self, string: &'a str) -> u64 {
        let next = self.all.len() as u64;
        let index = *self.known.entry(string).or_insert(next);
        if index == next {
            self.all.push(string);
        }
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::tests::{fields, nested, number, varint};
    use flate2::read::GzDecoder;
    use std::io::Read;

    fn packed(mut bytes: &[u8]) -> Vec<u64> {
        std::iter::from_fn(|| (!bytes.is_empty()).then(|| varint(&mut bytes))).collect()
    }

    /// What a reader of the format finds: types, the default one, and lines like `outer
    /// (file:start):line;inner 7 3`.
    fn decoded(gzipped: &[u8]) -> (Vec<String>, String, Vec<String>) {
        let mut bytes = Vec::new();
        GzDecoder::new(gzipped).read_to_end(&mut bytes).unwrap();
        let profile = fields(&bytes);
        let strings: Vec<&str> =
            nested(&profile, 6).into_iter().map(|s| std::str::from_utf8(s).unwrap()).collect();
        assert_eq!(strings[0], "");
        let text = |bytes: &[u8], field| strings[number(&fields(bytes), field).unwrap() as usize];
        let mut functions = BTreeMap::new();
        for function in nested(&profile, 5) {
            let start = number(&fields(function), 5).unwrap();
            let shown = format!("{} ({}:{start})", text(function, 2), text(function, 4));
            functions.insert(number(&fields(function), 1).unwrap(), shown);
        }
        let mut locations = BTreeMap::new();
        for location in nested(&profile, 4) {
            let location = fields(location);
            let line = fields(nested(&location, 4)[0]);
            let function = &functions[&number(&line, 1).unwrap()];
            let shown = format!("{function}:{}", number(&line, 2).unwrap());
            locations.insert(number(&location, 1).unwrap(), shown);
        }
        let types = nested(&profile, 1);
        let types =
            types.iter().map(|kind| format!("{}/{}", text(kind, 1), text(kind, 2))).collect();
        let mut stacks = Vec::new();
        for sample in nested(&profile, 2) {
            let sample = fields(sample);
            let stack = packed(nested(&sample, 1)[0]);
            let values = packed(nested(&sample, 2)[0]);
            let names: Vec<&str> = stack.iter().rev().map(|id| locations[id].as_str()).collect();
            stacks.push(format!("{} {values:?}", names.join(";")));
        }
        stacks.sort();
        let default = strings[number(&profile, 14).unwrap() as usize].to_owned();
        (types, default, stacks)
    }

    fn frame(function: &str, line: u32) -> Frame {
        let file = Some(format!("/src/{function}.rs"));
        Frame { function: function.into(), file, line: Some(line) }
    }

    #[test]
    fn functions_have_files_and_lines_and_equal_stacks_are_added_up() {
        let mut profile = Pprof::new(&[ValueType::SAMPLES, ValueType::time("cpu")]);
        let start = |frame: &Frame| (frame.function == "buggy").then_some(7);
        let parsing = [frame("parse", 90), frame("buggy", 11), frame("main", 3)];
        let storing = [frame("buggy", 13), frame("main", 3)];
        let unknown = Frame { function: "<[u8; 8] as Debug>::fmt".into(), file: None, line: None };
        profile.add(&parsing, &[2.0, 8e6], start);
        profile.add(&storing, &[1.0, 4e6], start);
        profile.add(&parsing, &[1.0, 4e6], start);
        profile.add(&[unknown], &[1.0, 4e6], start);
        let (types, default, stacks) = decoded(&profile.gzipped().unwrap());
        assert_eq!(
            (types.join(" "), default.as_str()),
            ("samples/count cpu/nanoseconds".into(), "cpu")
        );
        let main = "main (/src/main.rs:0):3";
        assert_eq!(
            stacks,
            [
                "<[u8; 8] as Debug>::fmt (:0):0 [1, 4000000]".to_owned(),
                format!(
                    "{main};buggy (/src/buggy.rs:7):11;parse (/src/parse.rs:0):90 [3, 12000000]"
                ),
                format!("{main};buggy (/src/buggy.rs:7):13 [1, 4000000]"),
            ]
        );
        assert_eq!(profile.gzipped().unwrap(), profile.gzipped().unwrap(), "no time and no chance");
    }

    #[test]
    fn stacks_without_lines_read_back() {
        let text = "[tokio];walk;walk;walk 300\ncpu 3\nshop::import::{closure};parse 812000\n";
        let many: String = (0..300).map(|i| format!("root;f{i} {}\n", 1_u64 << (i % 50))).collect();
        for text in [text, &many] {
            let folded = Folded::parse(text.as_bytes()).folded;
            let profile = Pprof::without_lines(&folded, ValueType::time("wall"));
            let (types, default, stacks) = decoded(&profile.gzipped().unwrap());
            assert_eq!((types.join(" "), default.as_str()), ("wall/nanoseconds".into(), "wall"));
            let read: Vec<String> = stacks.iter().map(|line| line.replace(" (:0):0", "")).collect();
            let mut wanted: Vec<String> = folded
                .stacks()
                .map(|(frames, weight)| format!("{} [{weight}]", frames.join(";")))
                .collect();
            wanted.sort();
            assert_eq!(read, wanted);
        }
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let error = |text: &[u8]| {
            let folded = Folded::parse(text).folded;
            let profile = Pprof::without_lines(&folded, ValueType::time("cpu"));
            profile.gzipped().unwrap_err().to_string()
        };
        assert_eq!(error(b""), "no samples: nothing to write for cpu");
        assert_eq!(error(b"a 0.2\n"), "no samples: nothing to write for cpu");
        assert_eq!(error(b"a 1e300\n"), "a total of 1e300 of cpu is too large for pprof");
    }
}
