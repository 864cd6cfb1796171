//! The query of an address.

use axum::{
    extract::{self, FromRequestParts},
    http::request::Parts,
};
use serde::de::DeserializeOwned;

use super::super::error::AppError;

/// A query that is a `T`; else 400, with words on what is wrong.
pub(in crate::routes) struct Query<T>(pub(in crate::routes) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AppError> {
        let query = extract::Query::<T>::from_request_parts(parts, state).await?;
        Ok(Self(query.0))
    }
}
