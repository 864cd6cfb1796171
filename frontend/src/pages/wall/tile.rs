//! One participant's tile in the page. The cells are drawn while the tile is near the sight.

use leptos::prelude::*;
use shared::render::{self, Options};
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::elements::set_attribute;
use crate::components::cells::{DrawnCells, options, problem_html};
use crate::components::tile::{FRESH_SAVE_S, cell_count, error_mark};
use crate::html;
use crate::html::{Html, set_html};
use crate::model::age::describe;
use crate::model::arrangement::Density;
use crate::model::insight::HelpState;
use crate::model::tail;
use crate::store::wall::TileEntry;

/// A tile that is drawn for the first time pulses when its save is younger than this.
const PULSE_MAX_AGE_S: i64 = 2;
/// A small tile shows so many of the last cells.
const SMALL_TILE_CELLS: usize = 2;
/// A change is marked on a square for so long.
const CHANGE_S: i64 = 60;

/// The parts of a tile, in the order of the page.
const PARTS: [&str; 7] = [
    ".tile-link",
    ".mark",
    ".change",
    ".tile-cells",
    ".age",
    ".problems",
    ".nb",
];

/// One participant's tile.
pub(super) struct BoardTile {
    pub(super) user: String,
    pub(super) element: HtmlElement,
    parts: [Element; 7],
    cells: DrawnCells,
    /// Whether it is in sight, or about to be.
    pub(super) is_near: bool,
    /// Whether what is drawn is older than the tile, or nothing is drawn.
    pub(super) is_stale: bool,
    /// Whether it has a place in the arrangement.
    pub(super) is_shown: bool,
    /// The texts and attributes that stand in the page.
    said: Vec<(usize, String)>,
    saves: u32,
}

impl BoardTile {
    /// A tile without content; `None` in a page that is being left.
    pub(super) fn new(user: &str, saves: u32) -> Option<Self> {
        let element = document().create_element("article").ok()?;
        for (name, value) in [
            ("class", "tile"),
            ("data-testid", "tile"),
            ("data-user", user),
        ] {
            element.set_attribute(name, value).ok()?;
        }
        set_html(
            &element,
            &Html::from_static(
                "<header class=tile-header><h2><a class=tile-link></a></h2><span class=mark></span>\
                 <span class=change aria-hidden=true></span><span class=tile-cells></span>\
                 <span class=age data-testid=tile-age></span></header>\
                 <div class=problems></div><div class=tile-body tabindex=0 role=group>\
                 <div class=nb></div></div>",
            ),
        );
        let part = |selector| element.query_selector(selector).ok().flatten();
        let parts: Vec<Element> = PARTS.into_iter().filter_map(part).collect();
        Some(Self {
            user: user.to_owned(),
            parts: parts.try_into().ok()?,
            element: element.dyn_into().ok()?,
            cells: DrawnCells::default(),
            is_near: false,
            is_stale: true,
            is_shown: false,
            said: Vec::new(),
            saves,
        })
    }

    /// Sets the name that is shown and where a click leads.
    pub(super) fn name(&mut self, name: &str, is_hidden: bool, href: &str) {
        if !self.is_news(NAME, &format!("{name}\n{href}")) {
            return;
        }
        let link = &self.parts[0];
        link.set_text_content(Some(name));
        set_attribute(link, "href", href);
        // The title is for names that are cut.
        set_attribute(link, "title", if is_hidden { "" } else { name });
        set_attribute(&self.element, "aria-label", name);
        if let Some(body) = self.parts[6].parent_element() {
            set_attribute(&body, "aria-label", &format!("Last cells of {name}"));
        }
    }

    /// Shows whether they ask for help, or were helped.
    pub(super) fn help(&mut self, help: HelpState) {
        if self.is_news(HELP, help.name()) {
            set_attribute(&self.element, "data-help", help.name());
        }
    }

