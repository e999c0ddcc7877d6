//! The scheduler on the page: sentences, times by task kind, the worst window, waiting by
//! culprit.

use crate::report::html::WORDS;
use crate::report::html::table::{Cell, Table};
use crate::report::profilers::cut;
use crate::report::sched;
use crate::report::sched::palette::Palette;
use crate::report::sched::words::{Run, counted, percent};
use crate::report::sched::{histogram, timeline};
use crate::report::units::{grouped, time};
use lab_analysis::results::Results;
use lab_analysis::scheduler::{Blame, Edge, Worker};

/// Rows of the tables, characters of a name.
const EDGES: usize = 10;
const WORKERS: usize = 32;
const NAME: usize = 160;
/// Pieces that all time lines of a page may have together, and runs that have one: a page is to
/// stay small.
const SEGMENTS: usize = 4_000;
const PICTURES: usize = 4;

/// The section of the page.
pub(crate) struct Scheduling {
    pub sentences: Vec<String>,
    /// Poll time and schedule latency by task kind, of both sides of a comparison.
    pub times: Vec<Picture>,
    pub runs: Vec<OneRun>,
}

/// An escaped picture with title and description.
pub(crate) struct Picture {
    pub title: String,
    pub svg: String,
    pub sentences: Vec<String>,
    /// What colours and heights mean.
    pub key: Vec<(&'static str, String)>,
}

/// The section of one run.
pub(crate) struct OneRun {
    pub of: String,
    /// Poll time and schedule latency by task kind, where no other run is in the same picture.
    pub times: Vec<Picture>,
    pub timeline: Option<Picture>,
    pub blame: Option<Table>,
    pub workers: Option<Table>,
    /// What all workers did, the yield probe, and what has to be known before believing it.
    pub lines: Vec<(&'static str, String)>,
    pub notes: Vec<String>,
}

/// The section; none without the scheduler profiler.
pub(crate) fn scheduling(report: &Results) -> Option<Scheduling> {
    let runs = sched::runs(report);
    let palette = Palette::new(&runs);
    let together = report.comparison.is_some() && runs.len() == 2;
    let most = SEGMENTS / runs.len().clamp(1, PICTURES);
    let one = |(number, run): (usize, &Run<'_>)| {
        let drawn = number < PICTURES;
        let times = if drawn && !together { times(std::slice::from_ref(run)) } else { Vec::new() };
        OneRun { times, ..one_run(run, &palette, if drawn { most } else { 0 }) }
    };
    let scheduling = Scheduling {
        sentences: sched::sentences(report, &runs, WORDS),
        times: if together { times(&runs) } else { Vec::new() },
        runs: runs.iter().enumerate().map(one).collect(),
    };
    (!runs.is_empty()).then_some(scheduling)
}

fn times(runs: &[Run<'_>]) -> Vec<Picture> {
    let key: Vec<(&str, String)> = match runs {
        [before, after] => vec![
            ("s0", format!("{}, above", before.label)),
            ("s1", format!("{}, below", after.label)),
        ],
        several => several.iter().take(1).map(|run| ("s0", run.label.clone())).collect(),
    };
    let drawn = [
        (
            "poll time: duration of a poll",
            histogram::draw("poll time by task kind", runs, WORDS, |task_kind| {
                Some(&task_kind.poll_us)
            }),
        ),
        (
            "schedule latency: time from runnable to polled",
            histogram::draw("schedule latency by task kind", runs, WORDS, |task_kind| {
                task_kind.latency_us.as_ref()
            }),
        ),
    ];
    let picture = |(title, drawn): (&str, Option<(String, String)>)| {
        let (svg, sentences) = drawn?;
        Some(Picture { title: title.to_owned(), svg, sentences: vec![sentences], key: key.clone() })
    };
    drawn.into_iter().filter_map(picture).collect()
}

fn one_run(run: &Run<'_>, palette: &Palette, most: usize) -> OneRun {
    let drawn = if most > 0 { timeline::draw(run, palette, most, WORDS) } else { None };
    let timeline = drawn.map(|(svg, sentences)| Picture {
        title: timeline::title(run),
        svg,
        sentences,
        key: Vec::new(),
    });
    let lines = [
        ("polls", run.counts()),
        ("workers", run.workers(WORDS)),
        ("yield probe", run.probe(WORDS)),
        ("missing", run.missing()),
    ];
    OneRun {
        of: run.label.clone(),
        times: Vec::new(),
        timeline,
        blame: run.sched.blame.as_ref().and_then(|blame| blamed(run, blame)),
        workers: if run.sched.polls_not_recorded { None } else { workers(&run.sched.workers) },
        lines: lines.into_iter().filter_map(|(name, text)| Some((name, text?))).collect(),
        notes: run.sched.notes.clone(),
    }
}

/// Waiting by culprit and task kind, significant rows in bold.
fn blamed(run: &Run<'_>, blame: &Blame) -> Option<Table> {
    let significant = run.blamed();
    let mut edges: Vec<&Edge> = blame.edges.iter().filter(|edge| edge.ms > 0.0).collect();
    edges.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    let row = |edge: &&Edge| {
        let class = if significant.contains(edge) { "name own" } else { "name" };
        let mut row = vec![
            Cell::of_class(cut(&run.culprit(edge.culprit), NAME), class),
            Cell::text(cut(&run.task_kind_at(edge.victim), NAME)),
            Cell::number(time(edge.ms * 1e3, WORDS)),
            Cell::number(grouped(edge.waits as i64)),
            Cell::number(percent(edge.ms / blame.waited_ms)),
        ];
        row.extend(run.profile.ops.map(|_| Cell::number(run.per_op(edge.ms, WORDS))));
        row
    };
    let mut heads = vec![
        Cell::text("culprit"),
        Cell::text("task kind that waited"),
        Cell::number("waited"),
        Cell::number("waits"),
    ];
    heads.push(Cell::number("share"));
    heads.extend(run.profile.ops.map(|_| Cell::number(format!("per {}", run.op))));
    let caption =
        format!("{}: waiting by culprit and task kind; significant rows in bold", run.label);
    let rest: f64 = edges.iter().skip(EDGES).map(|edge| edge.ms).sum();
    let more = counted(edges.len().saturating_sub(EDGES) as u64, "row");
    let left_out = (rest > 0.0)
        .then(|| format!("{more} more: {} of all waiting.", percent(rest / blame.waited_ms)));
    let meaning =
        "Waiting is summed over tasks: two tasks that wait for one second count as two seconds."
            .to_owned();
    let rows = edges.iter().take(EDGES).map(row).collect();
    Table::new(&caption, heads, rows).noted([meaning].into_iter().chain(left_out).collect()).some()
}

fn workers(workers: &[Worker]) -> Option<Table> {
    let core = workers.iter().any(|worker| worker.core_wait_ms.is_some());
    let several = workers.iter().any(|worker| worker.runtime != 0);
    let row = |worker: &Worker| {
        let whole = worker.busy_ms + worker.stalled_ms + worker.idle_ms + worker.outside_ms;
        let cell =
            |ms: f64| Cell::number(format!("{} · {}", time(ms * 1e3, WORDS), percent(ms / whole)));
        let of = if several {
            format!("runtime {}, worker {}", worker.runtime, worker.worker)
        } else {
            worker.worker.to_string()
        };
        let mut row = vec![Cell::text(of), Cell::number(grouped(worker.polls as i64))];
        row.extend(
            [worker.busy_ms, worker.stalled_ms, worker.idle_ms, worker.outside_ms].map(cell),
        );
        row.extend(core.then(|| worker.core_wait_ms.map_or_else(|| Cell::faint("-"), cell)));
        row
    };
    let mut heads = vec![
        Cell::text("worker"),
        Cell::number("polls"),
        Cell::number("busy"),
        Cell::number("stalled"),
    ];
    heads.extend([Cell::number("asleep"), Cell::number("outside polls")]);
    heads.extend(core.then(|| Cell::number("waited for a core")));
    let note = "Stalled: in polls of 10 ms and more, during which the worker runs nothing else. \
                Outside polls: the scheduler, the driver, and root futures.";
    let rows = workers.iter().take(WORKERS).map(row).collect();
    Table::new("Time of each worker", heads, rows).noted(vec![note.to_owned()]).some()
}
