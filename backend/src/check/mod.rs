//! A class tried from outside, the evening before: the address, the certificate, a sign-in,
//! servers of participants made for it, cells, saves that the dashboard shows, and what size of
//! class the server carries.
//!
//! * `address`, `dial`, `certificate`: the way there
//! * `browser`, `cookies`, `reply`: what each person's browser does
//! * `hub`, `dashboard`, `live`, `kernel`: what is asked
//! * `reach`, `rehearsal`: the steps, of who checks and of participants (`seats`)
//! * `guests`, `leftovers`, `sweep`: participants made for it, and how everything goes again
//! * `figures`, `verdict`: what was measured, and what follows from it
//!
//! Whatever is made is noted in `leftovers` first, so that it is removed however the check ends.

mod address;
mod browser;
mod certificate;
mod cookies;
mod dashboard;
mod dial;
mod figures;
mod guests;
mod hub;
mod kernel;
mod leftovers;
mod live;
mod reach;
mod rehearsal;
mod reply;
mod seats;
mod sweep;
mod trouble;
mod verdict;

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::time::sleep;

pub(crate) use self::{
    address::{ClassAddress, ConnectTo},
    verdict::ClassSize,
};
use self::{dial::Dialer, leftovers::Leftovers, reach::Reach, rehearsal::Rehearsal};
use crate::{findings::Finding, secret::Secret};

/// Most participants of a check: it is to measure a server and not to fill it.
pub(crate) const MAX_SERVERS: usize = 50;
/// The longest name of a subject, for columns.
pub(crate) const SUBJECT_WIDTH: usize = 13;
/// The whole of it, without the clean-up.
const CHECK_PATIENCE: Duration = Duration::from_secs(20 * 60);

/// What shows who checks.
pub(crate) enum CheckRights {
    /// A name and its password.
    Password(String, Secret),
    /// A token of the Hub's.
    Token(Secret),
}

/// What is to be checked.
pub(crate) struct CheckRequest {
    pub(crate) address: ClassAddress,
    pub(crate) connect: Vec<ConnectTo>,
    /// A file with the certificate of an authority that is trusted besides.
    pub(crate) authority: Option<PathBuf>,
    /// The name of the dashboard in the Hub.
    pub(crate) service: String,
    pub(crate) rights: CheckRights,
    /// So many participants.
    pub(crate) servers: usize,
    /// Nobody is made: the check goes to the server of who makes it.
    pub(crate) own: bool,
    /// Longest wait for one thing.
    pub(crate) patience: Duration,
    /// Only removes what earlier checks have left.
    pub(crate) clean: bool,
}

/// Runs the check until it ends or `interrupted` does, and then removes what was made. `tell` is
/// called with each finding as it comes.
///
/// # Errors
/// When the request itself cannot be used, before anything is done.
pub(crate) async fn check(
    request: &CheckRequest,
    tell: &dyn Fn(Finding),
    interrupted: impl Future<Output = ()>,
) -> anyhow::Result<Option<ClassSize>> {
    let authority = request.authority.as_deref();
    let dialer = Dialer::new(request.address.clone(), request.connect.clone(), authority)?;
    let left = Leftovers::default();
    let mut size = None;
    let steps = async {
        let reach = Reach {
            request,
            dialer: Arc::new(dialer),
            tell,
            left: &left,
        };
        if let Some(visitor) = reach.run().await {
            let rehearsal = Rehearsal {
                reach: &reach,
                visitor: &visitor,
            };
            match request.clean {
                true => sweep::clean(&reach, &visitor).await,
                false => size = rehearsal.run().await,
            }
        }
    };
    tokio::select! {
        () = steps => {}
        () = interrupted => tell(Finding::problem(
            "check",
            "it was interrupted",
            "What it has made is removed now; that may take a minute.",
        )),
        () = sleep(CHECK_PATIENCE) => tell(Finding::problem(
            "check",
            format!("it is not done within {} minutes", CHECK_PATIENCE.as_secs() / 60),
            "Try it with fewer --servers.",
        )),
    }
    if let Some(finding) = left.remove().await {
        tell(finding);
    }
    Ok(size)
}
