//! How far a command is, for whoever waits for it.

/// Is told of each step.
pub(crate) trait NodeProgress {
    /// Begins a step.
    fn begin(&self, step: &str);
    /// Something that happened in it.
    fn tell(&self, words: &str);
    /// Ends the step that was begun last, with what came of it.
    fn end(&self, result: &str);
}
