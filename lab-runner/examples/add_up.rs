//! Adds up what the recorder of the profiler `sched` left in the folder of a run, once more: the
//! part of `lab run` that comes between the end of such a run and its page.
//! `benches/report_speed.py` times it.

use lab_analysis::resolve::scheduler::complete;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1);
    let folder = folder
        .ok_or_else(|| anyhow::anyhow!("no folder: name that of a run under the profiler sched"))?;
    complete(Path::new(&folder))
}