    /// Draws what does not need the cells: the state, the age, the marks.
    pub(super) fn head(&mut self, entry: &TileEntry, now_ms: i64) {
        let brief = &entry.brief;
        let age_s = brief.age_s(now_ms);
        if self.is_news(STATE, brief.state(now_ms).name()) {
            set_attribute(&self.element, "data-state", brief.state(now_ms).name());
        }
        let mark = format!("{}{}", brief.ends_in_error, brief.has_problem);
        if self.is_news(MARK, &mark) {
            let problem = match brief.has_problem {
                true => {
                    "<span class=problem-mark title=\"Saves fail, or it cannot be read\">!</span>"
                }
                false => "",
            };
            let mark = html!(
                "{}{}",
                error_mark(brief.ends_in_error),
                Html::from_static(problem)
            );
            set_html(&self.parts[1], &mark);
        }
        let change = if age_s < CHANGE_S { &*entry.change } else { "" };
        self.text(CHANGE, change);
        self.text(CELLS, &cell_count(brief.total_cells));
        self.text(AGE, &format!("saved {}", describe(age_s)));
        let fresh = if age_s < FRESH_SAVE_S {
            "age fresh"
        } else {
            "age"
        };
        if self.is_news(FRESH, fresh) {
            self.parts[AGE].set_class_name(fresh);
        }
    }

    /// Draws the cells, and the pulse of a save.
    pub(super) fn draw(&mut self, entry: &TileEntry, density: Density, now_ms: i64) {
        self.is_stale = false;
        self.head(entry, now_ms);
        self.pulse(entry, now_ms);
        if density == Density::Dots {
            return;
        }
        let Some(tile) = entry.tile() else { return };
        let problem = problem_html(&tile);
        if self.is_news(PROBLEM, &problem) {
            set_html(&self.parts[PROBLEM], &problem);
        }
        let options = Options {
            scrolls_whole: true,
            ..options(&tile)
        };
        let mut cells = tail::for_tile(tile.cells);
        if density == Density::Small {
            cells.drain(..cells.len().saturating_sub(SMALL_TILE_CELLS));
        }
        self.cells.draw(&self.parts[6], &cells, |cell| {
            render::cells(std::slice::from_ref(cell), &options).into()
        });
    }

    /// Removes the cells from the page.
    pub(super) fn clear(&mut self) {
        self.is_stale = true;
        self.cells.clear(&self.parts[6]);
    }

    /// Notes a save that is not shown, so that the tile does not pulse when it comes into sight.
    pub(super) fn skip_pulse(&mut self, entry: &TileEntry) {
        self.saves = entry.saves;
    }

    fn pulse(&mut self, entry: &TileEntry, now_ms: i64) {
        let is_first = !self.said.iter().any(|(what, _)| *what == PULSE);
        let has_saved = match is_first {
            true => entry.saves > 0 && entry.brief.age_s(now_ms) < PULSE_MAX_AGE_S,
            false => entry.saves != self.saves,
        };
        self.saves = entry.saves;
        // The same animation under two names: changing the name starts it again.
        let class = match (has_saved, entry.saves % 2) {
            (true, 1) => "tile pulse-odd",
            (true, _) => "tile pulse-even",
            (false, _) if is_first => "tile",
            (false, _) => return,
        };
        if self.is_news(PULSE, class) {
            self.element.set_class_name(class);
        }
    }

    fn text(&mut self, part: usize, text: &str) {
        if self.is_news(part, text) {
            self.parts[part].set_text_content(Some(text));
        }
    }

    /// Whether something is said for the first time; notes it.
    fn is_news(&mut self, what: usize, text: &str) -> bool {
        match self.said.iter_mut().find(|(known, _)| *known == what) {
            Some((_, said)) if said == text => return false,
            Some((_, said)) => text.clone_into(said),
            None => self.said.push((what, text.to_owned())),
        }
        true
    }
}

/// What a tile says: the first are indexes of its parts.
const MARK: usize = 1;
const CHANGE: usize = 2;
const CELLS: usize = 3;
const AGE: usize = 4;
const PROBLEM: usize = 5;
const NAME: usize = 7;
const STATE: usize = 8;
const FRESH: usize = 9;
const PULSE: usize = 10;
const HELP: usize = 11;
