//! Reading requests; what cannot be read is a [`Problem`].

use crate::problem::Problem;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Json, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;

/// The key that was shown.
pub(crate) struct Shown(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for Shown {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let value = parts.headers.get(header::AUTHORIZATION);
        let text = value.and_then(|value| value.to_str().ok());
        let (scheme, key) = text
            .and_then(|it| it.split_once(' '))
            .ok_or_else(Problem::key)?;
        let is_bearer = scheme.eq_ignore_ascii_case("bearer");
        let key = key.trim().to_owned();
        is_bearer.then_some(Self(key)).ok_or_else(Problem::key)
    }
}

/// A body of JSON.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = Json::<T>::from_request(request, state).await;
        read.map(|Json(value)| Self(value)).map_err(|rejection| {
            let status = match &rejection {
                JsonRejection::JsonSyntaxError(_) => StatusCode::BAD_REQUEST,
                other => other.status(),
            };
            Problem::new(status, "body", rejection.body_text())
        })
    }
}

/// The parameters behind `?`.
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        let Query(value) = read.map_err(|rejection| {
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "query",
                rejection.body_text(),
            )
        })?;
        Ok(Self(value))
    }
}

/// The names in the path.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        let Path(value) = read.map_err(|rejection| {
            Problem::new(StatusCode::BAD_REQUEST, "path", rejection.body_text())
        })?;
        Ok(Self(value))
    }
}
