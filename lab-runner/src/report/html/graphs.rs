//! The flame graphs of the page: which there are, and how fine they may be drawn for the page to
//! stay small.

use lab_analysis::evidence::Evidence;
use lab_analysis::stacks::flame::{Icicle, Shape, icicle, icicle_of_difference};
use lab_analysis::stacks::{Difference, Side};

/// Bytes that all pictures together may have: the page is to stay below four megabytes.
const BUDGET: usize = 2_700_000;
/// Frames narrower than this part of a picture in percent are left out, and whether there is room
/// for the pictures with the runtime's own frames; from the finest to the coarsest.
const FINENESS: [(f64, bool); 8] = [
    (0.1, true),
    (0.2, true),
    (0.4, true),
    (0.8, true),
    (0.4, false),
    (1.0, false),
    (2.0, false),
    (5.0, false),
];

/// One picture of a view, or why there is none.
pub(crate) struct Graph {
    /// What the switch calls it.
    pub label: String,
    /// With the runtime's frames folded into one, and with all of them.
    pub folded: Result<Icicle, String>,
    pub full: Option<Icicle>,
    /// It is a difference, which has other colours.
    pub differs: bool,
}

/// The pictures of a view: one of each run, and of two runs how they differ in both shapes. `full`
/// is the same view with the runtime's own frames.
pub(crate) fn of_view(title: &str, folded: &Evidence, full: &Evidence) -> Vec<Graph> {
    let role = |number| match (folded.seen.len(), number) {
        (2, 0) => "before: ",
        (2, 1) => "after: ",
        _ => "",
    };
    let runs = folded.seen.iter().enumerate().map(|(number, seen)| Graph {
        label: format!("{}{}", role(number), seen.label),
        folded: of_run(title, folded, number),
        full: of_run(title, full, number).ok(),
        differs: false,
    });
    let [of_folded, of_full] = [folded, full].map(Evidence::difference);
    let difference = |shape: Shape, side: &Side<'_>| Graph {
        label: format!("difference, drawn as {}", side.label),
        folded: between(title, folded, of_folded.as_ref(), shape),
        full: between(title, full, of_full.as_ref(), shape).ok(),
        differs: true,
    };
    let differences = folded.sides().into_iter().flat_map(|[before, after]| {
        [difference(Shape::Before, &before), difference(Shape::After, &after)]
    });
    runs.chain(differences).collect()
}

fn of_run(title: &str, evidence: &Evidence, number: usize) -> Result<Icicle, String> {
    let seen = evidence.seen.get(number).ok_or("nothing was recorded")?;
    let title = format!("{title}: {}", seen.label);
    icicle(&evidence.side(seen), evidence.own_crate, &title).map_err(|error| error.to_string())
}

fn between(
    title: &str,
    evidence: &Evidence,
    difference: Option<&Difference>,
    shape: Shape,
) -> Result<Icicle, String> {
    let [before, after] = evidence.sides().ok_or("there are no two runs")?;
    let title = format!("{title}: {} against {}", before.label, after.label);
    let difference = difference.ok_or("no samples on either side")?;
    icicle_of_difference([&before, &after], shape, evidence.own_crate, difference, &title)
        .map_err(|error| error.to_string())
}

/// How fine the pictures are drawn.
#[derive(Clone, Copy)]
pub(crate) struct Fineness {
    /// Narrower frames are left out, in percent of a picture.
    pub narrowest: f64,
    /// Whether the pictures with the runtime's own frames are there.
    pub full: bool,
}

/// The finest drawing that the page has room for.
pub(crate) fn fineness(views: &[Vec<Graph>]) -> Fineness {
    let size = |narrowest: f64, full: bool| {
        let size = |picture: &Icicle| picture.svg(narrowest, false).len();
        let graphs = || views.iter().flatten();
        let folded: usize = graphs().filter_map(|graph| graph.folded.as_ref().ok()).map(size).sum();
        let rest: usize =
            graphs().filter_map(|graph| graph.full.as_ref()).filter(|_| full).map(size).sum();
        folded + rest
    };
    let fits = |(narrowest, full): &(f64, bool)| size(*narrowest, *full) <= BUDGET;
    let (narrowest, full) = FINENESS.into_iter().find(fits).unwrap_or(FINENESS[FINENESS.len() - 1]);
    Fineness { narrowest, full }
}

/// Bytes that are left for pictures while they are taken one after another: the last resort of a
/// page that would be too large even in the coarsest drawing.
pub(crate) struct Room(usize);

impl Room {
    pub fn all() -> Room {
        Room(BUDGET)
    }

    /// The picture, if there is room for it.
    pub fn take(&mut self, svg: String) -> Result<String, String> {
        match self.0.checked_sub(svg.len()) {
            Some(left) => {
                self.0 = left;
                Ok(svg)
            }
            None => Err("too large for this page".into()),
        }
    }
}
