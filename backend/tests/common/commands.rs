//! Commands and stewards that tests run, and waiting for what they do.

use std::{
    process::{Child, Output},
    thread,
    time::{Duration, Instant},
};

/// Longest wait for a condition.
const PATIENCE: Duration = Duration::from_secs(90);

/// A running steward, which ends with it.
pub(crate) struct RunningSteward {
    pub(crate) child: Child,
}

impl RunningSteward {
    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for RunningSteward {
    fn drop(&mut self) {
        // It may have been killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program prints, or all that it says when it fails.
pub(crate) fn text_of(output: Output) -> Result<String, String> {
    let [out, err] = texts(output.stdout, output.stderr);
    match output.status.success() {
        true => Ok(out),
        false => Err(out + &err),
    }
}

/// All that a program says.
#[allow(dead_code, reason = "each test binary uses a part of this module")]
pub(crate) fn all_text_of(output: Output) -> Result<String, String> {
    let [out, err] = texts(output.stdout, output.stderr);
    let said = out + &err;
    match output.status.success() {
        true => Ok(said),
        false => Err(said),
    }
}

fn texts(stdout: Vec<u8>, stderr: Vec<u8>) -> [String; 2] {
    [stdout, stderr].map(|it| String::from_utf8(it).unwrap())
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "waited for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
