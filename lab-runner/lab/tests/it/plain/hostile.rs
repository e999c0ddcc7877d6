//! Files that no lab wrote: damaged, cut off, or made to hurt. Each gives an error or a partial
//! result; the fuzz targets of `fuzz/` look for more, and what they find is kept in their corpora,
//! which are read here.

use lab_analysis::diagnosis::{Case, diagnose};
use lab_analysis::requests;
use lab_analysis::scheduler::{Analysed, analyse, stacks};
use lab_analysis::stacks::Folded;
use lab_recording::Load;
use lab_recording::folder::parse_spec;
use lab_recording::post_mortem::PostMortem;
use lab_recording::scheduler::{Blocks, parse};
use proptest::prelude::*;
use std::path::PathBuf;

/// What becomes of a file: nothing, or its events and what they come to.
fn read(bytes: Vec<u8>) -> Option<(usize, Analysed)> {
    let recording = parse(bytes).ok()?;
    let mut events = 0;
    let mut block = Vec::new();
    for lane in 0..recording.lanes() {
        for number in 0..recording.blocks(lane) {
            recording.read(lane, number, &mut block);
            events += block.len();
        }
    }
    let mut analysed = analyse(&recording, &recording.known, &|_| None);
    stacks(&mut analysed, None);
    Some((events, analysed))
}

fn corpus() -> Vec<(PathBuf, Vec<u8>)> {
    corpus_of("events")
}

/// The files that a fuzz target begins with.
fn corpus_of(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn the_corpus_is_survived_and_its_charges_add_up() {
    let corpus = corpus();
    assert!(corpus.len() >= 8, "{} files", corpus.len());
    let mut readable = 0;
    for (path, bytes) in corpus {
        let Some((events, analysed)) = read(bytes) else { continue };
        readable += usize::from(events > 0);
        let Some(blame) = analysed.sched.blame else { continue };
        let charged: f64 = blame.edges.iter().map(|edge| edge.ms).sum();
        let apart = (charged - blame.waited_ms).abs();
        assert!(
            apart <= 1e-6 * blame.waited_ms.max(1.0),
            "{}: {charged} of {}",
            path.display(),
            blame.waited_ms
        );
    }
    assert!(readable >= 3, "{readable} have events");
}

#[test]
fn request_logs_of_the_corpus_are_survived() {
    let corpus = corpus_of("requests");
    let readable = corpus.iter().filter(|(path, bytes)| {
        let read = requests::of_bytes(bytes, &Load::DEFAULT);
        let Ok((metrics, _)) = read else { return false };
        let impossible = metrics.iter().find(|(_, reading)| reading.value.is_nan());
        assert!(impossible.is_none(), "{}: {impossible:?}", path.display());
        true
    });
    assert!(readable.count() >= 2);
}

#[test]
fn folded_stacks_of_the_corpus_read_back_as_the_same() {
    for (path, bytes) in corpus_of("folded") {
        let first = Folded::parse(&bytes).folded;
        let again = Folded::parse(first.to_string().as_bytes()).folded;
        assert_eq!(first.len(), again.len(), "{}", path.display());
        assert!(first.total().is_finite(), "{}", path.display());
    }
}

#[test]
fn specs_and_thread_dumps_of_the_corpus_are_read_or_refused() {
    let specs = corpus_of("spec");
    let read = specs.iter().filter(|(_, bytes)| parse_spec(bytes).is_ok()).count();
    assert!(read >= 1 && read < specs.len(), "{read} of {} can be read", specs.len());
    let dumps = corpus_of("post_mortem");
    let dumps =
        dumps.iter().filter_map(|(_, bytes)| serde_json::from_slice::<PostMortem>(bytes).ok());
    let diagnoses = dumps.map(|dump| {
        let dead = Some(&dump);
        diagnose(&Case {
            measured: None,
            profiles: &[],
            post_mortem: dead,
            panics: &[],
            own_crate: None,
        })
    });
    assert!(diagnoses.filter(|diagnosis| !diagnosis.findings.is_empty()).count() >= 1);
}

#[test]
fn what_is_no_recording_says_so_and_what_to_do() {
    let error = |bytes: &[u8]| format!("{:#}", parse(bytes.to_vec()).unwrap_err());
    assert_eq!(error(b"LABSTALL something else"), "is not a recording of a scheduler");
    assert_eq!(error(b""), "is not a recording of a scheduler");
    assert!(error(b"LABSCHED\x09").contains("this lab reads format 1"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_behind_a_header_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        read([b"LABSCHED\x01", &bytes[..]].concat());
    }

    #[test]
    fn a_recording_with_bytes_changed_is_survived(seed: usize, changes in prop::collection::vec((any::<u16>(), any::<u8>()), 1..20), cut: u16) {
        let corpus = corpus();
        let (_, mut bytes) = corpus[seed % corpus.len()].clone();
        let length = bytes.len().max(1);
        for (at, byte) in changes {
            if let Some(changed) = bytes.get_mut(usize::from(at) % length) {
                *changed = byte;
            }
        }
        bytes.truncate(length - usize::from(cut) % length / 4);
        read(bytes);
    }
}
