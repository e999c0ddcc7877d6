//! What is packed comes back, the same bytes each time; an archive of another origin is refused.

use super::*;
use crate::folder::Recorder;
use crate::spec::Spec;
use crate::{Kind, Load};
use std::os::unix::fs::symlink;
use tempfile::TempDir;

/// An invocation of one run with a log, a profile with a raw log, and a page.
fn invocation() -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("greedy-1");
    fs::create_dir_all(folder.join("profiles")).unwrap();
    let spec = Spec::new("greedy", "buggy", Kind::Buggy, Load::DEFAULT);
    for run in ["01-buggy", "profiles/buggy-sched"] {
        Recorder::create(&folder.join(run), &spec).unwrap();
    }
    let log: Vec<u8> = (0..400_u32).flat_map(|word| u64::from(word * 7).to_ne_bytes()).collect();
    fs::write(folder.join("01-buggy/requests.bin"), log).unwrap();
    fs::write(folder.join("profiles/buggy-sched/sched.bin"), [7; 5_000]).unwrap();
    fs::write(folder.join("report.html"), "<p>").unwrap();
    fs::create_dir(folder.join("01-buggy/scratch")).unwrap();
    fs::write(folder.join("01-buggy/scratch/pipe"), "").unwrap();
    (temporary, folder)
}

fn packed(folder: &Path, contents: Contents) -> (Packed, Vec<u8>) {
    let mut bytes = Vec::new();
    (pack(folder, contents, &mut bytes).unwrap(), bytes)
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = BTreeSet::new();
    collect(folder, Contents::Everything, &mut found).unwrap();
    let file =
        |path: PathBuf| (path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap());
    found.into_iter().map(file).collect()
}

