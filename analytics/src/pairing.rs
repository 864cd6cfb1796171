//! Which cell of one version is which of another.
//!
//! From the surest to the least sure: equal beginnings and ends, ids, equal texts; then between
//! those that are paired, similar texts in order, and what stands in the same place; then cells
//! that were moved and changed at once.

use std::collections::HashMap;

use crate::cell_print::CellPrint;

/// From this similarity on, a cell is taken for an edited one.
const MIN_SIMILARITY: f32 = 0.35;
/// From this similarity on, a cell is known in another place, if no other is nearly as similar.
const MOVED_SIMILARITY: f32 = 0.8;
const MOVED_LEAD: f32 = 0.15;
/// Below it, an equal id is not that of an edited cell, if the text is elsewhere.
const SWAPPED_SIMILARITY: f32 = 0.15;
/// A cell of another kind is that much less similar.
const OTHER_KIND: f32 = 0.8;
/// Pairs of cells that are compared in one gap, and in all; in larger ones equal texts and ids must
/// do, so that no notebook takes long.
const MAX_COMPARED_PAIRS: usize = 10_000;
/// The similarity of cells that are paired by their place alone: when nothing else is there, and when
/// there is.
const ONLY_PLACE: f32 = 0.3;
const FIRST_PLACE: f32 = 0.0;

/// For each cell of the newer version, its index in the one just before.
pub(crate) fn pair_save(old: &[&CellPrint], new: &[CellPrint]) -> Vec<Option<usize>> {
    let mut pairing = Pairing::new(old, new);
    pairing.ends();
    pairing.ids();
    pairing.texts();
    // What has another id is another cell, unless the text says otherwise.
    let by_place = !pairing.shares_ids();
    pairing.gaps(by_place);
    pairing.moved();
    pairing
        .found
        .into_iter()
        .map(|found| found.map(|(old, _)| old))
        .collect()
}

/// For each cell of a copy that is seen for the first time, its index in the handout, and how
/// similar they are: 1 when they are equal.
pub(crate) fn pair_birth(handout: &[&CellPrint], copy: &[CellPrint]) -> Vec<Option<(usize, f32)>> {
    let mut pairing = Pairing::new(handout, copy);
    pairing.ids();
    pairing.texts();
    pairing.ends();
    let by_place = !pairing.shares_ids();
    pairing.gaps(by_place);
    pairing.moved();
    pairing.found
}

struct Pairing<'a> {
    old: &'a [&'a CellPrint],
    new: &'a [CellPrint],
    /// For each new cell, the old one and their similarity.
    found: Vec<Option<(usize, f32)>>,
    is_taken: Vec<bool>,
    old_ids: HashMap<u64, usize>,
    new_ids: HashMap<u64, usize>,
}

