//! Where somebody is reading, and where that is in a newer version.

/// As many pieces beside the one at the top are tried.
const NEAR: usize = 12;
/// What begins this far below the top of the view, in pixels, is read already.
const TOP: f64 = 8.0;

/// A cell or a heading, as it lies in the view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Piece {
    /// Its id; the part before the last `-` is the same for all of one participant.
    pub id: String,
    /// What somebody wrote in it.
    pub text: String,
    /// Its upper edge below that of the view, in pixels.
    pub top: f64,
}

impl Piece {
    fn is_beside(&self, other: &Self) -> bool {
        let whose = |id: &str| id.rsplit_once('-').map(|(whose, _)| whose.to_owned());
        whose(&self.id) == whose(&other.id)
    }
}

/// How far a newer version has to be scrolled for the reader to see what they saw: by the
/// piece at the top if it is there, else by the nearest that is. Ids count cells, so it is
/// the text that tells whether a cell is the same; `None` when nothing is.
pub fn distance(before: &[Piece], after: &[Piece]) -> Option<f64> {
    let at = before.iter().rposition(|piece| piece.top <= TOP);
    let at = at.unwrap_or_default();
    let near = (0..NEAR).flat_map(|step| [at.checked_add(step), at.checked_sub(step)]);
    let found = near.flatten().find_map(|place| {
        let piece = before.get(place)?;
        same(piece, place, after).map(|found| (piece, found))
    });
    let (piece, found) = found.or_else(|| {
        let piece = before.get(at)?;
        let found = after.iter().find(|other| other.id == piece.id)?;
        Some((piece, found))
    })?;
    Some(found.top - piece.top)
}

/// The piece with the same words; of several the one with the same id, or the nearest.
fn same<'a>(piece: &Piece, place: usize, after: &'a [Piece]) -> Option<&'a Piece> {
    let alike = after
        .iter()
        .enumerate()
        .filter(|(_, other)| other.text == piece.text && other.is_beside(piece));
    alike
        .min_by_key(|(index, other)| (other.id != piece.id, index.abs_diff(place)))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of 100 pixels each, of which the first begins at `top`.
    fn pieces(top: f64, words: &[&str]) -> Vec<Piece> {
        let mut top = top - 100.0;
        let pieces = words.iter().enumerate().map(|(index, word)| {
            top += 100.0;
            Piece {
                id: format!("nb-cell-{}", index + 1),
                text: (*word).to_owned(),
                top,
            }
        });
        pieces.collect()
    }

    #[test]
    fn a_cell_inserted_above_moves_nobody() {
        let before = pieces(-130.0, &["a", "b", "c"]);
        let after = pieces(-130.0, &["new", "a", "b", "c"]);
        assert_eq!(distance(&before, &after), Some(100.0));
        assert_eq!(distance(&before, &before), Some(0.0));
    }

    #[test]
    fn the_cell_at_the_top_may_change_or_go() {
        let before = pieces(-130.0, &["a", "b", "c", "d"]);
        for after in [["a", "changed", "c", "d"], ["x", "y", "z", "c"]] {
            let after = pieces(-130.0, &after);
            let wanted = after.iter().find(|piece| piece.text == "c").unwrap().top - 70.0;
            assert_eq!(distance(&before, &after), Some(wanted));
        }
        // Everything is new: the place keeps its number, or there is none.
        let other = pieces(0.0, &["p", "q"]);
        assert_eq!(distance(&before, &other), Some(130.0));
        assert_eq!(distance(&before, &[]), None);
        assert_eq!(distance(&[], &before), None);
    }

    #[test]
    fn of_cells_alike_the_one_in_the_same_place_is_meant() {
        let before = pieces(-130.0, &["import", "import", "import"]);
        let after = pieces(-130.0, &["import", "import", "import", "import"]);
        assert_eq!(distance(&before, &after), Some(0.0));
    }

    #[test]
    fn anothers_cell_with_the_same_words_is_another() {
        let of = |user: &str, top| Piece {
            id: format!("u-{user}.cell-1"),
            text: "import".to_owned(),
            top,
        };
        let before = [of("ana", -100.0), of("bo", 0.0)];
        let after = [of("ada", -100.0), of("ana", 0.0), of("bo", 100.0)];
        assert_eq!(distance(&before, &after), Some(100.0));
    }
}
