//! Which of two answers is newer: requests are numbered as they begin.
//!
//! An answer is at least as new as the beginning of its request. So an answer may replace the shown
//! one when its request began later; if it began earlier, the shown answer may be newer, and stays.

/// The order of requests for items that are fetched all together or one by one.
#[derive(Debug, Default)]
pub struct RequestOrder {
    begun: u32,
    /// The request whose answer for all items is shown.
    all: u32,
    /// The later requests for single items; a list, because they are few and it is little code to
    /// load.
    ones: Vec<(String, u32)>,
}

impl RequestOrder {
    /// Begins a request; returns its number.
    pub fn begin(&mut self) -> u32 {
        self.begun += 1;
        self.begun
    }

    /// The number of the newest request.
    pub fn newest(&self) -> u32 {
        self.begun
    }

    /// Whether request `number` is newer than the shown answer for item `one`.
    pub fn is_newer(&self, one: &str, number: u32) -> bool {
        let shown = self.ones.iter().find(|(other, _)| other == one);
        number > self.all && shown.is_none_or(|(_, shown)| number > *shown)
    }

    /// Notes that the answer of request `number` for item `one` is shown.
    pub fn take(&mut self, one: &str, number: u32) {
        self.ones.retain(|(other, _)| other != one);
        self.ones.push((one.to_owned(), number));
    }

    /// Notes that the answer of request `number` for all items is shown, except where an item had a
    /// newer one.
    pub fn take_all(&mut self, number: u32) {
        self.all = number.max(self.all);
        let all = self.all;
        self.ones.retain(|(_, shown)| *shown > all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_request_is_older() {
        let mut order = RequestOrder::default();
        let [tile, all, next] = [(); 3].map(|()| order.begin());
        assert!(order.is_newer("ana", tile));
        order.take_all(all);
        assert!(!order.is_newer("ana", tile), "it was on its way before");
        assert!(order.is_newer("ana", next));
        order.take("ana", next);
        assert!(!order.is_newer("ana", all));
        assert!(order.is_newer("bo", next));
    }

    #[test]
    fn an_answer_for_all_leaves_newer_single_answers() {
        let mut order = RequestOrder::default();
        let all = order.begin();
        let tile = order.begin();
        order.take("ana", tile);
        assert!(!order.is_newer("ana", all) && order.is_newer("bo", all));
        order.take_all(all);
        assert!(!order.is_newer("ana", tile), "it is shown");
        assert!(order.is_newer("bo", tile));
    }
}
