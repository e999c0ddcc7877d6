//! A scheduler's recording as a Perfetto trace: every poll on a time line that can be zoomed into,
//! in a browser that is somebody else's work.
//!
//! The trace is a file of packets, each written as soon as it is known: memory does not grow with
//! the recording, but for one block of events. Packets of a lane are a sequence with names of its
//! own, so nothing is sorted here; the reader sorts by time.

mod packets;
mod tracks;

use lab_recording::scheduler::{Blocks, Event, Known, What};
use packets::{Packets, Sequence};
use std::io::{self, Write};
use tracks::{Tracks, Waiting};

/// What things are called in the trace.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The run.
    pub run: String,
    /// Polls of tasks by the place where they were spawned, in the order of [`Known::places`].
    pub polls: Vec<String>,
}

/// Writes the trace: a track for each thread with its polls, one for the yield probe, one for what
/// is missing, and counters. Times are those of `CLOCK_MONOTONIC`, in nanoseconds.
///
/// Polls are on the track of their thread, and not of their worker: a worker that `block_in_place`
/// hands to another thread polls there while the poll that it left goes on, and one track cannot
/// show both.
///
/// # Errors
/// If `to` cannot be written.
pub fn write(
    blocks: &impl Blocks,
    known: &Known,
    names: &Names,
    to: &mut impl Write,
) -> io::Result<()> {
    let mut packets = Packets::begin(known.from_ns, names, to)?;
    let mut tracks = Tracks::default();
    let mut waiting = Waiting::over(known);
    let mut events = Vec::new();
    for lane in 0..blocks.lanes() {
        let mut sequence = packets.sequence(names);
        let mut track = tracks.unnamed();
        let mut looked = Looked(None);
        for block in 0..blocks.blocks(lane) {
            blocks.read(lane, block, &mut events);
            for event in events.drain(..).flat_map(|event| looked.settle(event)).flatten() {
                one(&event, &mut track, &mut tracks, &mut sequence, &mut packets)?;
                waiting.add(&event);
            }
        }
        if let Some(open) = looked.0.take() {
            one(&open, &mut track, &mut tracks, &mut sequence, &mut packets)?;
            waiting.add(&open);
        }
    }
    tracks::probe(known, &mut tracks, &mut packets)?;
    tracks::missing(known, &mut tracks, &mut packets)?;
    tracks::counters(known, &mut tracks, &mut packets)?;
    waiting.write(known, &mut tracks, &mut packets)
}

/// The last look at a poll that had not ended. A long poll is looked at again and again, and is one
/// slice all the same.
struct Looked(Option<Event>);

impl Looked {
    /// What is settled by this event: an open poll that no later event goes on with, and the event
    /// itself, if it is no look.
    fn settle(&mut self, event: Event) -> [Option<Event>; 2] {
        if event.what != What::Poll {
            return [None, Some(event)];
        }
        let before = self.0.take().filter(|open| open.at_ns != event.at_ns);
        if event.open {
            self.0 = Some(event);
            return [before, None];
        }
        [before, Some(event)]
    }
}

/// Writes what an event is in the trace. The track of a thread is made known by its first poll,
/// which tells its worker.
fn one<W: Write>(
    event: &Event,
    track: &mut tracks::Thread,
    tracks: &mut Tracks,
    sequence: &mut Sequence,
    packets: &mut Packets<'_, W>,
) -> io::Result<()> {
    match event.what {
        What::Thread => *track = tracks.thread(event.task),
        What::Poll => {
            track.describe(event, packets)?;
            packets.poll(event, track.id, sequence)?;
        }
        What::Spawn | What::End | What::Park | What::Unpark => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
