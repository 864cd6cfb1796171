//! Which of two answers is the newer: requests are numbered as they begin.
//!
//! What a request says is at least as new as its beginning. So an answer may take the place
//! of what is shown when its request began after the one that brought that; if it began
//! before, what is shown may be newer, and stays.

/// Of many things that are asked for together and one by one.
#[derive(Debug, Default)]
pub struct Order {
    begun: u32,
    /// The request that brought all.
    all: u32,
    /// Those that brought one since then; few, and a list is little code to load.
    ones: Vec<(String, u32)>,
}

impl Order {
    /// The number of a request that begins.
    pub fn begin(&mut self) -> u32 {
        self.begun += 1;
        self.begun
    }

    /// The number of the request that began last.
    pub fn newest(&self) -> u32 {
        self.begun
    }

    /// Whether request `number` is newer than what is shown of `one`.
    pub fn is_newer(&self, one: &str, number: u32) -> bool {
        let shown = self.ones.iter().find(|(other, _)| other == one);
        number > self.all && shown.is_none_or(|(_, shown)| number > *shown)
    }

    /// What request `number` brought of `one` is shown.
    pub fn take(&mut self, one: &str, number: u32) {
        self.ones.retain(|(other, _)| other != one);
        self.ones.push((one.to_owned(), number));
    }

    /// What request `number` brought of all is shown, but where there was something newer.
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
    fn what_was_asked_for_earlier_is_older() {
        let mut order = Order::default();
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
    fn all_of_them_leave_what_is_newer() {
        let mut order = Order::default();
        let all = order.begin();
        let tile = order.begin();
        order.take("ana", tile);
        assert!(!order.is_newer("ana", all) && order.is_newer("bo", all));
        order.take_all(all);
        assert!(!order.is_newer("ana", tile), "it is shown");
        assert!(order.is_newer("bo", tile));
    }
}
