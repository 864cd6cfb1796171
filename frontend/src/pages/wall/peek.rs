//! The tile of the square that is pointed at, in the other half of the window, so that it covers
//! neither the square nor its neighbours.

use std::rc::Rc;

use leptos::prelude::*;
use web_sys::Element;

use super::elements::set_attribute;
use super::tile::BoardTile;
use crate::model::arrangement::{Density, TileBrief};
use crate::store::wall::WallStore;

/// The tile that is shown, if there is one.
#[derive(Default)]
pub(super) struct Peek(Option<BoardTile>);

impl Peek {
    /// Shows the tile of `square`, or none.
    pub(super) fn show(&mut self, square: Option<&Element>, wall: WallStore, now_ms: i64) {
        let user = square.and_then(|it| it.get_attribute("data-user"));
        let shown = self.0.as_ref().map(|tile| tile.user.clone());
        if user == shown {
            return;
        }
        self.hide();
        let (Some(square), Some(user)) = (square, user) else {
            return;
        };
        let Some(entry) = wall.entry(&user) else {
            return;
        };
        let Some(mut tile) = BoardTile::new(&user, entry.saves) else {
            return;
        };
        let name = square.get_attribute("aria-label").unwrap_or_default();
        tile.name(&name, true, "");
        tile.draw(&entry, Density::Full, now_ms);
        let place = square.get_bounding_client_rect();
        let width = window().inner_width().ok().and_then(|it| it.as_f64());
        let is_left = place.left() + place.right() < width.unwrap_or_default();
        tile.element.set_class_name(match is_left {
            true => "tile peek right",
            false => "tile peek",
        });
        // A picture of the tile: what it says can be reached in the square and its notebook.
        for (name, value) in [
            ("data-testid", "peek"),
            ("aria-hidden", "true"),
            ("inert", ""),
        ] {
            set_attribute(&tile.element, name, value);
        }
        if let Some(body) = document().body() {
            // It fails only for a page that is being left.
            let _ = body.append_child(&tile.element);
        }
        self.0 = Some(tile);
    }

    /// Draws the tile again if it is one of the changed.
    pub(super) fn refresh(&mut self, changed: &[Rc<TileBrief>], wall: WallStore, now_ms: i64) {
        let Some(tile) = &mut self.0 else { return };
        if changed.iter().any(|brief| brief.user == tile.user)
            && let Some(entry) = wall.entry(&tile.user)
        {
            tile.skip_pulse(&entry);
            tile.draw(&entry, Density::Full, now_ms);
        }
    }

    /// Shows no tile; whether there was one.
    pub(super) fn hide(&mut self) -> bool {
        let shown = self.0.take();
        if let Some(tile) = &shown {
            tile.element.remove();
        }
        shown.is_some()
    }
}

impl Drop for Peek {
    fn drop(&mut self) {
        self.hide();
    }
}
