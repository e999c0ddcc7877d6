//! What profilers leave beside their stacks: the polls that took too long, one slow request, and
//! memory over time.

use crate::report::html::WORDS;
use crate::report::html::table::{Cell, Table};
use crate::report::plot::{Line, LineStyle, Plot, Scale};
use crate::report::profilers::cut;
use crate::report::units::{grouped, three_digits, time};
use lab_analysis::evidence::{label, own_crate};
use lab_analysis::profile::Profile;
use lab_analysis::results::Results;
use lab_analysis::stacks::is_own;
use lab_analysis::stacks::stalls::{LongPoll, Wait};
use lab_recording::frame::Frame;
use lab_recording::observations::{MemoryAt, SlowRequest};
use lab_recording::syscalls;

/// Polls that are shown of each run, frames of each, steps of a slow request.
const POLLS: usize = 8;
const FRAMES: usize = 40;
const STEPS: usize = 300;
const ROWS: usize = 25;
const NAME: usize = 160;

/// The polls of one run that took longer than their budget.
pub(crate) struct Polls {
    pub of: String,
    /// How many there were, and how many of them are shown.
    pub count: String,
    pub rows: Vec<Poll>,
}

/// A long poll.
pub(crate) struct Poll {
    pub task: String,
    pub seen: String,
    pub on_cpu: String,
    /// What it waited for in the kernel.
    pub waits: String,
    /// The innermost frame of the scenario's own code, and the stack around it, innermost first.
    pub at: String,
    pub share: String,
    pub stack: Vec<Step>,
}

/// A frame of a stack.
pub(crate) struct Step {
    pub function: String,
    pub place: String,
    /// The whole path, for who wants to open it.
    pub file: String,
    pub own: bool,
}

/// The longest polls of each run with sampled polls.
pub(crate) fn polls(report: &Results) -> Vec<Polls> {
    let looked = report.profiles.iter().filter(|profile| !profile.long_polls.is_empty());
    looked.map(|profile| of_run(report, profile)).collect()
}

fn of_run(report: &Results, profile: &Profile) -> Polls {
    let mut longest: Vec<&LongPoll> = profile.long_polls.iter().collect();
    longest.sort_by_key(|poll| std::cmp::Reverse(poll.seen_ns));
    longest.truncate(POLLS);
    let all = grouped(profile.long_polls.len() as i64);
    let shown = if longest.len() < profile.long_polls.len() {
        format!(", the longest {}", longest.len())
    } else {
        String::new()
    };
    let own = own_crate(report.scenario);
    let rows = longest.into_iter().map(|poll| one_poll(poll, own)).collect();
    Polls {
        of: label(&profile.spec),
        count: format!(
            "{all} {} longer than the limit{shown}",
            if profile.long_polls.len() == 1 { "poll" } else { "polls" }
        ),
        rows,
    }
}

fn one_poll(poll: &LongPoll, own: Option<&str>) -> Poll {
    let step = |frame: &Frame| Step {
        function: cut(&frame.function, NAME),
        place: frame.file.as_ref().map_or_else(String::new, |file| place(file, frame.line)),
        file: cut(frame.file.as_deref().unwrap_or_default(), 2 * NAME),
        own: is_own(&frame.function, own),
    };
    let stack: Vec<Step> = poll.stack.iter().take(FRAMES).map(step).collect();
    let at = stack.iter().find(|step| step.own && !step.place.is_empty()).or(stack.first());
    Poll {
        task: poll.task.to_string(),
        seen: time(poll.seen_ns as f64 / 1e3, WORDS),
        on_cpu: format!("{:.0} %", 100.0 * poll.on_cpu),
        waits: waits(poll),
        at: at
            .map_or_else(|| "no stack".into(), |step| format!("{} {}", step.function, step.place)),
        share: format!("{:.0} %", 100.0 * poll.stack_share),
        stack,
    }
}

/// `pipe_read (read()), 12 times`, the most frequent one; or that it waited for a core.
fn waits(poll: &LongPoll) -> String {
    let Some(Wait { channel, syscall, seen, .. }) = poll.waits.first() else {
        return match poll.runnable {
            share if share >= 0.05 => format!("for a CPU core, {:.0} % of the time", 100.0 * share),
            _ => "-".into(),
        };
    };
    let name = if channel.is_empty() { "kernel function unknown" } else { channel };
    let call =
        syscall.map_or_else(String::new, |number| format!(" ({})", syscalls::in_words(number)));
    format!("{}{call}, {seen} times", cut(name, NAME))
}

