//! The wire types of the panel *Workshop* that a participant has in JupyterLab.

use serde::{Deserialize, Serialize};

use crate::sharing::{AboutResponse, SharingResponse};

/// `GET /api/workshop`: what the panel shows beside the notices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WorkshopResponse {
    /// The service's clock.
    pub now_ms: i64,
    /// The address of the service's page, which ends in a slash: a path, or a whole address where
    /// services have a host of their own.
    pub page: String,
    /// What participants may see beyond what is their own.
    pub sharing: SharingResponse,
    /// What is kept of participants.
    pub about: AboutResponse,
    /// The notebooks of the user who asks, those that were saved last first; of very many only
    /// the first.
    pub notebooks: Vec<SeenNotebook>,
    /// How many more there are.
    pub more: usize,
}

/// A notebook of one's own, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SeenNotebook {
    /// Its path below the home.
    pub filename: String,
    /// When the version that is seen was saved.
    pub saved_at_ms: i64,
    /// Why newer ones do not come, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}
