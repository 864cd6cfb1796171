//! The real sanitiser.
/// Sanitises with ammonia.
#[derive(Debug, Default)]
pub struct Ammonia;
impl crate::prepare::Sanitizer for Ammonia {}