impl<'a> Pairing<'a> {
    fn new(old: &'a [&'a CellPrint], new: &'a [CellPrint]) -> Self {
        let ids = |ids: &mut dyn Iterator<Item = (usize, Option<u64>)>| {
            let mut first = HashMap::new();
            for (at, id) in ids.filter_map(|(at, id)| Some((at, id?))) {
                first.entry(id).or_insert(at);
            }
            first
        };
        Self {
            found: vec![None; new.len()],
            is_taken: vec![false; old.len()],
            old_ids: ids(&mut old.iter().map(|print| print.id).enumerate()),
            new_ids: ids(&mut new.iter().map(|print| print.id).enumerate()),
            old,
            new,
        }
    }

    fn take(&mut self, old: usize, new: usize, similarity: f32) {
        self.found[new] = Some((old, similarity));
        self.is_taken[old] = true;
    }

    fn is_free(&self, old: usize, new: usize) -> bool {
        !self.is_taken[old] && self.found[new].is_none()
    }

    fn shares_ids(&self) -> bool {
        self.new_ids.keys().any(|id| self.old_ids.contains_key(id))
    }

    /// Whether two equal cells may be the same by their ids.
    fn may_be_same(&self, old: usize, new: usize) -> bool {
        let [a, b] = [self.old[old], &self.new[new]];
        let is_elsewhere =
            |id: Option<u64>, ids: &HashMap<u64, usize>| id.is_some_and(|id| ids.contains_key(&id));
        a.equals(b)
            && (a.id == b.id
                || !(is_elsewhere(a.id, &self.new_ids) || is_elsewhere(b.id, &self.old_ids)))
    }

    /// The equal cells at the beginning and at the end.
    fn ends(&mut self) {
        let (mut first, mut old_end, mut new_end) = (0, self.old.len(), self.new.len());
        while first < old_end.min(new_end) && self.goes_on(first, first) {
            first += 1;
        }
        while old_end.min(new_end) > first && self.goes_on(old_end - 1, new_end - 1) {
            old_end -= 1;
            new_end -= 1;
        }
    }

    /// Takes both when they are the same; whether they are, or were taken for that before.
    fn goes_on(&mut self, old: usize, new: usize) -> bool {
        if self.is_free(old, new) && self.may_be_same(old, new) {
            self.take(old, new, 1.0);
            return true;
        }
        self.found[new].is_some_and(|(taken, _)| taken == old)
    }

    fn ids(&mut self) {
        let texts = text_places(self.new);
        for old in 0..self.old.len() {
            let print = self.old[old];
            let new = print
                .id
                .filter(|id| self.old_ids[id] == old)
                .and_then(|id| self.new_ids.get(&id));
            let Some(new) = new.copied().filter(|new| self.is_free(old, *new)) else {
                continue;
            };
            let other = &self.new[new];
            let is_swapped = !print.equals(other)
                && texts
                    .get(&print.text)
                    .is_some_and(|place| place.is_some_and(|place| place != new))
                && print.features.similarity(&other.features) < SWAPPED_SIMILARITY
                && !print.is_blank;
            if other.kind == print.kind && !is_swapped {
                self.take(old, new, 1.0);
            }
        }
    }

    /// Equal texts: first those that are there once, then the others in order.
    fn texts(&mut self) {
        let mut free: HashMap<u64, Vec<usize>> = HashMap::new();
        for old in (0..self.old.len()).rev() {
            if !self.is_taken[old] && !self.old[old].is_blank {
                free.entry(self.old[old].text).or_default().push(old);
            }
        }
        for new in 0..self.new.len() {
            let print = &self.new[new];
            if self.found[new].is_some() || print.is_blank {
                continue;
            }
            let Some(places) = free.get_mut(&print.text) else {
                continue;
            };
            if let Some(old) = places.pop_if(|old| self.old[*old].kind == print.kind) {
                self.take(old, new, 1.0);
            }
        }
    }

    /// What is between the cells that are paired in order.
    fn gaps(&mut self, by_place: bool) {
        let kept = in_order(&self.found);
        let ends = kept
            .iter()
            .map(|new| (self.found[*new].map_or(0, |(old, _)| old), *new));
        let ends: Vec<(usize, usize)> = ends.chain([(self.old.len(), self.new.len())]).collect();
        let mut budget = MAX_COMPARED_PAIRS;
        let (mut old_start, mut new_start) = (0, 0);
        for (old_end, new_end) in ends {
            let old: Vec<usize> = (old_start..old_end)
                .filter(|old| !self.is_taken[*old])
                .collect();
            let new: Vec<usize> = (new_start..new_end)
                .filter(|new| self.found[*new].is_none())
                .collect();
            (old_start, new_start) = (old_end + 1, new_end + 1);
            if let Some(left) = budget.checked_sub(old.len() * new.len()) {
                budget = left;
                self.similar(&old, &new);
            }
            if by_place {
                self.same_place(&old, &new);
            }
        }
    }

    /// Pairs similar cells of a gap in order, so that the sum of their similarities is largest.
    fn similar(&mut self, old: &[usize], new: &[usize]) {
        if old.is_empty() || new.is_empty() {
            return;
        }
        let width = new.len() + 1;
        let mut best = vec![0.0_f32; (old.len() + 1) * width];
        let mut similarities = vec![0.0_f32; old.len() * new.len()];
        for (i, a) in old.iter().enumerate() {
            for (j, b) in new.iter().enumerate() {
                let similarity = similarity(self.old[*a], &self.new[*b]);
                similarities[i * new.len() + j] = similarity;
                let skip = best[i * width + j + 1].max(best[(i + 1) * width + j]);
                let both = match similarity >= MIN_SIMILARITY {
                    true => best[i * width + j] + similarity,
                    false => 0.0,
                };
                best[(i + 1) * width + j + 1] = skip.max(both);
            }
        }
        let (mut i, mut j) = (old.len(), new.len());
        while i > 0 && j > 0 {
            let here = best[i * width + j];
            if here == best[(i - 1) * width + j] {
                i -= 1;
            } else if here == best[i * width + j - 1] {
                j -= 1;
            } else {
                (i, j) = (i - 1, j - 1);
                // One that is equal was paired before, unless its kind differs.
                let similarity = similarities[i * new.len() + j].min(0.99);
                self.take(old[i], new[j], similarity);
            }
        }
    }

    /// Pairs what is left of one kind between two neighbours, when there is one in each.
    fn same_place(&mut self, old: &[usize], new: &[usize]) {
        let mut i = 0;
        let mut j = 0;
        // The gap is cut again where a pair of it was found.
        loop {
            let next = (j..new.len()).find(|j| self.found[new[*j]].is_some());
            let cut = next
                .and_then(|j| self.found[new[j]])
                .and_then(|(at, _)| old.iter().position(|old| *old == at));
            let (old_end, new_end) = match (cut, next) {
                (Some(cut), Some(next)) if cut >= i => (cut, next),
                _ => (old.len(), new.len()),
            };
            self.only_ones(&old[i..old_end], &new[j..new_end]);
            if new_end == new.len() {
                return;
            }
            (i, j) = (old_end + 1, new_end + 1);
        }
    }

    fn only_ones(&mut self, old: &[usize], new: &[usize]) {
        let old_count = old.iter().filter(|at| !self.is_taken[**at]).count();
        let new_count = new.iter().filter(|at| self.found[**at].is_none()).count();
        for kind in [crate::snapshot::Kind::Code, crate::snapshot::Kind::Text] {
            let olds: Vec<usize> = old
                .iter()
                .copied()
                .filter(|at| !self.is_taken[*at] && self.old[*at].kind == kind)
                .collect();
            let news: Vec<usize> = new
                .iter()
                .copied()
                .filter(|at| self.found[*at].is_none() && self.new[*at].kind == kind)
                .collect();
            if let ([old], [first, ..]) = (&*olds, &*news) {
                let is_only = old_count + new_count == 2;
                self.take(*old, *first, if is_only { ONLY_PLACE } else { FIRST_PLACE });
            }
        }
    }

    /// Cells that were moved and changed: similar to one cell alone.
    fn moved(&mut self) {
        let long = |print: &CellPrint| !print.is_blank && !print.features.is_short();
        let old: Vec<usize> = (0..self.old.len())
            .filter(|at| !self.is_taken[*at] && long(self.old[*at]))
            .collect();
        let new: Vec<usize> = (0..self.new.len())
            .filter(|at| self.found[*at].is_none() && long(&self.new[*at]))
            .collect();
        if old.len() * new.len() > MAX_COMPARED_PAIRS {
            return;
        }
        for old in old {
            let mut ranked: Vec<(f32, usize)> = new
                .iter()
                .filter(|new| self.found[**new].is_none())
                .map(|new| (similarity(self.old[old], &self.new[*new]), *new))
                .collect();
            ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            let runner_up = ranked.get(1).map_or(0.0, |(similarity, _)| *similarity);
            if let Some((similarity, new)) = ranked.first().copied()
                && similarity >= MOVED_SIMILARITY
                && similarity - runner_up >= MOVED_LEAD
            {
                self.take(old, new, similarity.min(0.99));
            }
        }
    }
}

