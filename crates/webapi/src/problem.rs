//! Why not, as a problem document (RFC 9457).

use api::{ApiError, Code};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::{IntoResponses, ToSchema};

/// What programs take the document for.
const MEDIA_TYPE: &str = "application/problem+json";

/// A problem document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Names the kind of problem: `urn:kumihimo:problem:` and the code.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The status.
    pub(crate) status: u16,
    /// What is wrong, in a few words that do not change.
    pub(crate) title: String,
    /// The same with what it is about, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    /// The code, for programs.
    pub(crate) code: String,
    /// What it is about, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) args: BTreeMap<String, String>,
}

/// What every operation may answer.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "says what may be answered")]
pub(crate) enum Always {
    /// No key, or one that is no administrator's.
    #[response(status = 401, content_type = "application/problem+json")]
    Key(Problem),
    /// The role does not allow this.
    #[response(status = 403, content_type = "application/problem+json")]
    Role(Problem),
    /// Not just now.
    #[response(status = 503, content_type = "application/problem+json")]
    Busy(Problem),
    /// No answer in time: it may still be done.
    #[response(status = 504, content_type = "application/problem+json")]
    Uncertain(Problem),
}

/// What those with a body may answer.
#[derive(IntoResponses)]
#[allow(dead_code, reason = "says what may be answered")]
pub(crate) enum Bodies {
    /// It cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Unreadable(Problem),
    /// The body is too long.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLong(Problem),
    /// The body is not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(Problem),
}

/// The path cannot be read.
#[derive(IntoResponses)]
#[response(status = 400, content_type = "application/problem+json")]
#[allow(dead_code, reason = "says what may be answered")]
pub(crate) struct Paths(Problem);

/// It is not there.
#[derive(IntoResponses)]
#[response(status = 404, content_type = "application/problem+json")]
#[allow(dead_code, reason = "says what may be answered")]
pub(crate) struct Missing(Problem);

/// It contradicts what is there.
#[derive(IntoResponses)]
#[response(status = 409, content_type = "application/problem+json")]
#[allow(dead_code, reason = "says what may be answered")]
pub(crate) struct Conflict(Problem);

/// A value is out of range.
#[derive(IntoResponses)]
#[response(status = 422, content_type = "application/problem+json")]
#[allow(dead_code, reason = "says what may be answered")]
pub(crate) struct OutOfRange(Problem);

impl Problem {
    /// A problem that this interface finds itself.
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:kumihimo:problem:{code}"),
            status: status.as_u16(),
            title: title(code).to_owned(),
            detail: Some(detail.into()),
            code: code.to_owned(),
            args: BTreeMap::new(),
        }
    }

    /// No key, or one that is no administrator's.
    pub(crate) fn key() -> Self {
        let detail = "show the key of an administrator of this server as `Authorization: Bearer KEY`; \
                      `kumi gms admin add` on the server makes one";
        Self::new(StatusCode::UNAUTHORIZED, Code::AdminKey.as_str(), detail)
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        let mut args = error.args;
        let detail = args.remove("detail");
        let (status, code) = match error.code {
            Code::AdminKey => return Self::key(),
            Code::GroupRefused => {
                let refusal = args.remove("refusal").unwrap_or_default();
                (status_of(&refusal), refusal)
            }
            // Texts that were mistyped are values of the request.
            Code::LockKey | Code::SignatureText => (
                StatusCode::UNPROCESSABLE_ENTITY,
                error.code.as_str().to_owned(),
            ),
            Code::BadRequest => (StatusCode::UNPROCESSABLE_ENTITY, "value".to_owned()),
            Code::Busy | Code::Stopping | Code::GroupStore => (
                StatusCode::SERVICE_UNAVAILABLE,
                error.code.as_str().to_owned(),
            ),
            Code::Uncertain => (StatusCode::GATEWAY_TIMEOUT, error.code.as_str().to_owned()),
            Code::NoEndpoint => (StatusCode::CONFLICT, error.code.as_str().to_owned()),
            other => (StatusCode::INTERNAL_SERVER_ERROR, other.as_str().to_owned()),
        };
        Self {
            kind: format!("urn:kumihimo:problem:{code}"),
            status: status.as_u16(),
            title: title(&code).to_owned(),
            detail,
            code,
            args,
        }
    }
}

/// The status of a refusal of the domain.
fn status_of(refusal: &str) -> StatusCode {
    match refusal {
        "role" => StatusCode::FORBIDDEN,
        "no-group" | "no-member" | "no-invite" | "no-admin" | "no-user" | "not-in-group"
        | "not-asked" | "no-server" => StatusCode::NOT_FOUND,
        "group-exists" | "in-group" | "has-node" | "is-member" | "admin-exists" | "user-exists"
        | "full" | "rule-test" | "not-managed" | "no-root" | "own-server" | "name-elsewhere"
        | "several-called" | "shared-locked" | "shared-sign-in" => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// What is wrong, in a few words.
fn title(code: &str) -> &'static str {
    match code {
        "admin-key" => "The key of an administrator is missing",
        "role" => "Your role does not allow this",
        "no-group" => "There is no such group",
        "no-member" => "There is no such member",
        "no-invite" => "There is no such line",
        "no-admin" => "There is no such administrator",
        "no-user" => "There is no such user",
        "user-exists" => "There is such a user already",
        "user-name" => "This cannot be a user",
        "period" => "A sign-in is not good for so long",
        "not-in-group" => "The member is not in this group",
        "group-exists" => "There is such a group already",
        "in-group" => "The member is in this group already",
        "has-node" => "The member has a node already",
        "is-member" => "The node is another member already",
        "admin-exists" => "There is such an administrator already",
        "lock" => "These admins are no lock",
        "lock-key" => "This is no admin's key",
        "signature" => "No admin of the group has made this signature",
        "signature-text" => "This is no admin's signature",
        "not-asked" => "Nothing waits for this signature",
        "no-server" => "There is no such server of the group",
        "not-managed" => "This server does not manage the group",
        "no-root" => "The root key of the group is kept by another server",
        "own-server" => "A server does not take itself out",
        "name-elsewhere" => "Another server of the group has given the name",
        "several-called" => "Several members are called so",
        "shared-locked" => "A locked group has one server",
        "shared-sign-in" => "A group with several servers asks for no sign-in",
        "full" => "There are as many as the server takes",
        "name" => "This cannot be a name",
        "zone" => "There is no such time zone",
        "prefix" => "This cannot lie behind a member",
        "rules" => "These rules or roles cannot be",
        "rule-test" => "A test that is kept with a group would fail",
        "terms" => "These limits make no sense",
        "value" => "A value is out of range",
        "body" => "The body cannot be read",
        "query" => "The query cannot be read",
        "path" => "The path cannot be read",
        "no-route" => "There is nothing of this name here",
        "method" => "This cannot be done with it",
        "busy" => "There is too much to do just now",
        "uncertain" => "The server did not answer in time; it may still do it",
        "stopping" => "The node is shutting down",
        "group-store" => "The server cannot use its store",
        "no-endpoint" => "Nothing outside the server can reach it by what it knows",
        _ => "It cannot be done",
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Texts and numbers: this cannot fail.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        match status {
            StatusCode::UNAUTHORIZED => {
                let scheme = HeaderValue::from_static("Bearer realm=\"kumihimo\"");
                headers.insert(header::WWW_AUTHENTICATE, scheme);
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            _ => {}
        }
        response
    }
}
