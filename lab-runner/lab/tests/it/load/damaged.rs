//! A generator of damaged recordings: every file of a recording, damaged in every way. Whatever
//! `lab report` is given, it prints an error or a partial result. It neither panics nor hangs, takes
//! no more memory than it needs for an undamaged one, and does not judge what is damaged like what
//! is whole.
//!
//! The damage comes from a seed, so a failure is repeated by its name.

use crate::support::{Lab, in_parallel};
use lab_recording::pack;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde_json::Value;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The most memory that a reader may take, in kilobytes.
const MOST_MEMORY_KB: u64 = 300 << 10;
/// The longest that a reader may take. An undamaged recording takes some tenths of a second, and no
/// damage may make that five seconds; other tests use the cores meanwhile.
const LONGEST: Duration = Duration::from_secs(20);
/// Rounds of damage that is drawn at random, for each file.
const ROUNDS: u64 = 4;

/// A way to damage a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Damage {
    Removed,
    Empty,
    Half,
    LastByteMissing,
    Zeros,
    Pipe,
    Device,
    LinkToAPipe,
    Folder,
    Sparse,
    OfAnotherRun,
    /// Bytes changed at random.
    Changed(u64),
    /// Numbers of a JSON document replaced by ones that cannot be.
    Numbers(u64),
    /// Texts of a JSON document replaced by control sequences and by long ones.
    Texts(u64),
    /// Members of a JSON document left out.
    Members(u64),
}

impl Damage {
    /// Whether a file with this damage has lost so much that a report cannot look as before.
    fn is_loss(self) -> bool {
        use Damage::{Device, Empty, Folder, Half, LinkToAPipe, Pipe, Removed, Sparse, Zeros};
        matches!(
            self,
            Removed | Empty | Half | Zeros | Pipe | Device | LinkToAPipe | Folder | Sparse
        )
    }

    fn all(is_json: bool) -> Vec<Damage> {
        use Damage::*;
        let mut all = vec![
            Removed,
            Empty,
            Half,
            LastByteMissing,
            Zeros,
            Pipe,
            Device,
            LinkToAPipe,
            Folder,
            Sparse,
            OfAnotherRun,
        ];
        all.extend((0..ROUNDS).map(Changed));
        if is_json {
            let drawn = |seed| [Numbers(seed), Texts(seed), Members(seed)];
            all.extend((0..ROUNDS).flat_map(drawn));
        }
        all
    }

    /// Damages a file. Returns false where the file cannot have this damage.
    fn apply(self, file: &Path, other: &Path) -> bool {
        let bytes = std::fs::read(file).unwrap();
        let put = |bytes: &[u8]| std::fs::write(file, bytes).unwrap();
        if let Damage::Pipe | Damage::Device | Damage::LinkToAPipe | Damage::Folder = self {
            std::fs::remove_file(file).unwrap();
        }
        match self {
            Damage::Removed => std::fs::remove_file(file).unwrap(),
            Damage::Empty => put(&[]),
            Damage::Half => put(&bytes[..bytes.len() / 2]),
            Damage::LastByteMissing => put(&bytes[..bytes.len().saturating_sub(1)]),
            Damage::Zeros => put(&vec![0; bytes.len()]),
            Damage::Pipe => make_pipe(file),
            Damage::Device => symlink("/dev/zero", file).unwrap(),
            Damage::LinkToAPipe => {
                make_pipe(&file.with_extension("pipe"));
                symlink(file.with_extension("pipe"), file).unwrap();
            }
            Damage::Folder => std::fs::create_dir(file).unwrap(),
            Damage::Sparse => {
                std::fs::File::options().write(true).open(file).unwrap().set_len(5 << 30).unwrap();
            }
            Damage::OfAnotherRun => match std::fs::read(other) {
                Ok(of_other) if of_other != bytes => put(&of_other),
                _ => return false,
            },
            Damage::Changed(seed) => put(&changed(bytes, seed)),
            Damage::Numbers(seed) | Damage::Texts(seed) | Damage::Members(seed) => {
                let Ok(mut document) = serde_json::from_slice::<Value>(&bytes) else {
                    return false;
                };
                self.change(&mut document, &mut Pcg64Mcg::seed_from_u64(seed));
                put(document.to_string().as_bytes());
            }
        }
        true
    }

