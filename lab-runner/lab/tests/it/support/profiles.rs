//! Folders as profilers leave them, of a run that was looked into by one of them: for what reads
//! profiles, whichever profilers a build has.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const CPU: &str = "\
clone3;start_thread;tokio::runtime::scheduler::multi_thread::worker::run;scenario_greedy::fixed::import::{closure#0};serde_json::de::from_str 812
clone3;start_thread;tokio::runtime::scheduler::multi_thread::worker::run;scenario_greedy::fixed::import::{closure#0} 90
clone3;start_thread;tokio::runtime::scheduler::multi_thread::worker::run;epoll_wait 98
";
const SPANS: &str = "request 40000\nrequest;fetch 90000\nrequest;fetch;decode 120\n";

/// Profiles under the profilers cpu, alloc and spans beside the one under the profiler stall.
pub fn add_plausible(invocation: &Path) {
    let profiles = invocation.join("profiles");
    let all = fs::read_dir(&profiles).unwrap().map(|entry| entry.unwrap().path());
    for stall in all.filter(|path| path.is_dir()).collect::<Vec<_>>() {
        let name =
            stall.file_name().unwrap().to_str().unwrap().trim_end_matches("-stall").to_owned();
        let add = |profiler: &str, files: &[(&str, &str)]| {
            let folder = profiles.join(format!("{name}-{profiler}"));
            copy(&stall, &folder, profiler);
            files.iter().for_each(|(file, text)| fs::write(folder.join(file), text).unwrap());
        };
        let cpu = note(&[("cpu", "cpu.folded", "samples")]);
        add("cpu", &[("cpu.folded", CPU), ("profiler.json", &cpu)]);
        let alloc = note(&[
            ("alloc churn", "churn.folded", "bytes"),
            ("alloc live", "live.folded", "bytes"),
        ]);
        let memory = json!([0, 1, 2, 3].map(|i| json!({
            "ms": 100 * i, "allocated": 4_000_000 + 900_000 * i, "active": 6_000_000 + 900_000 * i, "resident": 9_000_000
        })));
        add(
            "alloc",
            &[
                ("churn.folded", CPU),
                ("live.folded", CPU),
                ("profiler.json", &alloc),
                ("alloc-memory.json", &memory.to_string()),
            ],
        );
        let poll = |at: f64, step: &str| json!({ "at_us": at, "us": 120.5, "step": step });
        let polls = [
            poll(0.0, "request"),
            poll(900.0, "request;fetch"),
            poll(8_200.0, "request;fetch;decode"),
        ];
        let slow = json!({ "request": 42, "us": 8_400.0, "polls": polls, "left_out": 0 });
        let spans = note(&[("spans", "spans.folded", "us")]);
        add(
            "spans",
            &[
                ("spans.folded", SPANS),
                ("profiler.json", &spans),
                ("spans-slow.json", &slow.to_string()),
            ],
        );
    }
}

fn note(views: &[(&str, &str, &str)]) -> String {
    let view = |(name, file, unit): &(&str, &str, &str)| json!({ "name": name, "file": file, "unit": unit, "shows": "where it goes, and nothing of what waits" });
    let views: Vec<Value> = views.iter().map(view).collect();
    json!({ "views": views, "counts": { "samples_asked": 1_000, "samples_delivered": 998 } })
        .to_string()
}

/// The recording of another run as if this profiler had looked into it.
fn copy(from: &Path, to: &Path, profiler: &str) {
    fs::create_dir(to).unwrap();
    for file in ["outcome.json", "end.json", "requests.bin", "counters.bin", "floor.bin"] {
        let _ = fs::copy(from.join(file), to.join(file));
    }
    let mut spec: Value =
        serde_json::from_slice(&fs::read(from.join("spec.json")).unwrap()).unwrap();
    spec["purpose"] = serde_json::json!({"is": "profile", "profiler": profiler, "ratio": 1});
    fs::write(to.join("spec.json"), spec.to_string()).unwrap();
}
