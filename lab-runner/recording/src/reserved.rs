//! JSON files whose disk blocks are reserved in advance, so that they can be written on a full
//! disk.

use anyhow::Context;
use serde::Serialize;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Bytes of a file, of which blanks fill the rest: one block of every common file system.
const ROOM: usize = 4_096;

/// A file of `ROOM` bytes that is rewritten in place.
#[derive(Debug)]
pub struct Reserved {
    file: File,
    path: PathBuf,
}

impl Reserved {
    /// Makes the file and fills it with blanks, which allocates its block.
    ///
    /// # Errors
    /// If the file exists or cannot be written.
    pub fn create(path: &Path) -> io::Result<Reserved> {
        let file = File::create_new(path)?;
        file.write_all_at(&[b' '; ROOM], 0)?;
        Ok(Reserved { file, path: path.to_owned() })
    }

    /// Opens a reserved file.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn open(path: &Path) -> anyhow::Result<Reserved> {
        let file = File::options().write(true).open(path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Reserved { file, path: path.to_owned() })
    }

    /// Replaces the document. If it is too long, its longest text is cut until it fits.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, document: &impl Serialize) -> anyhow::Result<()> {
        let mut value = serde_json::to_value(document)?;
        let mut text = serde_json::to_vec(&value)?;
        while text.len() > ROOM {
            shorten(&mut value);
            text = serde_json::to_vec(&value)?;
        }
        text.resize(ROOM, b' ');
        self.file
            .write_all_at(&text, 0)
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

/// Halves the longest member of a document, a text or a list.
fn shorten(value: &mut serde_json::Value) {
    let Some(object) = value.as_object_mut() else { return };
    let size = |value: &serde_json::Value| value.to_string().len();
    let Some((_, longest)) = object.iter_mut().max_by_key(|(_, value)| size(value)) else { return };
    match longest {
        serde_json::Value::String(text) => {
            let half = text.floor_char_boundary(text.len() / 2);
            *text = format!("{} … (cut)", &text[..half]);
        }
        serde_json::Value::Array(items) => items.truncate(items.len() / 2),
        other => *other = serde_json::Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn written(document: &Value) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("end.json");
        let file = Reserved::create(&path).unwrap();
        file.write(&json!({"an": "earlier and longer document"})).unwrap();
        file.write(document).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().len(), ROOM as u64);
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
    }

    #[test]
    fn a_document_replaces_a_longer_one() {
        assert_eq!(written(&json!({"ok": 1})), json!({"ok": 1}));
    }

    #[test]
    fn a_long_text_is_cut_and_the_rest_is_kept() {
        let read = written(&json!({"ending": "failed", "text": "ä".repeat(50_000)}));
        assert_eq!(read["ending"], "failed");
        assert!(read["text"].as_str().unwrap().ends_with("(cut)"));
        let read = written(&json!({"ending": "hung", "warnings": vec!["w".repeat(100); 500]}));
        assert_eq!(read["ending"], "hung");
    }
}
