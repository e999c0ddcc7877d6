use crate::export::perfetto::*;
use crate::made_up::{fields, nested, number};
use lab_recording::scheduler::{Counters, Dropped, Probe};
use std::collections::BTreeMap;

/// Lanes of blocks, in memory.
struct Made(Vec<Vec<Vec<Event>>>);

impl Blocks for Made {
    fn lanes(&self) -> usize {
        self.0.len()
    }

    fn blocks(&self, lane: usize) -> usize {
        self.0[lane].len()
    }

    fn read(&self, lane: usize, block: usize, into: &mut Vec<Event>) {
        into.clear();
        into.extend(&self.0[lane][block]);
    }
}

const AT: u64 = 5_000_000_000_000;

fn poll(task: u64, place: u16, at_us: u64, us: u64) -> Event {
    Event {
        what: What::Poll,
        at_ns: AT + at_us * 1_000,
        length_ns: us * 1_000,
        task,
        latency_ns: (place == 0).then_some(at_us * 500),
        place,
        worker: 0,
        runtime: 0,
        budget_spent: false,
        open: false,
    }
}

fn thread(number: u64) -> Event {
    Event { what: What::Thread, task: number, ..poll(0, 0, 0, 0) }
}

/// Two threads: one with a long poll behind which others wait, one that took the worker over.
fn made() -> (Made, Known, Names) {
    let first =
        vec![vec![thread(71), poll(1, 1, 10, 900)], vec![poll(2, 0, 910, 5), poll(3, 0, 915, 5)]];
    let moved = Event { worker: 1, open: true, ..poll(9, 7, 930, 40) };
    let looked = Event { length_ns: 9_000, ..moved };
    let second = vec![vec![thread(72), Event { worker: 1, ..poll(4, 0, 20, 5) }, looked, moved]];
    let known = Known {
        from_ns: AT,
        until_ns: AT + 1_000_000,
        counters: vec![Counters {
            at_ns: AT + 500_000,
            global_queue: 3,
            alive_tasks: 4,
            ..Counters::default()
        }],
        probes: vec![
            Probe {
                asked_ns: AT + 100_000,
                yielded_ns: Some(AT + 920_000),
                answered_ns: Some(AT + 921_000),
            },
            Probe { asked_ns: AT + 300_000, yielded_ns: None, answered_ns: None },
        ],
        dropped: vec![Dropped {
            lane: 0,
            from_ns: AT + 925_000,
            until_ns: AT + 930_000,
            events: 12,
        }],
        has_latency: true,
        ..Known::default()
    };
    let names = Names {
        run: "greedy <buggy>".into(),
        polls: vec!["requests (drive.rs:52)".into(), "<script> & imports".into()],
    };
    (Made(vec![first, second]), known, names)
}

fn written() -> Vec<u8> {
    let (blocks, known, names) = made();
    let mut to = Vec::new();
    write(&blocks, &known, &names, &mut to).unwrap();
    to
}

/// Track → its name; and the events of the trace: track, kind, time, and the name of those that
/// have one.
type Read = (BTreeMap<u64, String>, Vec<(u64, u64, u64, Option<String>)>);

fn read(trace: &[u8]) -> Read {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (mut tracks, mut events, mut interned) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    for packet in nested(&fields(trace), 1) {
        let packet = fields(packet);
        let sequence = number(&packet, 10).unwrap();
        for track in nested(&packet, 60).into_iter().map(fields) {
            let inner = [(2, 0), (3, 6), (4, 5)].into_iter().find_map(|(field, name)| match name {
                0 => nested(&track, field).first().copied(),
                _ => {
                    nested(fields(nested(&track, field).first()?).as_slice(), name).first().copied()
                }
            });
            tracks.insert(number(&track, 1).unwrap(), text(inner.unwrap()));
        }
        for name in
            nested(&packet, 12).into_iter().flat_map(|data| nested(&fields(data), 2)).map(fields)
        {
            interned.insert((sequence, number(&name, 1).unwrap()), text(nested(&name, 2)[0]));
        }
        for event in nested(&packet, 11).into_iter().map(fields) {
            let named = number(&event, 10).map(|id| interned[&(sequence, id)].clone());
            let name = named.or_else(|| nested(&event, 23).first().map(|name| text(name)));
            let at = number(&packet, 8).unwrap();
            events.push((number(&event, 11).unwrap(), number(&event, 9).unwrap(), at, name));
        }
    }
    (tracks, events)
}

