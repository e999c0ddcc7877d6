//! Tables as the page has them: a caption, heads, and rows whose first cell is the head of the row.

/// A table.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub caption: String,
    pub heads: Vec<Cell>,
    pub rows: Vec<Vec<Cell>>,
    /// What has to be known about its numbers.
    pub notes: Vec<String>,
}

/// A cell and its class in the style sheet.
#[derive(Debug)]
pub(crate) struct Cell {
    pub text: String,
    pub class: &'static str,
}

impl Cell {
    pub fn text(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), class: "" }
    }

    /// Stands on the right, so that digits stand below each other.
    pub fn number(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), class: "n" }
    }

    /// A number that is only a bound, or none.
    pub fn faint(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), class: "n dim" }
    }

    pub fn of_class(text: impl Into<String>, class: &'static str) -> Cell {
        Cell { text: text.into(), class }
    }
}

impl Table {
    pub fn new(caption: &str, heads: Vec<Cell>, rows: Vec<Vec<Cell>>) -> Table {
        Table { caption: caption.to_owned(), heads, rows, notes: Vec::new() }
    }

    pub fn noted(self, notes: Vec<String>) -> Table {
        Table { notes, ..self }
    }

    /// The head of a column, which a narrow screen shows beside each of its cells.
    pub fn head(&self, column: &usize) -> &str {
        self.heads.get(*column).map_or("", |head| &head.text)
    }

    /// Nothing if it has no row.
    pub fn some(self) -> Option<Table> {
        (!self.rows.is_empty()).then_some(self)
    }
}
