//! The process that has started this one. A Hub that is killed ends none of its services, and one
//! that goes on keeps the address and the data folder from the next Hub's.

use std::time::Duration;

use rustix::process::{Pid, getppid};

/// The time between two looks: the next Hub takes longer to start.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// The parent of this process.
#[derive(Clone, Copy)]
pub(super) struct ParentProcess(Option<Pid>);

impl ParentProcess {
    /// The parent at this moment. The kernel's own signal of a parent's death would come too when
    /// only the thread has ended that has started this process.
    pub(super) fn now() -> Self {
        Self(getppid())
    }

    /// Resolves when it has ended: this process has another parent then.
    async fn ended(self) {
        while getppid() == self.0 {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        tracing::warn!("the process that has started this one is gone, so this one ends too");
    }
}

/// Resolves when this parent has ended; never without one.
pub(super) async fn end_of(parent: Option<ParentProcess>) {
    match parent {
        Some(parent) => parent.ended().await,
        None => std::future::pending().await,
    }
}
