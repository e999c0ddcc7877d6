//! A function in a stack.

use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};

/// A function in a stack. An inlined one is a frame of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function's name, or `[unknown in <file>]`.
    pub function: String,
    /// The source file, if the debug information has it.
    pub file: Option<String>,
    /// The line in it.
    pub line: Option<u32>,
}

impl Frame {
    /// The name in a folded stack. With line tables only, all inlined closures and `async fn`s have
    /// the same name, so their file and line are added.
    pub fn name(&self) -> String {
        let place = self.file.as_ref().zip(self.line).filter(|_| self.function.starts_with('{'));
        let name = match place {
            Some((file, line)) => {
                format!("{} {}:{line}", self.function, file.rsplit('/').next().unwrap_or_default())
            }
            None => self.function.clone(),
        };
        name.replace(';', ":")
    }
}

impl Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{} ({file}:{line})", self.function),
            _ => f.write_str(&self.function),
        }
    }
}
