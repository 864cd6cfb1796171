//! The reader's position in a document, and the same position in a newer version.

/// How many anchors before and after the one at the top are tried.
const NEAR_ANCHORS: usize = 12;
/// An anchor that begins at most this far below the top of the view counts as being read.
const READ_MARGIN_PX: f64 = 8.0;

/// A cell or a heading and its position in the view.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadingAnchor {
    /// Its id; the part before the last `-` is the same for all anchors of one participant.
    pub id: String,
    /// The text that the participant wrote in it.
    pub text: String,
    /// The distance of its upper edge below that of the view, in pixels.
    pub top: f64,
}

impl ReadingAnchor {
    fn is_of_same_participant(&self, other: &Self) -> bool {
        let prefix = |id: &str| id.rsplit_once('-').map(|(prefix, _)| prefix.to_owned());
        prefix(&self.id) == prefix(&other.id)
    }
}

/// How far a newer version has to be scrolled for the reader to see the same text: by the anchor at
/// the top if the newer version has it, else by the nearest one that it has. Cells are compared by
/// text, because ids only count them; `None` when no anchor is the same.
pub fn scroll_distance(before: &[ReadingAnchor], after: &[ReadingAnchor]) -> Option<f64> {
    let at = before
        .iter()
        .rposition(|anchor| anchor.top <= READ_MARGIN_PX);
    let at = at.unwrap_or_default();
    let near = (0..NEAR_ANCHORS).flat_map(|step| [at.checked_add(step), at.checked_sub(step)]);
    let found = near.flatten().find_map(|place| {
        let anchor = before.get(place)?;
        same(anchor, place, after).map(|found| (anchor, found))
    });
    let (anchor, found) = found.or_else(|| {
        let anchor = before.get(at)?;
        let found = after.iter().find(|other| other.id == anchor.id)?;
        Some((anchor, found))
    })?;
    Some(found.top - anchor.top)
}

/// The anchor with the same text; of several the one with the same id, or the nearest.
fn same<'a>(
    anchor: &ReadingAnchor,
    place: usize,
    after: &'a [ReadingAnchor],
) -> Option<&'a ReadingAnchor> {
    let alike = after
        .iter()
        .enumerate()
        .filter(|(_, other)| other.text == anchor.text && other.is_of_same_participant(anchor));
    alike
        .min_by_key(|(index, other)| (other.id != anchor.id, index.abs_diff(place)))
        .map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Anchors of 100 pixels each, the first one at `top`.
    fn reading_anchors(top: f64, words: &[&str]) -> Vec<ReadingAnchor> {
        let mut top = top - 100.0;
        let reading_anchors = words.iter().enumerate().map(|(index, word)| {
            top += 100.0;
            ReadingAnchor {
                id: format!("nb-cell-{}", index + 1),
                text: (*word).to_owned(),
                top,
            }
        });
        reading_anchors.collect()
    }

    #[test]
    fn a_cell_inserted_above_keeps_the_readers_position() {
        let before = reading_anchors(-130.0, &["a", "b", "c"]);
        let after = reading_anchors(-130.0, &["new", "a", "b", "c"]);
        assert_eq!(scroll_distance(&before, &after), Some(100.0));
        assert_eq!(scroll_distance(&before, &before), Some(0.0));
    }

    #[test]
    fn the_cell_at_the_top_may_change_or_go() {
        let before = reading_anchors(-130.0, &["a", "b", "c", "d"]);
        for after in [["a", "changed", "c", "d"], ["x", "y", "z", "c"]] {
            let after = reading_anchors(-130.0, &after);
            let wanted = after.iter().find(|anchor| anchor.text == "c").unwrap().top - 70.0;
            assert_eq!(scroll_distance(&before, &after), Some(wanted));
        }
        // Every text is new: the anchor with the same id is used, or there is none.
        let other = reading_anchors(0.0, &["p", "q"]);
        assert_eq!(scroll_distance(&before, &other), Some(130.0));
        assert_eq!(scroll_distance(&before, &[]), None);
        assert_eq!(scroll_distance(&[], &before), None);
    }

    #[test]
    fn among_equal_cells_the_one_with_the_same_id_is_found() {
        let before = reading_anchors(-130.0, &["import", "import", "import"]);
        let after = reading_anchors(-130.0, &["import", "import", "import", "import"]);
        assert_eq!(scroll_distance(&before, &after), Some(0.0));
    }

    #[test]
    fn an_equal_cell_of_another_participant_is_not_the_same() {
        let of = |user: &str, top| ReadingAnchor {
            id: format!("u-{user}.cell-1"),
            text: "import".to_owned(),
            top,
        };
        let before = [of("ana", -100.0), of("bo", 0.0)];
        let after = [of("ada", -100.0), of("ana", 0.0), of("bo", 100.0)];
        assert_eq!(scroll_distance(&before, &after), Some(100.0));
    }
}
