//! The extractors: types of the handlers' arguments.
//!
//! A handler names the right it needs by the type of its argument: [`Participant`] is anyone who
//! is signed in, [`Viewer`] sees everyone, [`Helper`] may see to them, [`Instructor`] may change the class, [`PageVisitor`] is
//! sent to the Hub to sign in. [`RateLimited`] counts expensive requests. Where a right depends on
//! the owner of a notebook, [`Identity::may_see`] and [`Identity::may_change`] decide.
//!
//! [`PackageVersion`] says which version of the participants' package asks. [`Query`], [`JsonBody`] and [`JsonObject`] refuse with an [`super::error::AppError`].
//!
//! [`Identity::may_see`]: crate::identity::Identity::may_see
//! [`Identity::may_change`]: crate::identity::Identity::may_change

mod authenticated;
mod json_body;
mod package;
mod page_visitor;
mod push_body;
mod query;
mod rate_limited;
mod rights;
mod upload_body;

pub(super) use json_body::{JsonBody, JsonObject, MAX_BODY_BYTES, limit_body};
pub(super) use package::PackageVersion;
pub(super) use page_visitor::{PageVisitor, is_navigation};
pub(super) use push_body::{InventoryBody, PushBody, pushed_copies};
pub(super) use query::Query;
pub(super) use rate_limited::{EventPosts, LightReads, NotePresses, NotebookReads, RateLimited};
pub(super) use rights::{Helper, Instructor, Participant, Viewer};
pub(super) use upload_body::UploadBody;