#[test]
fn each_poll_is_a_slice_on_the_track_of_its_thread_under_the_name_of_its_group() {
    let (tracks, events) = read(&written());
    let slices = |track: &str| -> Vec<(u64, u64, String)> {
        let id = tracks.iter().find(|(_, name)| *name == track).unwrap().0;
        let mut of_it = events.iter().filter(|(track, ..)| track == id);
        let mut slices = Vec::new();
        while let (Some(begin), Some(end)) = (of_it.next(), of_it.next()) {
            assert_eq!((begin.1, end.1, &end.3), (1, 2, &None), "a begin and its end");
            slices.push((
                (begin.2 - AT) / 1_000,
                (end.2 - begin.2) / 1_000,
                begin.3.clone().unwrap(),
            ));
        }
        slices
    };
    let requests = || "requests (drive.rs:52)".to_owned();
    assert_eq!(
        slices("worker 0"),
        [(10, 900, "<script> & imports".into()), (910, 5, requests()), (915, 5, requests()),]
    );
    assert_eq!(
        slices("worker 1"),
        [(20, 5, requests()), (930, 40, "poll".into())],
        "a place that nobody knows"
    );
    assert_eq!(slices("missing events"), [(925, 5, "12 events of lane 0 are missing".into())]);
}

#[test]
fn questions_of_the_probe_that_overlap_are_on_tracks_of_their_own() {
    let (tracks, events) = read(&written());
    let probes: Vec<u64> =
        tracks.iter().filter(|(_, name)| *name == "yield probe").map(|(id, _)| *id).collect();
    let times = |track: u64| -> Vec<u64> {
        events.iter().filter(|event| event.0 == track).map(|event| (event.2 - AT) / 1_000).collect()
    };
    assert_eq!(
        probes.iter().map(|track| times(*track)).collect::<Vec<_>>(),
        [vec![100, 920, 920, 921], vec![300, 1_000]]
    );
}

#[test]
fn waiting_tasks_are_counted_where_their_number_changes() {
    let (blocks, known, names) = made();
    let mut trace = Vec::new();
    write(&blocks, &known, &names, &mut trace).unwrap();
    let (tracks, _) = read(&trace);
    let id = *tracks.iter().find(|(_, name)| *name == "waiting tasks").unwrap().0;
    let packets = fields(&trace);
    let values = nested(&packets, 1).into_iter().map(fields).filter_map(|packet| {
        let event = fields(nested(&packet, 11).first()?);
        (number(&event, 11) == Some(id))
            .then(|| (number(&packet, 8).unwrap() - AT, number(&event, 30).unwrap()))
    });
    let wanted =
        [(0, 0), (10_000, 1), (20_000, 0), (455_000, 1), (457_500, 2), (910_000, 1), (915_000, 0)];
    assert_eq!(values.collect::<Vec<_>>(), wanted);
    assert!(tracks.values().any(|name| name == "global queue") && tracks[&1] == "greedy <buggy>");
}

#[test]
fn an_empty_recording_is_a_trace_without_events() {
    let mut trace = Vec::new();
    write(&Made(vec![vec![]]), &Known::default(), &Names::default(), &mut trace).unwrap();
    assert!(read(&trace).1.is_empty() && !trace.is_empty());
}

/// Counts what is written, and how much at once.
#[derive(Default)]
struct Counting {
    bytes: usize,
    most: usize,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        self.most = self.most.max(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The same block many times over, and no more of it in memory.
struct Endless(Vec<Event>);

impl Blocks for Endless {
    fn lanes(&self) -> usize {
        2
    }

    fn blocks(&self, _: usize) -> usize {
        100
    }

    fn read(&self, _: usize, block: usize, into: &mut Vec<Event>) {
        let later =
            |event: &Event| Event { at_ns: event.at_ns + block as u64 * 10_000_000, ..*event };
        into.clear();
        into.extend(self.0.iter().map(later));
    }
}

#[test]
fn a_long_recording_is_written_packet_by_packet() {
    let block = (0..1_000).map(|i| poll(i, (i % 2) as u16, i * 10, 9)).collect();
    let (_, known, names) = made();
    let mut to = Counting::default();
    write(&Endless(block), &Known { until_ns: AT + 1_000_000_000, ..known }, &names, &mut to)
        .unwrap();
    assert!(to.most < 1_000, "{} bytes at once", to.most);
    assert!(to.bytes < 200_000 * 90, "{} bytes for 200 000 polls", to.bytes);
}
