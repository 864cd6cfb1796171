//! The body of a file that is uploaded.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::header,
};

use super::{super::error::AppError, json_body::BodyLimit, push_body::content_length};

/// No form of another site can send this type without asking this service first.
const UPLOAD_MEDIA_TYPE: &str = "application/octet-stream";

/// A file that is about to be uploaded, of a type and a size that are taken.
pub(in crate::routes) struct UploadBody {
    request: Request,
    max: usize,
}

impl<S: Send + Sync> FromRequest<S> for UploadBody {
    type Rejection = AppError;

    async fn from_request(request: Request, _: &S) -> Result<Self, AppError> {
        let media_type = request.headers().get(header::CONTENT_TYPE);
        let is_upload = media_type.is_some_and(|it| {
            it.as_bytes()
                .eq_ignore_ascii_case(UPLOAD_MEDIA_TYPE.as_bytes())
        });
        if !is_upload {
            return Err(AppError::UnsupportedMediaType(
                "A file has the header Content-Type: application/octet-stream.",
            ));
        }
        let max = request.extensions().get::<BodyLimit>();
        let max = max.map_or(0, |max| max.0);
        let length = content_length(request.headers())?;
        if length > max {
            return Err(AppError::TooLarge(format!(
                "The file has {} MiB, and a handout at most {} MiB: hand out a smaller part of it, \
                 or a notebook that downloads it.",
                length.div_ceil(1 << 20),
                max >> 20
            )));
        }
        Ok(Self { request, max })
    }
}

impl UploadBody {
    /// Reads the file, once everything else of the request is right and there is room for it.
    pub(in crate::routes) async fn read(self) -> Result<Vec<u8>, AppError> {
        let body = Bytes::from_request(self.request, &()).await;
        let body = body.map_err(|rejection| AppError::from_body(&rejection, self.max))?;
        Ok(body.into())
    }
}