    /// Whether a value is changed. Where many are, the document is no longer one of its kind; where
    /// few are, it is, and says something that cannot be.
    fn hits(self, random: &mut Pcg64Mcg) -> bool {
        let (Damage::Numbers(seed) | Damage::Texts(seed) | Damage::Members(seed)) = self else {
            return false;
        };
        let one_in = [3, 10, 40, 200][seed as usize % 4];
        random.next_u32().is_multiple_of(one_in)
    }

    /// Changes values of a document.
    fn change(self, value: &mut Value, random: &mut Pcg64Mcg) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.change(item, random)),
            Value::Object(members) => {
                if matches!(self, Damage::Members(_)) {
                    members.retain(|_, _| !self.hits(random));
                }
                members.values_mut().for_each(|member| self.change(member, random));
            }
            Value::Number(number) if matches!(self, Damage::Numbers(_)) && self.hits(random) => {
                let at = random.next_u32() as usize;
                let whole = [u64::MAX, 1 << 62, 1 << 40, 1_000, 0];
                let real = [1e300, -1.0, 0.0, 1e-300];
                *value = match number.is_f64() {
                    true => real[at % real.len()].into(),
                    false => whole[at % whole.len()].into(),
                };
            }
            Value::String(text) if matches!(self, Damage::Texts(_)) && self.hits(random) => {
                let hostile = ["\u{1b}]0;title\u{7}", "a\rFAULT", "\u{202e}abc", "", "../../etc"];
                let at = random.next_u32() as usize % (hostile.len() + 1);
                *text = hostile.get(at).map_or_else(|| "x".repeat(100_000), |text| (*text).into());
            }
            _ => {}
        }
    }
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Up to sixteen bytes replaced, half of them in the first hundred, where headers are.
fn changed(mut bytes: Vec<u8>, seed: u64) -> Vec<u8> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    for number in 0..1 + random.next_u32() % 16 {
        let length = if number % 2 == 0 { bytes.len().min(100) } else { bytes.len() };
        if length > 0 {
            let at = random.next_u64() as usize % length;
            bytes[at] = random.next_u32() as u8;
        }
    }
    bytes
}

/// All plain files below a folder, relative to it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => found.push(entry.strip_prefix(folder).unwrap().to_owned()),
            }
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(&file);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(from.join(&file), target).unwrap();
    }
}

/// What a command did: its exit code, what it printed, and what it took.
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    took: Duration,
    peak_kb: u64,
}

