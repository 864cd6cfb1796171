//! Metrics and logs for the administrator of the service: metrics, a line for each request, and
//! text from outside made fit for a log.
//!
//! Not here: the right to see the metrics (`routes/metrics.rs`).

mod logs;
mod metrics;
mod process;
mod requests;

pub use logs::{LogFormat, install_logs, loggable};
pub use metrics::{install_metrics, render_metrics};
pub use requests::{Requester, observe_request};
