"""Reads exported Perfetto traces with the protos of Perfetto itself, and holds them to what the report says of the same runs.

usage: check.py FOLDER [REPORT.json], where FOLDER has what `lab export --to perfetto` wrote and REPORT.json what
`lab report --format json` printed. Needs the packages of requirements.txt.

Perfetto's own reader, trace_processor, is downloaded by that package when it is first asked for. Where the network has it,
it reads the trace too; where not, this script says so.
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import BUILTIN_CLOCK_MONOTONIC, Trace, TracePacket, TrackEvent

BEGIN, END, COUNTER = TrackEvent.TYPE_SLICE_BEGIN, TrackEvent.TYPE_SLICE_END, TrackEvent.TYPE_COUNTER


class Read:
    """A trace: its tracks, the slices of each in the order of their begins, the values of each counter."""

    def __init__(self, path):
        trace = Trace()
        trace.ParseFromString(path.read_bytes())
        self.tracks, self.slices, self.counters = {}, defaultdict(list), defaultdict(list)
        self.names, self.open, clocks = {}, {}, {}
        assert trace.packet[0].clock_snapshot.primary_trace_clock == BUILTIN_CLOCK_MONOTONIC, "the clock comes first"
        for packet in trace.packet:
            sequence = packet.trusted_packet_sequence_id
            assert sequence > 0, "each packet is of a sequence"
            if packet.sequence_flags & TracePacket.SEQ_INCREMENTAL_STATE_CLEARED:
                data = packet.interned_data
                tables = {"event": data.event_names, "category": data.event_categories, "arg": data.debug_annotation_names}
                self.names[sequence] = {kind: {one.iid: one.name for one in table} for kind, table in tables.items()}
                clocks[sequence] = packet.trace_packet_defaults.timestamp_clock_id
            if packet.HasField("track_descriptor"):
                self.describe(packet.track_descriptor)
            if packet.HasField("track_event"):
                clock = packet.timestamp_clock_id or clocks.get(sequence)
                assert clock == BUILTIN_CLOCK_MONOTONIC, f"a time on the clock {clock}"
                self.event(packet.timestamp, packet.track_event, self.names.get(sequence))
        assert not self.open, f"slices without an end: {self.open}"
        for slices in self.slices.values():
            slices.sort(key=lambda one: (one["from"], -one["until"]))

    def describe(self, track):
        assert track.uuid not in self.tracks, f"{track.uuid} is described twice"
        kind = next(kind for kind in ("process", "thread", "counter", None) if kind is None or track.HasField(kind))
        name = {"process": track.process.process_name, "thread": track.thread.thread_name}.get(kind, track.name)
        assert name, "a track has a name"
        assert not track.parent_uuid or self.tracks[track.parent_uuid]["kind"] == "process"
        self.tracks[track.uuid] = {"kind": kind, "name": name, "tid": track.thread.tid}

    def event(self, at, event, names):
        assert event.track_uuid in self.tracks, "a track is described before its events"
        track = event.track_uuid
        if event.type == COUNTER:
            self.counters[track].append((at, event.counter_value))
        elif event.type == BEGIN:
            assert track not in self.open, "polls of one thread come one after another"
            name = names["event"][event.name_iid] if event.name_iid else event.name
            assert name, "a slice has a name"
            assert all(names["category"][iid] == "poll" for iid in event.category_iids)
            args = {names["arg"][arg.name_iid]: arg.uint_value for arg in event.debug_annotations}
            self.open[track] = {"from": at, "name": name, "args": args}
        elif event.type == END:
            begun = self.open.pop(track)
            assert at >= begun["from"], "it ends after its begin"
            self.slices[track].append({**begun, "until": at})
        else:
            raise AssertionError(f"an event of type {event.type}")

    def of(self, kind):
        return [uuid for uuid, track in self.tracks.items() if track["kind"] == kind]


def nested(slices):
    """Fails unless each slice begins after those before it ended, or lies within one of them."""
    around = []
    for one in slices:
        while around and around[-1] <= one["from"]:
            around.pop()
        assert not around or one["until"] <= around[-1], f"{one} goes on after what it lies in"
        around.append(one["until"])


def held_to(read, scheduler, file):
    """Polls by group and by worker are as many as the report counts, unless events are missing."""
    polls = [one for track in read.of("thread") for one in read.slices[track]]
    groups, workers = Counter(one["name"] for one in polls), Counter(one["args"]["worker"] for one in polls)
    told = Counter()
    for group in scheduler["task_kinds"]:
        place, name = group["spawned_at"], group["name"]
        told[place if name == place else f"{name} ({place})"] += group["polls"]
    if scheduler["dropped"] == 0:
        assert +told == groups, f"{file}: groups {groups}, and the report says {told}"
        if len({worker["runtime"] for worker in scheduler["workers"]}) == 1:
            counted = {worker["worker"]: worker["polls"] for worker in scheduler["workers"] if worker["polls"]}
            assert counted == dict(workers), f"{file}: workers {workers}, and the report says {counted}"
    return f"as many as the report counts, of {len(+told)} groups"


def by_trace_processor(path, polls):
    """How many slices Perfetto's own reader finds on threads; nothing where it cannot be had."""
    try:
        from perfetto.trace_processor import TraceProcessor

        processor = TraceProcessor(trace=str(path))
    except Exception as error:  # whatever a download can die of
        return f"trace_processor is not to be had here ({type(error).__name__})"
    found = next(iter(processor.query("select count(*) as n from slice join thread_track on slice.track_id = thread_track.id"))).n
    wrong = next(iter(processor.query("select ifnull(sum(value), 0) as n from stats where severity in ('error', 'data_loss')"))).n
    processor.close()
    assert (found, wrong) == (polls, 0), f"trace_processor finds {found} of {polls} polls and {wrong} errors"
    return f"trace_processor finds all {found} polls"


def check(path, schedulers):
    read = Read(path)
    for slices in read.slices.values():
        nested(slices)
    for values in read.counters.values():
        assert all(a[0] <= b[0] for a, b in zip(values, values[1:])), "counters go on in time"
    polls = sum(len(read.slices[track]) for track in read.of("thread"))
    assert polls > 0 and read.of("process"), "there are polls in a process"
    assert all("task" in one["args"] for track in read.of("thread") for one in read.slices[track])
    run = path.name.removesuffix("-sched.pftrace")
    of_it = [one for one in schedulers if one["variant"] == run]
    told = held_to(read, of_it[0], path.name) if len(of_it) == 1 else "held to no report"
    values = sum(len(values) for values in read.counters.values())
    print(f"{path.name}: {len(read.of('thread'))} threads, {polls} polls ({told}), {len(read.counters)} counters with {values} values")
    print(f"  {by_trace_processor(path, polls)}")


def main(folder, report=None):
    schedulers = json.loads(Path(report).read_text())["scheduler"] if report else []
    traces = sorted(Path(folder).glob("*.pftrace"))
    assert traces, f"there is no Perfetto trace in {folder}"
    for path in traces:
        check(path, schedulers)


if __name__ == "__main__":
    main(*sys.argv[1:])
