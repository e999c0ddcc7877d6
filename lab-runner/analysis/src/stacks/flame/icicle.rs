//! A flame graph as a part of a page, drawn from the folded stacks: the root on top, each frame as
//! wide as its share and coloured by whose code it is, or in a difference by how much its own
//! function changed.
//!
//! Frames have their place in percent, so that a picture is as wide as there is room, and clip
//! their names by themselves.

use crate::stacks::amount;
use crate::stacks::flame::Shape;
use crate::stacks::owner::{Owner, own_function, owner};
use crate::stacks::side::{Scale, Side};
use crate::stacks::{Difference, Folded};
use anyhow::{Result, ensure};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

mod short;

use short::{short, short_of_own};

/// Frames narrower than this part of the picture in percent are never drawn: a pixel of a wide
/// screen.
const NARROWEST: f64 = 0.05;
/// Frames that have their name in them from the start; the script writes those that become wide
/// enough.
const NAMED: f64 = 2.0;
/// Pixels from one row to the next, and of a frame in it.
const ROW: usize = 19;
const FRAME: usize = 18;
/// The largest number of rows.
const MOST_ROWS: usize = 150;
/// Characters of a name in a tooltip.
const MOST_NAME: usize = 240;
/// Characters that fit a frame which is as wide as the picture, in a column of text; narrower ones
/// end in an ellipsis.
const FITS: f64 = 150.0;

/// A flame graph that can be written with more or fewer of its narrowest frames.
#[derive(Clone, Debug)]
pub struct Icicle {
    /// Escaped.
    title: String,
    /// What the colours and numbers mean, where that is not the same in every picture. Escaped.
    legend: String,
    frames: Vec<Frame>,
}

/// A frame, its texts escaped.
#[derive(Clone, Debug)]
struct Frame {
    /// The whole name, `Type::method`, and as much of that as has room.
    name: String,
    short: String,
    named_as: String,
    /// The weight in words.
    weight: String,
    /// Its left end and its width, in percent of the picture.
    left: f64,
    width: f64,
    /// From the root.
    row: usize,
    class: &'static str,
}

/// Draws one profile, per operation where operations were counted. `own_crate` is the crate under
/// test, where it is known.
///
/// # Errors
/// If there are no samples, or none that can be added up.
pub fn icicle(side: &Side, own_crate: Option<&str>, title: &str) -> Result<Icicle> {
    ensure!(!side.folded.is_empty(), "no samples: there is nothing to draw {}", side.label);
    let ops = side.some_ops();
    let drawn = side.folded.scaled(1.0 / ops.unwrap_or(1.0));
    let per = ops.map_or_else(String::new, |_| format!(" per {}", side.op));
    let nothing = Folded::default();
    let tree = Tree::new(&drawn, &nothing);
    let words = |node: &Node, total: f64| {
        format!("{}{per}, {}", amount(node.weight, side.unit), percent(node.weight / total))
    };
    let class = |node: &Node, _: &'static str| of_owner(owner(node.name, own_crate));
    Ok(Icicle {
        title: escaped(title),
        legend: String::new(),
        frames: tree.frames(own_crate, words, class)?,
    })
}

/// Draws how two profiles differ, with the widths of one of them: own functions and what they call
/// in the colour of the factor by which the function changed with all that it calls.
///
/// # Errors
/// If they cannot be compared, or if the side that gives the shape has no samples.
pub fn icicle_of_difference(
    [before, after]: [&Side; 2],
    shape: Shape,
    own_crate: Option<&str>,
    difference: &Difference,
    title: &str,
) -> Result<Icicle> {
    let scale = Scale::new(before, after)?;
    let (was, is) =
        (before.folded.scaled(1.0 / scale.before), after.folded.scaled(1.0 / scale.after));
    let (drawn, other, label, other_label) = match shape {
        Shape::Before => (&was, &is, before.label, after.label),
        Shape::After => (&is, &was, after.label, before.label),
    };
    ensure!(!drawn.is_empty(), "no samples: there is no shape {label}");
    let (ratios, unit, per) = (difference.ratios(), &scale.unit, &scale.per);
    let words = |node: &Node, total: f64| {
        let [here, there] = [node.weight, node.other].map(|weight| amount(weight, unit));
        format!("{here} {per}, {}; {other_label}: {there}", percent(node.weight / total))
    };
    // A profile has many frames of few functions.
    let known: RefCell<HashMap<String, Option<&'static str>>> = RefCell::default();
    let class = |node: &Node<'_>, caller: &'static str| {
        let found = known.borrow().get(node.name).copied();
        let class = found.unwrap_or_else(|| {
            let ratio = ratios.get(own_function(node.name).as_str()).copied();
            let of_own = (owner(node.name, own_crate) == Owner::Own).then(|| of_ratio(ratio));
            known.borrow_mut().insert(node.name.to_owned(), of_own);
            of_own
        });
        class.unwrap_or(caller)
    };
    let frames = Tree::new(drawn, other).frames(own_crate, words, class)?;
    let legend = format!(
        "Widths as in {label}; colours are the change from {} to {}",
        before.label, after.label
    );
    Ok(Icicle { title: escaped(title), legend: escaped(&legend), frames })
}

fn of_owner(owner: Owner) -> &'static str {
    match owner {
        Owner::Own => "own-code",
        Owner::Dependency => "dependency",
        Owner::Tokio => "tokio",
        Owner::Std => "std",
    }
}

