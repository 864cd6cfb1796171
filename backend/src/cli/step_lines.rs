//! Steps of a command, a line each, with the time that each took.

use std::{
    cell::RefCell,
    io::{self, IsTerminal, Write},
    time::{Duration, Instant},
};

use crate::node::NodeProgress;

/// Prints each step with the time that it took.
pub(super) struct StepLines {
    begun: RefCell<Instant>,
    all: Instant,
}

impl StepLines {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            begun: RefCell::new(now),
            all: now,
        }
    }

    /// The time since the first step.
    pub(super) fn total(&self) -> String {
        seconds(self.all.elapsed())
    }
}

impl NodeProgress for StepLines {
    fn begin(&self, step: &str) {
        *self.begun.borrow_mut() = Instant::now();
        print!("{step} … ");
        // Seen while the step is at work; where nobody sees it, the line comes as a whole.
        if io::stdout().is_terminal() {
            let _ = io::stdout().flush();
        }
    }

    fn tell(&self, words: &str) {
        println!("\n    {words}");
    }

    fn end(&self, result: &str) {
        println!("{result} ({})", seconds(self.begun.borrow().elapsed()));
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
