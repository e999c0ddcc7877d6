//! `lab exercise new SLUG`: the skeleton of an exercise in a pack. It builds, its starter misses its
//! goal and its solution meets it, so that whoever writes one changes something that works.

use crate::cli::exercise::NewExerciseArgs;
use crate::cmd::exercise::manifest::{Manifest, VERSION};
use crate::cmd::exercise::pack::{MANIFEST, Pack};
use crate::cmd::exercise::seal;
use crate::exit::{self, Exit, UsageError};
use crate::report::screen::invoked;
use anyhow::Context;
use lab_recording::file;
use std::fs;
use std::path::PathBuf;

const STARTER: &str = include_str!("../../../templates/exercise/starter.rs");
const SOLUTION: &str = include_str!("../../../templates/exercise/solution.rs");
const TRAP: &str = include_str!("../../../templates/exercise/trap.rs");
const ENTRY: &str = include_str!("../../../templates/exercise/info.toml");
const PAGE: &str = include_str!("../../../templates/exercise/page.md");

pub(crate) fn run(args: &NewExerciseArgs, pack: &Pack) -> anyhow::Result<Exit> {
    let slug = &args.slug;
    let in_slug = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins = slug.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins || !slug.chars().all(in_slug) || slug.len() > 40 || slug.ends_with('-') {
        return Err(UsageError::error(format!(
            "'{slug}' is no slug: lower case letters, digits and hyphens, a letter first: \
             try slow-login"
        )));
    }
    if pack.exercises.iter().any(|exercise| exercise.slug() == slug) {
        return Err(UsageError::error(format!("there is an exercise {slug} already")));
    }
    let title = title(slug);
    let filled = |text: &str| {
        text.replace("SLUG", slug)
            .replace("TITLE", &title)
            .replace("CRATE", &slug.replace('-', "_"))
    };
    let files = [
        (format!("src/bin/{slug}.rs"), STARTER),
        (format!("starters/{slug}.rs"), STARTER),
        (format!("solutions/{slug}.rs"), SOLUTION),
        (format!("traps/{slug}/first-trap.rs"), TRAP),
        (page(pack, slug), PAGE),
    ];
    let in_the_way = files.iter().find(|(name, _)| pack.folder.join(name).exists());
    if let Some((name, _)) = in_the_way {
        let path = pack.folder.join(name);
        return Err(UsageError::error(format!("{} is there already", path.display())));
    }
    let (manifest, cargo) = (pack.folder.join(MANIFEST), pack.folder.join("Cargo.toml"));
    let read = |path: &PathBuf| {
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    let (entry, bins) = (read(&manifest)? + &filled(ENTRY), read(&cargo)? + &bins(slug));
    // What would be written is read before anything is.
    let parsed: Manifest = toml::from_str(&entry).context("the new manifest")?;
    anyhow::ensure!(parsed.format_version == VERSION, "the new manifest has another version");
    for (name, text) in &files {
        let path = pack.folder.join(name);
        let folder = path.parent().unwrap_or(&pack.folder);
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        file::replace(&path, filled(text).as_bytes())?;
    }
    file::replace(&cargo, bins.as_bytes())?;
    file::replace(&manifest, entry.as_bytes())?;
    seal::write(&Pack::open(Some(&pack.folder))?)?;
    let lab = invoked();
    exit::print(|to| {
        for (name, _) in &files {
            writeln!(to, "created    {}", pack.folder.join(name).display())?;
        }
        writeln!(to, "changed    {} and {}", manifest.display(), cargo.display())?;
        writeln!(to, "next       {lab} exercise verify {slug}   then write the lesson")
    })?;
    Ok(Exit::Done)
}

/// `slow-quotes` is called `Slow quotes`.
fn title(slug: &str) -> String {
    let words = slug.replace('-', " ");
    let mut letters = words.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// Where its page goes: into the book if there is one beside the pack, else into the pack.
fn page(pack: &Pack, slug: &str) -> String {
    let has_book = pack.folder.join("../book/src").is_dir();
    let folder = if has_book { "../book/src/exercises" } else { "book" };
    format!("{folder}/{slug}.md")
}

/// The programs of an exercise in the manifest of cargo.
fn bins(slug: &str) -> String {
    let programs = [
        (slug.to_owned(), format!("src/bin/{slug}.rs")),
        (format!("{slug}-starter"), format!("starters/{slug}.rs")),
        (format!("{slug}-solution"), format!("solutions/{slug}.rs")),
        (format!("{slug}-trap-first-trap"), format!("traps/{slug}/first-trap.rs")),
    ];
    let one = |(name, path): &(String, String)| {
        format!(
            "\n[[bin]]\nname = \"{name}\"\npath = \"{path}\"\ntest = false\nbench = false\n\
             doc = false\n"
        )
    };
    programs.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cmd::exercise::pack::tests::{SMALL, pack};

    #[test]
    fn a_skeleton_is_a_whole_exercise() {
        let (folder, small) = pack(SMALL);
        fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"p\"\n").unwrap();
        let args = NewExerciseArgs { slug: "slow-login".into() };
        run(&args, &small.unwrap()).unwrap();
        let made = Pack::open(Some(folder.path())).unwrap();
        let exercise = made.exercise("slow-login").unwrap();
        for variant in exercise.variants() {
            let source = fs::read_to_string(exercise.source(variant)).unwrap();
            assert!(source.starts_with("//! Slow login."), "{variant}: {source}");
        }
        assert!(exercise.page().is_some());
        let again = Pack::open(Some(folder.path())).unwrap();
        assert!(run(&args, &again).unwrap_err().to_string().contains("already"));
    }

    #[test]
    fn a_name_that_is_no_slug_is_refused() {
        let (_folder, pack) = pack(SMALL);
        let pack = pack.unwrap();
        for slug in ["Slow", "../x", "", "1st", "a-", "a b"] {
            let args = NewExerciseArgs { slug: slug.into() };
            assert!(run(&args, &pack).unwrap_err().to_string().contains("is no slug"), "{slug}");
        }
    }
}
