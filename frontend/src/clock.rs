//! The one clock of the page: the service's time, updated every second.

use std::time::Duration;

use leptos::prelude::*;

use crate::model::age::ServiceClock;
use crate::model::calendar::Moment;

/// A handle to the clock; a context.
#[derive(Clone, Copy)]
pub struct Clock {
    service: StoredValue<ServiceClock>,
    now_ms: RwSignal<i64>,
}

impl Clock {
    /// Starts the page's only ticker; it stops with the reactive owner.
    pub fn start() -> Self {
        let clock = Self {
            service: StoredValue::default(),
            now_ms: RwSignal::new(0),
        };
        let ticker = set_interval_with_handle(move || clock.tick(), Duration::from_secs(1));
        on_cleanup(move || {
            if let Ok(ticker) = ticker {
                ticker.clear();
            }
        });
        clock
    }

    /// Learns the service's time from an answer that has just arrived.
    pub fn observe(self, now_ms: i64) {
        self.service
            .update_value(|service| service.observe(now_ms, monotonic_ms()));
        // Whatever shows ages is drawn once a second, and not with every answer; but not with a
        // clock that is wrong.
        let shown = self.now_ms.get_untracked();
        if self.read().abs_diff(shown) > 2_000 {
            self.tick();
        }
    }

    /// The service's time in milliseconds, as a signal that changes once a second.
    pub fn now_ms(self) -> i64 {
        self.now_ms.get()
    }

    /// The service's time in milliseconds, without tracking the signal.
    pub fn now_ms_untracked(self) -> i64 {
        self.now_ms.get_untracked()
    }

    fn tick(self) {
        self.now_ms.set(self.read());
    }

    fn read(self) -> i64 {
        self.service
            .with_value(|service| service.now_ms(monotonic_ms()))
    }
}

/// The moment `at_ms` in the reader's time zone.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a time zone is a few hundred minutes, and a date is exact for ages"
)]
pub fn local(at_ms: i64) -> Moment {
    let date = js_sys::Date::new(&(at_ms as f64).into());
    // The browser returns how many minutes UTC is ahead of the reader's time zone.
    Moment::new(at_ms, -(date.get_timezone_offset() as i64))
}

/// Milliseconds of the browser's monotonic clock since the page was opened.
#[expect(
    clippy::cast_possible_truncation,
    reason = "fractions of a millisecond are not needed, and a page is not open for ages"
)]
pub fn monotonic_ms() -> i64 {
    window()
        .performance()
        .map_or(0, |performance| performance.now() as i64)
}

/// Differs from page to page, so that a class does not retry in the same instant.
pub fn jitter_salt() -> u32 {
    u32::try_from(monotonic_ms() & 0xFFFF).unwrap_or_default()
}

/// Milliseconds of the browser's wall clock, which goes on while the machine sleeps and may
/// be set.
#[expect(
    clippy::cast_possible_truncation,
    reason = "fractions of a millisecond are not needed, and ages fit"
)]
pub fn wall_ms() -> i64 {
    js_sys::Date::now() as i64
}
