//! Which parts of the page are behind: older than they should be, because fetching them fails or
//! takes long.

use leptos::prelude::*;

/// How many parts of this page are behind; a context.
#[derive(Clone, Copy, Default)]
pub struct BehindCount(RwSignal<u32>);

impl BehindCount {
    /// Whether any part is behind, as a signal.
    pub fn any(self) -> bool {
        self.0.get() > 0
    }
}

/// Whether one part counts in [`BehindCount`]; belongs to the store or page that shows the part.
#[derive(Clone, Copy)]
pub struct BehindMark {
    count: BehindCount,
    is_counted: StoredValue<bool>,
}

impl BehindMark {
    /// A mark that is not set.
    pub fn start() -> Self {
        let mark = Self {
            count: expect_context(),
            is_counted: StoredValue::new(false),
        };
        on_cleanup(move || mark.set(false));
        mark
    }

    /// Sets or clears the mark.
    pub fn set(self, is_behind: bool) {
        let before = self
            .is_counted
            .try_update_value(|is_counted| std::mem::replace(is_counted, is_behind));
        // `None`: the owner of the mark is gone.
        if before == Some(!is_behind) {
            self.count.0.try_update(|count| {
                *count = match is_behind {
                    true => count.saturating_add(1),
                    false => count.saturating_sub(1),
                };
            });
        }
    }
}
