//! Every response of a run and its parts as an interval log, the format of HdrHistogram's tools:
//! quantiles of any stretch of the run, by whoever has them.

use crate::export::{Exported, file_name};
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use lab_analysis::requests::{self, Interval};
use lab_recording::folder::Recording;

/// Times are recorded in nanoseconds, and the log tells its maxima in milliseconds, as its readers
/// expect.
const NS_IN_MS: f64 = 1e6;

/// The run's interval log: a line a second for each part of a response, each with the part's tag.
/// Nothing if the run sent no requests.
///
/// # Errors
/// If the request log is damaged.
pub fn hlog(recording: &Recording) -> anyhow::Result<Option<Exported>> {
    let Some(intervals) = requests::intervals(recording)? else { return Ok(None) };
    let spec = &recording.spec;
    let run = recording
        .folder
        .file_name()
        .map_or_else(|| spec.variant.clone(), |name| name.to_string_lossy().into());
    let about =
        format!("{} {}, seconds since its measured time began", spec.scenario, spec.variant);
    Ok(Some(Exported { name: format!("{}.hlog", file_name(&run)), bytes: log(&about, intervals)? }))
}

fn log(
    about: &str,
    intervals: impl IntoIterator<Item = anyhow::Result<Interval>>,
) -> anyhow::Result<Vec<u8>> {
    let (mut bytes, mut serializer) = (Vec::new(), V2DeflateSerializer::new());
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment(&about.replace(char::is_control, " ")).with_max_value_divisor(NS_IN_MS);
    let mut log = builder.begin_log_with(&mut bytes, &mut serializer)?;
    for interval in intervals {
        let interval = interval?;
        for (part, histogram) in interval.histograms() {
            let tag = Tag::new(part.label());
            let written = log.write_histogram(histogram, interval.begin, interval.length, tag);
            written.map_err(|error| anyhow::anyhow!("an interval cannot be written: {error:?}"))?;
        }
    }
    drop(log);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_up::two_seconds;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{
        IntervalLogHistogram, IntervalLogIterator, LogEntry,
    };

    fn read<'a>(log: &'a [u8]) -> Vec<IntervalLogHistogram<'a>> {
        let entries = IntervalLogIterator::new(log).map(Result::unwrap);
        entries
            .filter_map(|entry| {
                if let LogEntry::Interval(interval) = entry { Some(interval) } else { None }
            })
            .collect()
    }

    #[test]
    fn the_log_reads_back_with_every_request() {
        let written = log("greedy\nbuggy", two_seconds()).unwrap();
        let lines = read(&written);
        let responses: Vec<_> =
            lines.iter().filter(|line| line.tag() == Tag::new("response")).collect();
        assert_eq!(
            responses.iter().map(|line| line.start_timestamp().as_secs()).collect::<Vec<_>>(),
            [0, 1]
        );
        let decoded = |line: &&IntervalLogHistogram<'_>| -> Histogram<u64> {
            use base64::Engine;
            let bytes =
                base64::engine::general_purpose::STANDARD.decode(line.encoded_histogram()).unwrap();
            Deserializer::new().deserialize(&mut &bytes[..]).unwrap()
        };
        let counts: Vec<u64> = responses.iter().map(|line| decoded(line).len()).collect();
        assert_eq!(counts, [10, 10]);
        assert!(
            String::from_utf8(written).unwrap().starts_with("#greedy buggy"),
            "a comment stays one line"
        );
    }
}