fn similarity(old: &CellPrint, new: &CellPrint) -> f32 {
    let factor = if old.kind == new.kind {
        1.0
    } else {
        OTHER_KIND
    };
    factor * old.features.similarity(&new.features)
}

/// Where each text is, when it is in one place alone.
fn text_places(prints: &[CellPrint]) -> HashMap<u64, Option<usize>> {
    let mut places = HashMap::new();
    for (at, print) in prints.iter().enumerate() {
        places
            .entry(print.text)
            .and_modify(|place| *place = None)
            .or_insert(Some(at));
    }
    places
}

/// The new cells of the longest run of pairs whose old cells are in order too.
fn in_order(found: &[Option<(usize, f32)>]) -> Vec<usize> {
    // For each length, the pair that ends a run of that length with the smallest old index.
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut before = vec![None; found.len()];
    for (new, pair) in found.iter().enumerate() {
        let Some((old, _)) = pair else { continue };
        let length = ends.partition_point(|(end, _)| end < old);
        before[new] = length.checked_sub(1).map(|last| ends[last].1);
        match ends.get_mut(length) {
            Some(end) => *end = (*old, new),
            None => ends.push((*old, new)),
        }
    }
    let mut kept = Vec::new();
    let mut at = ends.last().map(|(_, new)| *new);
    while let Some(new) = at {
        kept.push(new);
        at = before[new];
    }
    kept.reverse();
    kept
}
