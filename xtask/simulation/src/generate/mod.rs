//! Two generators of classes. They share how JupyterLab changes a notebook and nothing else: their
//! handouts, people and errors are made in different ways, so that an engine that fits one need not
//! fit the other.

mod coursework;
mod workshop;

use crate::class::{Settings, SimulatedClass};

/// A way to make classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassGenerator {
    /// Everyone goes through a lesson on tables, second by second.
    Workshop,
    /// Everyone solves exercises as far as their skill goes, attempt by attempt.
    Coursework,
}

impl ClassGenerator {
    pub const ALL: [Self; 2] = [Self::Workshop, Self::Coursework];

    pub fn name(self) -> &'static str {
        match self {
            Self::Workshop => "workshop",
            Self::Coursework => "coursework",
        }
    }

    pub fn class(self, settings: &Settings) -> SimulatedClass {
        match self {
            Self::Workshop => workshop::class(settings),
            Self::Coursework => coursework::class(settings),
        }
    }
}