/// An archive that [`pack`] would not make, of these entries: kind, path, and contents.
fn archive(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut archive =
        Builder::new(GzBuilder::new().comment(FORMAT).write(Vec::new(), Compression::fast()));
    for (kind, path, bytes) in entries {
        let mut header = Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_link_name("/etc/passwd").unwrap();
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

/// The error of unpacking these bytes; nothing may be left outside of the folder that they are
/// unpacked into.
fn refused(bytes: &[u8]) -> String {
    let temporary = tempfile::tempdir().unwrap();
    let (file, into) = (temporary.path().join("x.lab"), temporary.path().join("into"));
    fs::write(&file, bytes).unwrap();
    fs::create_dir(&into).unwrap();
    let error = unpack(&file, &into).unwrap_err();
    assert_eq!(
        fs::read_dir(temporary.path()).unwrap().count(),
        2,
        "nothing is written beside the folder"
    );
    format!("{error:#}")
}

#[test]
fn a_recording_comes_back_and_the_same_one_makes_the_same_bytes() {
    let (temporary, folder) = invocation();
    let (made, bytes) = packed(&folder, Contents::Everything);
    let file = temporary.path().join("greedy.lab");
    fs::write(&file, &bytes).unwrap();
    let opened = open(&file).unwrap();
    assert_eq!(files(opened.folder()), files(&folder));
    assert_eq!(made.files, files(&folder).len());
    assert_eq!(opened.folder().file_name(), folder.file_name(), "a run keeps its name");
    let copy = temporary.path().join("copy/greedy-1");
    for (path, bytes) in files(&folder).into_iter().rev() {
        fs::create_dir_all(copy.join(&path).parent().unwrap()).unwrap();
        fs::write(copy.join(path), bytes).unwrap();
    }
    assert_eq!(
        packed(&copy, Contents::Everything).1,
        bytes,
        "times and order of the files do not matter"
    );
    let temporary_folder = opened.folder().to_owned();
    drop(opened);
    assert!(!temporary_folder.exists(), "the temporary folder is removed");
}

#[test]
fn a_recording_for_documents_has_no_raw_logs_and_no_generated_files() {
    let (_temporary, folder) = invocation();
    let all = packed(&folder, Contents::Everything).0;
    let few = packed(&folder, Contents::Report).0;
    assert_eq!(
        (all.files - few.files, all.bytes - few.bytes),
        (2, 5_003),
        "sched.bin and report.html"
    );
}

#[test]
fn documents_name_source_files_below_the_current_folder() {
    let here = std::env::current_dir().unwrap();
    let text = |file: &str| {
        let path = format!("{{\"file\": \"{}/src/buggy.rs\"}}", here.display());
        String::from_utf8(below_here(Path::new(file), path.into_bytes())).unwrap()
    };
    assert_eq!(text("threads.json"), "{\"file\": \"src/buggy.rs\"}");
    assert!(text("stdout.txt").contains(&here.display().to_string()), "only JSON has such paths");
    assert_eq!(below_here(Path::new("a.json"), vec![0xff]), [0xff], "no text is left as it is");
}

#[test]
fn a_packed_recording_is_shown_as_if_the_file_were_its_folder() {
    let (temporary, folder) = invocation();
    let file = temporary.path().join("greedy.lab");
    fs::write(&file, packed(&folder, Contents::Everything).1).unwrap();
    let run = open(&file.join("01-buggy")).unwrap();
    assert!(is_recording(run.folder()));
    assert_eq!(run.shown(run.folder()), file.join("01-buggy"));
    assert_eq!(run.shown(run.folder().parent().unwrap()), file);
    assert_eq!(run.read_at(&file.join("01-buggy")), run.folder());
    assert_eq!(run.shown(Path::new("elsewhere")), Path::new("elsewhere"));
    assert!(
        open(&file.join("02-fixed")).unwrap_err().to_string().contains("there is no 02-fixed in")
    );
    assert!(open(&file.join("../..")).is_err(), "a path does not lead out of a file");
    assert_eq!(open(&folder).unwrap().folder(), folder, "a folder is read where it lies");
}

#[test]
fn a_folder_without_a_recording_is_not_packed() {
    let (temporary, folder) = invocation();
    let error =
        |folder: &Path| pack(folder, Contents::Everything, Vec::new()).unwrap_err().to_string();
    assert!(error(&temporary.path().join("none")).starts_with("there is no folder"));
    assert!(error(&folder.join("01-buggy/scratch")).starts_with("there is no recording in"));
    symlink("/etc/passwd", folder.join("01-buggy/link")).unwrap();
    assert!(error(&folder).contains("link is neither a file nor a folder"));
}

#[test]
fn a_foreign_archive_is_rejected_and_writes_nothing_outside() {
    use EntryType as Is;
    assert!(refused(b"plain text").contains("is not a packed recording"));
    assert!(
        refused(&archive(&[(Is::Regular, "../escaped", b"x")])).contains("../escaped leads out")
    );
    assert!(refused(&archive(&[(Is::Regular, "run/../../escaped", b"x")])).contains("leads out"));
    assert!(refused(&archive(&[(Is::Regular, "/tmp/lab-escaped", b"x")])).contains("leads out"));
    assert!(refused(&archive(&[(Is::Regular, "spec.json", b"x")])).contains("leads out"));
    let others = [
        Is::Symlink,
        Is::Link,
        Is::Char,
        Is::Block,
        Is::Fifo,
        Is::Directory,
        Is::GNULongName,
        Is::GNUSparse,
    ];
    for kind in others {
        assert!(
            refused(&archive(&[(kind, "run/passwd", b"")])).contains("is not a plain file"),
            "{kind:?}"
        );
    }
    let twice = [(Is::Regular, "run/spec.json", &b"1"[..]), (Is::Regular, "run/spec.json", b"2")];
    assert!(refused(&archive(&twice)).contains("is there twice"));
    let two = [(Is::Regular, "a/spec.json", &b"1"[..]), (Is::Regular, "b/spec.json", b"2")];
    assert!(refused(&archive(&two)).contains("holds no recording"));
    assert!(refused(&archive(&[])).contains("holds no recording"));
}

#[test]
fn an_archive_above_the_limits_is_rejected() {
    let temporary = tempfile::tempdir().unwrap();
    let file = temporary.path().join("x.lab");
    let entries = ["run/1", "run/2", "run/3"].map(|path| (EntryType::Regular, path, &[0; 100][..]));
    fs::write(&file, archive(&entries)).unwrap();
    let unpacked = |name: &str, files, bytes| {
        let into = temporary.path().join(name);
        let outcome = unpack_at_most(Packed { files, bytes }, &file, &into);
        outcome.map(|_| ()).map_err(|error| format!("{error:#}"))
    };
    assert_eq!(unpacked("all", 3, 300), Ok(()));
    assert!(unpacked("files", 2, 300).unwrap_err().contains("more than 2 files"));
    assert!(unpacked("bytes", 3, 299).unwrap_err().contains("more than 299 bytes"));
}

#[test]
fn damage_anywhere_in_a_file_is_reported() {
    let (_temporary, folder) = invocation();
    let (_, bytes) = packed(&folder, Contents::Everything);
    for cut in [30, bytes.len() / 2, bytes.len() - 1] {
        let error = refused(&bytes[..cut]);
        assert!(error.contains("cannot unpack") || error.contains("is damaged"), "{cut}: {error}");
    }
    let mut flipped = bytes.clone();
    let middle = flipped.len() - 6;
    flipped[middle] ^= 1;
    assert!(refused(&flipped).contains("damaged"), "the checksum is verified");
}