/// Runs a command to its end, or kills it after twice the longest time that it may take.
fn watched(mut command: Command) -> Ended {
    let [out, err] = [(); 2].map(|()| tempfile::NamedTempFile::new().unwrap());
    let streams = [&out, &err].map(|file| Stdio::from(file.reopen().unwrap()));
    let [stdout, stderr] = streams;
    let begin = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).spawn().unwrap();
    let mut peak_kb = 0;
    let status = loop {
        // The peak only grows, and the last look is a few milliseconds before the end.
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|kb| kb.trim().strip_suffix(" kB")?.parse().ok());
        peak_kb = peak_kb.max(peak.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begin.elapsed() > 2 * LONGEST {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    let took = begin.elapsed();
    let [stdout, stderr] = [out, err]
        .map(|file| String::from_utf8_lossy(&std::fs::read(file.path()).unwrap()).into_owned());
    Ended { code: status.code(), stdout, stderr, took, peak_kb }
}

/// The report without what names its folder.
fn report(lab: &Lab, folder: &Path) -> Ended {
    let mut ended =
        watched(lab.command(&["report", &folder.display().to_string(), "--format", "json"]));
    ended.stdout = ended.stdout.replace(&folder.display().to_string(), "FOLDER");
    ended
}

/// Damages each file of a run and its profiles in every way and reads what is left.
fn every_damage_is_survived(whole: &Path, other: &Path) {
    let lab = Lab::builtin();
    let before = report(&lab, whole);
    assert!([Some(0), Some(4)].contains(&before.code), "{}", before.stderr);
    let cases: Vec<(PathBuf, Damage)> = files(whole)
        .into_iter()
        .filter(|file| is_read(file))
        .flat_map(|file| {
            let is_json = file.extension().is_some_and(|extension| extension == "json");
            Damage::all(is_json).into_iter().map(move |damage| (file.clone(), damage))
        })
        .collect();
    let wrong = Mutex::new(Vec::new());
    in_parallel(cases.len(), |number| {
        let (file, damage) = &cases[number];
        let folder = tempfile::tempdir().unwrap();
        copy(whole, folder.path());
        if damage.apply(&folder.path().join(file), &other.join(file)) {
            let complaints = complaints(&before, &report(&lab, folder.path()), file, *damage);
            let shown = file.display();
            let named = complaints.iter().map(|what| format!("{damage:?} of {shown}: {what}"));
            wrong.lock().unwrap().extend(named);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(cases.len() > 100, "{} kinds of damage", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// Whether a report reads a file: not the output of the scenario, what was made of a recording, and
/// logs that were added up.
fn is_read(file: &Path) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    let is_made_again = [".svg", ".html", ".pb.gz"].iter().any(|end| name.ends_with(end));
    let is_added_up = name == "sched.bin" || name == "stall.bin";
    !is_made_again && !is_added_up && !["stdout.txt", "stderr.txt", "end.json"].contains(&name)
}

/// What is wrong about a report of a damaged recording.
fn complaints(before: &Ended, ended: &Ended, file: &Path, damage: Damage) -> Vec<String> {
    let mut wrong = Vec::new();
    if !matches!(ended.code, Some(0..=4)) {
        wrong.push(format!("ended with {:?}: {}", ended.code, ended.stderr));
    }
    if ended.stderr.contains("panicked") || ended.stderr.contains('\u{1b}') {
        wrong.push(ended.stderr.clone());
    }
    if ended.took > LONGEST {
        wrong.push(format!("took {:?}", ended.took));
    }
    if ended.peak_kb > MOST_MEMORY_KB {
        wrong.push(format!("took {} MB", ended.peak_kb >> 10));
    }
    // Whatever a claim is judged by must not be missed in silence.
    let is_judged_by = ["spec.json", "outcome.json", "requests.bin", "counters.bin"];
    let is_essential = is_judged_by.iter().any(|name| file == Path::new("01-buggy").join(name));
    // The second half of the small files is room for what did not happen.
    let is_room = damage == Damage::Half && file.file_name() != Some("requests.bin".as_ref());
    if is_essential && damage.is_loss() && !is_room && ended.stdout == before.stdout {
        wrong.push("the report is as before".into());
    }
    wrong
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn every_damage_to_a_run_and_its_profiles_is_survived() {
    let lab = Lab::builtin();
    lab.passed_but_for_times(&["run", "greedy", "--duration", "500ms", "--profile", "cpu,sched"]);
    let whole = lab.newest();
    let other = Lab::builtin();
    let more = ["--duration", "500ms", "--seed", "8", "--profile", "cpu,sched"];
    other.passed_but_for_times(&[&["run", "greedy"], &more[..]].concat());
    every_damage_is_survived(&whole, &other.newest());
}

#[test]
#[ignore = "minutes of load: cargo test --test it -- --ignored"]
fn every_damage_to_a_hang_and_its_thread_dump_is_survived() {
    let lab = Lab::builtin();
    lab.passed(&["run", "shutdown", "--profile", "none"]);
    let recorded =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../book/data/shutdown-trials.lab");
    let other = pack::open(&recorded).unwrap();
    every_damage_is_survived(&lab.newest(), other.folder());
}
