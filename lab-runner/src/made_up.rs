//! Made-up runs and readers that several tests share.

use lab_analysis::requests::{Analysis, Interval, Intervals, Reading, Validity, ValidityVerdict};
use lab_recording::Ending;
use lab_recording::folder::Recording;
use lab_recording::outcome::Outcome;
use lab_recording::request_log::{Entry, Header};
use lab_recording::spec::Spec;
use serde_json::json;

/// A run of a side of a pair, with these metrics.
pub(crate) fn run(number: usize, side: &str, metrics: &[(&str, f64)]) -> Analysis {
    let spec: Spec = serde_json::from_value(json!({
        "format": 2, "scenario": "made-up", "variant": side, "kind": "fix", "about": "",
        "timeout_ms": 1, "purpose": {"is": "pair", "number": number, "side": side},
        "load": {"seed": number, "arrivals": "batch", "rate": 0.0, "warmup_ms": 0, "duration_ms": 0, "drain_ms": 0,
                 "workers": 1, "size": 1},
        "environment": {"os": "", "lab": "", "tokio_unstable": false, "optimised": true},
    }))
    .unwrap();
    let outcome = Outcome { ending: Ending::Finished, ..Outcome::unfinished("") };
    Analysis {
        recording: Recording { folder: "".into(), spec, outcome },
        metrics: metrics
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Reading::exact(*value)))
            .collect(),
        responses: None,
        over_time: Vec::new(),
        naive: None,
        validity: Validity { verdict: ValidityVerdict::Valid, reasons: Vec::new() },
        notes: Vec::new(),
        held: None,
        unread: Vec::new(),
    }
}

/// Ten requests of a tenth of a millisecond in each of two seconds.
pub(crate) fn two_seconds() -> Vec<anyhow::Result<Interval>> {
    const MS: u64 = 1_000_000;
    let start_ns = 1_000 * MS;
    let header = Header {
        scheduled: 20,
        excluded: 0,
        start_ns,
        window_ns: start_ns,
        stopped_ns: None,
        closed_ns: Some(start_ns + 5_000 * MS),
        pacer: None,
        cpu_ns: None,
        allocs: None,
        held: None,
        spins: true,
        cores: 2,
        spec: None,
    };
    let entry = |number: u64| {
        let intended_ns = start_ns + number * 100 * MS;
        Entry {
            intended_ns,
            sent_ns: Some(intended_ns + 1_000),
            first_poll_ns: Some(intended_ns + 51_000),
            ended_ns: Some(intended_ns + 100_000),
            lost: false,
            error: false,
        }
    };
    Intervals::new(header, (0..20).map(|number| Ok(entry(number))), None).collect()
}

/// A field of a message: its number, and its varint or its bytes.
pub(crate) type Field<'a> = (u64, Result<u64, &'a [u8]>);

pub(crate) fn varint(bytes: &mut &[u8]) -> u64 {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let (number, rest) = bytes.split_at(length);
    *bytes = rest;
    number.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
}

pub(crate) fn fields(mut bytes: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let number = varint(&mut bytes);
        let value = if key & 7 == 2 {
            let (inner, rest) = bytes.split_at(number as usize);
            bytes = rest;
            Err(inner)
        } else {
            Ok(number)
        };
        fields.push((key >> 3, value));
    }
    fields
}

pub(crate) fn nested<'a>(fields: &[Field<'a>], wanted: u64) -> Vec<&'a [u8]> {
    fields
        .iter()
        .filter(|(field, _)| *field == wanted)
        .map(|(_, value)| value.unwrap_err())
        .collect()
}

/// The numbers of one field, or nothing.
pub(crate) fn number(fields: &[Field<'_>], wanted: u64) -> Option<u64> {
    fields.iter().find(|(field, _)| *field == wanted)?.1.ok()
}
