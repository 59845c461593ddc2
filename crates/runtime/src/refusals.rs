//! What the domain and its store are against, as the control interface says it.

use api::{ApiError, Code};
use control::Refusal;
use control::service::OrderError;

/// Why an order was not carried out.
pub fn order_error(error: &OrderError) -> ApiError {
    match error {
        OrderError::Refused(refusal) => refused(refusal),
        other => ApiError::new(Code::GroupStore).with("detail", other),
    }
}

/// A refusal of the domain, with its sentence for those who have no catalogue.
pub fn refused(refusal: &Refusal) -> ApiError {
    let (name, named) = refusal.named();
    let error = ApiError::new(Code::GroupRefused).with("refusal", name);
    let error = match refusal {
        Refusal::Statement(_) => error,
        other => error.with("detail", other),
    };
    named
        .into_iter()
        .fold(error, |error, (name, value)| error.with(name, value))
}
