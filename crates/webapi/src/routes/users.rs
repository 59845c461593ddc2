//! Users, and the groups that ask for their sign-in.

use super::{Desk, Done, Read, other_answer};
use crate::extract::{Asked, Body, Named, Shown};
use crate::problem::{Always, Bodies, Conflict, Missing, OutOfRange, Paths};
use api::{ManageRequest, ManageResponse, NewAccess, NewPassword, NewSignIn, NewUser, Page, User};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

/// The users, by name.
#[utoipa::path(
    get,
    path = "/v1/users",
    operation_id = "users",
    security(("key" = ["auditor"])),
    params(Page),
    responses((status = 200, description = "Users, by name", body = [User]), Always, OutOfRange)
)]
pub(crate) async fn users(
    State(desk): State<Desk>,
    shown: Shown,
    Asked(page): Asked<Page>,
) -> Read<Vec<User>> {
    match desk.manage(shown, ManageRequest::Users(page)).await? {
        ManageResponse::Users(users) => Ok(Json(users)),
        _ => Err(other_answer()),
    }
}

/// One user.
#[utoipa::path(
    get,
    path = "/v1/users/{user}",
    operation_id = "user",
    security(("key" = ["auditor"])),
    params(("user" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s\x00-\x1f\x7f]+$")),
    responses((status = 200, description = "The user", body = User), Always, Paths, Missing, OutOfRange)
)]
pub(crate) async fn user(
    State(desk): State<Desk>,
    shown: Shown,
    Named(user): Named<String>,
) -> Read<User> {
    match desk.manage(shown, ManageRequest::User { user }).await? {
        ManageResponse::User(user) => Ok(Json(user)),
        _ => Err(other_answer()),
    }
}

/// Makes a user.
#[utoipa::path(
    put,
    path = "/v1/users/{user}",
    operation_id = "add_user",
    security(("key" = ["admin"])),
    params(("user" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s\x00-\x1f\x7f]+$")),
    request_body = NewUser,
    responses((status = 204, description = "It may sign in"), Always, Bodies, Missing, Conflict, OutOfRange)
)]
pub(crate) async fn add_user(
    State(desk): State<Desk>,
    shown: Shown,
    Named(user): Named<String>,
    Body(new): Body<NewUser>,
) -> Done {
    let request = ManageRequest::AddUser {
        user,
        password: new.password,
        devices: new.devices,
    };
    desk.manage(shown, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets a user's password anew; it is signed in nowhere then.
#[utoipa::path(
    put,
    path = "/v1/users/{user}/password",
    operation_id = "set_password",
    security(("key" = ["admin"])),
    params(("user" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s\x00-\x1f\x7f]+$")),
    request_body = NewPassword,
    responses((status = 204, description = "It is set"), Always, Bodies, Missing, OutOfRange)
)]
pub(crate) async fn set_password(
    State(desk): State<Desk>,
    shown: Shown,
    Named(user): Named<String>,
    Body(new): Body<NewPassword>,
) -> Done {
    let password = new.password;
    desk.manage(shown, ManageRequest::SetPassword { user, password })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says where a user may sign in, and whether at all. Sign-ins that it may not have any more end at once.
#[utoipa::path(
    put,
    path = "/v1/users/{user}/access",
    operation_id = "change_user",
    security(("key" = ["admin"])),
    params(("user" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s\x00-\x1f\x7f]+$")),
    request_body = NewAccess,
    responses((status = 204, description = "It is so"), Always, Bodies, Missing, Conflict, OutOfRange)
)]
pub(crate) async fn change_user(
    State(desk): State<Desk>,
    shown: Shown,
    Named(user): Named<String>,
    Body(new): Body<NewAccess>,
) -> Done {
    let request = ManageRequest::ChangeUser {
        user,
        devices: new.devices,
        disabled: new.disabled,
    };
    desk.manage(shown, request).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a user away; it is signed in nowhere then.
#[utoipa::path(
    delete,
    path = "/v1/users/{user}",
    operation_id = "remove_user",
    security(("key" = ["admin"])),
    params(("user" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s\x00-\x1f\x7f]+$")),
    responses((status = 204, description = "It is gone"), Always, Paths, Missing, OutOfRange)
)]
pub(crate) async fn remove_user(
    State(desk): State<Desk>,
    shown: Shown,
    Named(user): Named<String>,
) -> Done {
    desk.manage(shown, ManageRequest::RemoveUser { user })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says for how long a sign-in keeps a member in a group, or that the group asks for none.
#[utoipa::path(
    put,
    path = "/v1/groups/{group}/sign-in",
    operation_id = "require_sign_in",
    security(("key" = ["admin"])),
    params(("group" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    request_body = NewSignIn,
    responses((status = 204, description = "It is so"), Always, Bodies, Missing, OutOfRange)
)]
pub(crate) async fn require_sign_in(
    State(desk): State<Desk>,
    shown: Shown,
    Named(group): Named<String>,
    Body(new): Body<NewSignIn>,
) -> Done {
    let period_s = new.period_s;
    desk.manage(shown, ManageRequest::RequireSignIn { group, period_s })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