/// `src/buggy.rs:12` of a long path: what tells it apart.
fn place(file: &str, line: Option<u32>) -> String {
    let parts: Vec<&str> = file.rsplit('/').take(3).collect();
    let short: Vec<&str> = parts.into_iter().rev().collect();
    let line = line.map_or_else(String::new, |line| format!(":{line}"));
    format!("{}{line}", cut(&short.join("/"), NAME))
}

/// The slowest request that a run shows, poll by poll.
pub(crate) struct Slow {
    pub of: String,
    pub summary: String,
    /// The time line: where each poll is, in percent of the request.
    pub bars: Vec<Bar>,
    pub table: Option<Table>,
}

/// A poll on the time line.
pub(crate) struct Bar {
    pub left: String,
    pub width: String,
    pub label: String,
}

pub(crate) fn slow(report: &Results) -> Vec<Slow> {
    let followed =
        report.profiles.iter().filter_map(|profile| Some((profile, profile.slow.as_ref()?)));
    followed.map(|(profile, slow)| one_request(label(&profile.spec), slow)).collect()
}

fn one_request(of: String, slow: &SlowRequest) -> Slow {
    let all = slow.us.max(f64::MIN_POSITIVE);
    let polled: f64 = slow.polls.iter().map(|poll| poll.us).sum();
    let bar = |poll: &lab_recording::observations::RequestPoll| {
        let left = (100.0 * poll.at_us / all).clamp(0.0, 100.0);
        Bar {
            left: format!("{left:.2}"),
            width: format!("{:.2}", (100.0 * poll.us / all).clamp(0.15, (100.0 - left).max(0.15))),
            label: format!(
                "{}: {} after {}",
                cut(&poll.step, NAME),
                duration(poll.us),
                duration(poll.at_us)
            ),
        }
    };
    let row = |poll: &lab_recording::observations::RequestPoll| {
        vec![
            Cell::text(cut(&poll.step, NAME)),
            Cell::number(duration(poll.at_us)),
            Cell::number(duration(poll.us)),
        ]
    };
    let heads = vec![Cell::text("last step"), Cell::number("start"), Cell::number("duration")];
    let rows: Vec<_> = slow.polls.iter().take(ROWS).map(row).collect();
    let more = slow.polls.len().saturating_sub(ROWS) as u64 + slow.left_out;
    let notes = (more > 0).then(|| format!("{} more polls are left out.", grouped(more as i64)));
    let summary = format!(
        "Request {} took {}: it was polled {} times for {} in total, and waited for the rest, {} \
         %.",
        slow.request,
        duration(slow.us),
        grouped((slow.polls.len() as u64 + slow.left_out) as i64),
        duration(polled),
        three_digits(100.0 * (1.0 - polled / all).max(0.0)),
    );
    let table = Table::new("Polls of the request, in order", heads, rows)
        .noted(notes.into_iter().collect());
    Slow {
        of,
        summary,
        bars: slow.polls.iter().take(STEPS).map(bar).collect(),
        table: table.some(),
    }
}

fn duration(us: f64) -> String {
    time(us, WORDS)
}

/// Memory over time, of each run with a record of it.
pub(crate) fn memory(report: &Results) -> Option<Plot> {
    let kept: Vec<&Profile> =
        report.profiles.iter().filter(|profile| profile.memory.len() > 1).collect();
    let lines = |(number, profile): (usize, &&Profile)| {
        let line = |what: &str, style, of: fn(&MemoryAt) -> u64| {
            let points =
                profile.memory.iter().map(|at| (at.ms / 1e3, of(at) as f64 / 1e6)).collect();
            Line { name: format!("{}: {what}", label(&profile.spec)), points, style }
        };
        [
            line("allocated", LineStyle::Solid(number), |at| at.allocated),
            line("resident", LineStyle::Dashed(number), |at| at.resident),
        ]
    };
    let description: Vec<String> = kept.iter().map(|profile| of_memory(profile)).collect();
    let plot = Plot {
        title: format!("{}: memory over time", report.spec.scenario),
        x: "seconds since the profiler started".into(),
        y: "memory, MB".into(),
        scales: [Scale::Linear, Scale::Linear],
        description: description.join(" "),
        lines: kept.iter().enumerate().flat_map(lines).collect(),
    };
    (!kept.is_empty()).then_some(plot)
}

fn of_memory(profile: &Profile) -> String {
    let mb = |bytes: u64| three_digits(bytes as f64 / 1e6);
    let most =
        |of: fn(&MemoryAt) -> u64| mb(profile.memory.iter().map(of).max().unwrap_or_default());
    let last = profile.memory.last().map_or(0, |at| at.allocated);
    let of = label(&profile.spec);
    format!(
        "{of}: at most {} MB allocated, {} MB at the end; at most {} MB resident.",
        most(|at| at.allocated),
        mb(last),
        most(|at| at.resident)
    )
}
