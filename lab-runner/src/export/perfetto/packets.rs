//! Packets of a Perfetto trace, one by one: the framing, the clock, the names that packets refer to
//! by number.

use crate::export::perfetto::Names;
use lab_analysis::protobuf::Message;
use lab_recording::scheduler::Event;
use std::io::{self, Write};

/// Fields by their numbers in `perfetto_trace.proto`.
mod field {
    pub const PACKET: u64 = 1;
    /// Of a packet.
    pub const CLOCK_SNAPSHOT: u64 = 6;
    pub const TIMESTAMP: u64 = 8;
    pub const SEQUENCE: u64 = 10;
    pub const TRACK_EVENT: u64 = 11;
    pub const INTERNED: u64 = 12;
    pub const SEQUENCE_FLAGS: u64 = 13;
    pub const TIMESTAMP_CLOCK: u64 = 58;
    pub const DEFAULTS: u64 = 59;
    pub const TRACK: u64 = 60;
    /// Of an event.
    pub const CATEGORY: u64 = 3;
    pub const ANNOTATION: u64 = 4;
    pub const KIND: u64 = 9;
    pub const NAME: u64 = 10;
    pub const TRACK_UUID: u64 = 11;
    pub const OWN_NAME: u64 = 23;
    pub const VALUE: u64 = 30;
}

/// Kinds of events.
const BEGIN: u64 = 1;
const END: u64 = 2;
const COUNTER: u64 = 4;

/// `CLOCK_MONOTONIC` among the built-in clocks.
const MONOTONIC: u64 = 3;
/// Flags of a sequence's packets: the first begins anew, the others need what it said.
const CLEARED: u64 = 1;
const NEEDS: u64 = 2;
/// Numbers of tracks: the process, then all others.
pub(crate) const PROCESS: u64 = 1;
/// The recording does not keep the number of its process. A thread's number is never this one.
pub(crate) const PID: u64 = 1;

/// What polls carry beside their name, by number.
const ANNOTATIONS: [&str; 4] = ["task", "worker", "latency_ns", "seen_running"];

/// A trace as it is written.
pub(crate) struct Packets<'a, W: Write> {
    to: &'a mut W,
    sequences: u64,
    packet: Message,
}

/// Packets that refer to the same names.
pub(crate) struct Sequence {
    id: u64,
    /// What the first packet has to say.
    first: Option<Message>,
    names: usize,
}

