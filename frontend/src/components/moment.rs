//! The reader's time zone, as the browser knows it.

use crate::model::calendar::Moment;

/// A moment by the reader's clock.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a time zone is a few hundred minutes, and a date is exact for ages"
)]
pub fn local(at_ms: i64) -> Moment {
    let date = js_sys::Date::new(&(at_ms as f64).into());
    // Minutes to add to reach UTC; not a number for what is no date.
    Moment::new(at_ms, -(date.get_timezone_offset() as i64))
}
