//! The extractor [`PackageVersion`]: which version of the participants' package sends a request.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{header, request::Parts},
};

use crate::{
    app::AppState,
    contacts::{Heard, version_of_agent},
    identity::Identity,
    time,
};

/// The version of the participants' package that sends the request, as its `User-Agent` says.
pub(in crate::routes) struct PackageVersion(Option<String>);

impl PackageVersion {
    /// Notes that the server `server` of whoever the token names was heard. Only a Hub's token
    /// names a participant, and a service of the Hub's, with a slash in its name, is none.
    pub(in crate::routes) fn note(
        self,
        state: &AppState,
        identity: &Identity,
        server: &str,
        heard: Heard,
    ) {
        let is_participant = identity.from_hub && !identity.user.contains('/');
        if is_participant && !server.contains(|c: char| c == '/' || c.is_control()) {
            let contacts = state.class.contacts();
            contacts.note(&identity.user, server, self.0, heard, time::now_ms());
        }
    }
}

impl FromRequestParts<Arc<AppState>> for PackageVersion {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<AppState>,
    ) -> Result<Self, Self::Rejection> {
        let agent = parts.headers.get(header::USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok());
        Ok(Self(agent.and_then(version_of_agent)))
    }
}
