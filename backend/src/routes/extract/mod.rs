//! What handlers take as arguments.
//!
//! A handler names the right it needs by the type of its argument: [`Participant`] is anyone who
//! is signed in, [`Viewer`] sees everyone, [`Instructor`] may change the class, [`Visitor`] is
//! sent to the Hub to sign in. [`RateLimited`] counts what is expensive. Where it depends on whose
//! notebook it is, [`Identity::may_see`] and [`Identity::may_change`] decide.
//!
//! [`Query`], [`JsonBody`] and [`JsonObject`] refuse with an [`super::error::AppError`].
//!
//! [`Identity::may_see`]: crate::identity::Identity::may_see
//! [`Identity::may_change`]: crate::identity::Identity::may_change

mod authenticated;
mod json_body;
mod push_body;
mod query;
mod rate_limited;
mod rights;
mod visitor;

pub(super) use json_body::{BODY_MAX, JsonBody, JsonObject, body_max};
pub(super) use push_body::{PushBody, pushed_copies};
pub(super) use query::Query;
pub(super) use rate_limited::{Looks, Posts, RateLimited, Reads};
pub(super) use rights::{Instructor, Participant, Viewer};
pub(super) use visitor::{Visitor, is_navigation};