impl<'a, W: Write> Packets<'a, W> {
    /// Begins with the clock and the process.
    pub fn begin(at_ns: u64, names: &Names, to: &'a mut W) -> io::Result<Packets<'a, W>> {
        let mut packets = Packets { to, sequences: 1, packet: Message::default() };
        let clock = Message::from_numbers([(1, MONOTONIC), (2, at_ns)]);
        let snapshot = Message::default().holding(1, &clock).with(2, MONOTONIC);
        packets.alone(&Message::default().holding(field::CLOCK_SNAPSHOT, &snapshot))?;
        let process = Message::from_numbers([(1, PID)]).text(6, &names.run);
        packets.track(&Message::from_numbers([(1, PROCESS)]).holding(3, &process))?;
        Ok(packets)
    }

    /// Makes a track known.
    pub fn track(&mut self, descriptor: &Message) -> io::Result<()> {
        self.alone(&Message::default().holding(field::TRACK, descriptor))
    }

    /// A sequence of packets, whose first will make the names known.
    pub fn sequence(&mut self, names: &Names) -> Sequence {
        self.sequences += 1;
        let mut interned = Message::default();
        interned.nested(1, &named(1, "poll"));
        (1..).zip(&names.polls).for_each(|(id, name)| interned.nested(2, &named(id, name)));
        (1..).zip(ANNOTATIONS).for_each(|(id, name)| interned.nested(3, &named(id, name)));
        let defaults = Message::from_numbers([(field::TIMESTAMP_CLOCK, MONOTONIC)]);
        let first = Message::default()
            .holding(field::INTERNED, &interned)
            .holding(field::DEFAULTS, &defaults);
        Sequence { id: self.sequences, first: Some(first), names: names.polls.len() }
    }

    /// A poll: its begin with what is known of it, and its end.
    pub fn poll(&mut self, poll: &Event, track: u64, sequence: &mut Sequence) -> io::Result<()> {
        let mut begin = Message::from_numbers([
            (field::KIND, BEGIN),
            (field::TRACK_UUID, track),
            (field::CATEGORY, 1),
        ]);
        match usize::from(poll.place) < sequence.names {
            true => begin.number(field::NAME, u64::from(poll.place) + 1),
            false => begin.bytes(field::OWN_NAME, b"poll"),
        }
        begin.nested(field::ANNOTATION, &Message::from_numbers([(1, 1), (3, poll.task)]));
        begin.nested(
            field::ANNOTATION,
            &Message::from_numbers([(1, 2), (3, u64::from(poll.worker))]),
        );
        if let Some(latency) = poll.latency_ns {
            begin.nested(field::ANNOTATION, &Message::from_numbers([(1, 3), (3, latency)]));
        }
        if poll.open {
            begin.nested(field::ANNOTATION, &Message::from_numbers([(1, 4), (2, 1)]));
        }
        self.event(poll.at_ns, &begin, sequence)?;
        let end = Message::from_numbers([(field::KIND, END), (field::TRACK_UUID, track)]);
        self.event(poll.end_ns(), &end, sequence)
    }

    /// A slice with a name of its own.
    pub fn slice(&mut self, track: u64, name: &str, from_ns: u64, until_ns: u64) -> io::Result<()> {
        let begin = Message::from_numbers([(field::KIND, BEGIN), (field::TRACK_UUID, track)])
            .text(field::OWN_NAME, name);
        self.timed(from_ns, &begin)?;
        self.timed(
            until_ns,
            &Message::from_numbers([(field::KIND, END), (field::TRACK_UUID, track)]),
        )
    }

    /// The value of a counter.
    pub fn counter(&mut self, track: u64, at_ns: u64, value: u64) -> io::Result<()> {
        let event = Message::from_numbers([
            (field::KIND, COUNTER),
            (field::TRACK_UUID, track),
            (field::VALUE, value),
        ]);
        self.timed(at_ns, &event)
    }

    /// An event of a sequence.
    fn event(&mut self, at_ns: u64, event: &Message, sequence: &mut Sequence) -> io::Result<()> {
        let first = sequence.first.take();
        let flags = if first.is_some() { CLEARED } else { NEEDS };
        let packet = first.unwrap_or_default();
        let packet = packet.with(field::TIMESTAMP, at_ns).with(field::SEQUENCE, sequence.id);
        self.packet(&packet.with(field::SEQUENCE_FLAGS, flags).holding(field::TRACK_EVENT, event))
    }

    /// An event that needs no names.
    fn timed(&mut self, at_ns: u64, event: &Message) -> io::Result<()> {
        let timed =
            Message::from_numbers([(field::TIMESTAMP, at_ns), (field::TIMESTAMP_CLOCK, MONOTONIC)]);
        self.alone(&timed.holding(field::TRACK_EVENT, event))
    }

    /// A packet of the sequence that needs no names.
    fn alone(&mut self, packet: &Message) -> io::Result<()> {
        self.packet(&packet.clone().with(field::SEQUENCE, 1))
    }

    fn packet(&mut self, packet: &Message) -> io::Result<()> {
        self.packet.clear();
        self.packet.nested(field::PACKET, packet);
        self.to.write_all(self.packet.written())
    }
}

/// A name with the number that stands for it.
fn named(id: u64, name: &str) -> Message {
    Message::from_numbers([(1, id)]).text(2, name)
}