/// The colour of a factor: of less, of more, or of what did not change by more than noise.
fn of_ratio(ratio: Option<f64>) -> &'static str {
    match ratio {
        None => "same",
        Some(ratio) if ratio <= 0.125 => "less3",
        Some(ratio) if ratio <= 0.5 => "less2",
        Some(ratio) if ratio < 1.0 => "less1",
        Some(ratio) if ratio < 2.0 => "more1",
        Some(ratio) if ratio < 8.0 => "more2",
        Some(_) => "more3",
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A frame with all that is called by it.
struct Node<'a> {
    name: &'a str,
    row: usize,
    left: f64,
    /// In the profile that gives the widths, and in the other one.
    weight: f64,
    other: f64,
    caller: Option<usize>,
}

/// The frames of a profile, callers first.
struct Tree<'a> {
    nodes: Vec<Node<'a>>,
    /// The frames that one frame calls, by their names.
    called: BTreeMap<(usize, &'a str), usize>,
}

impl<'a> Tree<'a> {
    /// Stacks come in the order of their frames, so that what has the same callers lies side by
    /// side.
    fn new(drawn: &'a Folded, other: &'a Folded) -> Tree<'a> {
        let root = Node { name: "all", row: 0, left: 0.0, weight: 0.0, other: 0.0, caller: None };
        let mut tree = Tree { nodes: vec![root], called: BTreeMap::new() };
        for (stack, weight) in drawn.stacks() {
            let left = tree.nodes[0].weight;
            tree.add(&stack, left, weight);
        }
        for (stack, weight) in other.stacks() {
            // What is on the other side alone weighs more there and has no width here.
            tree.add_known(&stack, weight);
        }
        tree
    }

    fn add(&mut self, stack: &[&'a str], left: f64, weight: f64) {
        let mut at = 0;
        self.nodes[at].weight += weight;
        for (depth, name) in stack.iter().enumerate() {
            let caller = at;
            at = *self.called.entry((caller, *name)).or_insert(self.nodes.len());
            if at == self.nodes.len() {
                let row = depth + 1;
                self.nodes.push(Node {
                    name,
                    row,
                    left,
                    weight: 0.0,
                    other: 0.0,
                    caller: Some(caller),
                });
            }
            self.nodes[at].weight += weight;
        }
    }

    fn add_known(&mut self, stack: &[&'a str], weight: f64) {
        let mut at = 0;
        self.nodes[at].other += weight;
        for name in stack {
            let Some(node) = self.called.get(&(at, *name)) else { return };
            at = *node;
            self.nodes[at].other += weight;
        }
    }

    fn frames(
        &self,
        own_crate: Option<&str>,
        words: impl Fn(&Node, f64) -> String,
        class: impl Fn(&Node, &'static str) -> &'static str,
    ) -> Result<Vec<Frame>> {
        let total = self.nodes[0].weight;
        ensure!(total.is_finite() && total > 0.0, "a total of {total:e} cannot be drawn");
        let mut classes: Vec<&'static str> = Vec::with_capacity(self.nodes.len());
        let mut frames = Vec::new();
        for node in &self.nodes {
            let of_caller = node.caller.map_or("outside", |caller| classes[caller]);
            let of_this = if node.row == 0 { "outside" } else { class(node, of_caller) };
            classes.push(of_this);
            let width = 100.0 * node.weight / total;
            if width < NARROWEST || node.row >= MOST_ROWS {
                continue;
            }
            let is_own = owner(node.name, own_crate) == Owner::Own;
            let name = if is_own { short_of_own(node.name) } else { short(node.name) };
            frames.push(Frame {
                name: escaped(&cut(node.name, MOST_NAME)),
                named_as: escaped(&cut(&name, ((FITS * width / 100.0) as usize).max(2))),
                short: escaped(&cut(&name, MOST_NAME)),
                weight: escaped(&words(node, total)),
                left: 100.0 * node.left / total,
                width,
                row: node.row,
                class: of_this,
            });
        }
        Ok(frames)
    }
}

impl Icicle {
    /// The picture as an element of a page, without frames that are narrower than so many percent
    /// of it. Its names are in it if it is to be seen as it is; else the script writes them when it
    /// is shown.
    pub fn svg(&self, narrowest: f64, named: bool) -> String {
        self.svg_of_rows(narrowest, named, usize::MAX)
    }

    /// The same, of the topmost rows alone: what is called below them is left out.
    pub fn svg_of_rows(&self, narrowest: f64, named: bool, most: usize) -> String {
        let is_drawn = |frame: &&Frame| frame.width >= narrowest && frame.row < most;
        let drawn = || self.frames.iter().filter(is_drawn);
        let rows = drawn().map(|frame| frame.row + 1).max().unwrap_or(1);
        let (title, legend, height) = (&self.title, &self.legend, rows * ROW);
        let mut svg = format!(
            "<svg class=\"flame\" width=\"100%\" height=\"{height}\" \
             role=\"img\"><title>{title}</title>\
             <desc>{legend}</desc>"
        );
        for frame in drawn() {
            // Writing to a String cannot fail.
            let _ = frame.write(&mut svg, named);
        }
        svg + "</svg>"
    }

    /// What its colours and widths mean, escaped; empty where every picture says the same.
    pub fn legend(&self) -> &str {
        &self.legend
    }
}

impl Frame {
    fn write(&self, to: &mut String, named: bool) -> std::fmt::Result {
        let Frame { name, short, named_as, weight, left, width, row, class } = self;
        let y = row * ROW;
        write!(
            to,
            "<svg class=\"{class}\" x=\"{left:.3}%\" y=\"{y}\" width=\"{width:.3}%\" \
             height=\"{FRAME}\" data-n=\"{short}\">\
             <title>{name} ({weight})</title><rect/>"
        )?;
        if named && *width >= NAMED {
            write!(to, "<text x=\"4\" y=\"13\">{named_as}</text>")?;
        }
        to.write_str("</svg>")
    }
}

/// The text, or its beginning and an ellipsis.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// As text of a document, which may hold no control characters.
fn escaped(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'), " ");
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests;
