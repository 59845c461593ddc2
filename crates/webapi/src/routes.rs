//! The operations, one function each.

pub(crate) mod users;

use crate::extract::{Asked, Body, Named, Shown};
use crate::problem::{Always, Bodies, Conflict, Missing, OutOfRange, Paths, Problem};
use crate::{Backend, CALLS_MAX, Call};
use api::{
    Admin, ApiError, Approved, Code, Enters, GroupLine, GroupRequest, GroupRules, GroupsMade, Key,
    LogPage, LogRecord, ManageRequest, ManageResponse, ManagedGroup, Member, MemberRoles, NewAdmin,
    NewGroups, NewLine, NewMember, NewPlan, NewShare, NewSignature, OpenLine, Page, Pending,
    Planned, Reply, Response, Server,
};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{delete, get, post, put};
use axum::{Router, extract::DefaultBodyLimit};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Desk {
    backend: Arc<dyn Backend>,
    calls: Arc<Semaphore>,
    document: Arc<str>,
}

/// Every operation behind its path.
pub(crate) fn router(backend: Arc<dyn Backend>, document: String) -> Router {
    let desk = Desk {
        backend,
        calls: Arc::new(Semaphore::new(CALLS_MAX)),
        document: document.into(),
    };
    Router::new()
        .route("/v1/openapi.json", get(openapi))
        .route("/v1/server", get(server))
        .route("/v1/groups", get(groups).post(create_group))
        .route("/v1/groups/{group}", get(group))
        .route("/v1/groups/{group}/rotation", post(rotate))
        .route("/v1/groups/{group}/rules", put(put_rules))
        .route("/v1/members/{member}/roles", put(put_roles))
        .route(
            "/v1/groups/{group}/members/{member}",
            delete(remove_from_group),
        )
        .route("/v1/groups/{group}/servers/{server}", delete(unshare))
        .route("/v1/shares", post(share))
        .route("/v1/members", get(members))
        .route(
            "/v1/members/{member}",
            get(member).put(put_member).delete(remove_member),
        )
        .route("/v1/lines", get(lines).post(make_line))
        .route("/v1/lines/{line}", delete(withdraw))
        .route("/v1/plan", post(plan))
        .route("/v1/admins", get(admins))
        .route("/v1/admins/{admin}", put(add_admin).delete(remove_admin))
        .route("/v1/pending", get(pending))
        .route("/v1/signatures", post(sign))
        .route("/v1/log", get(log))
        .route("/v1/groups/{group}/sign-in", put(users::require_sign_in))
        .route("/v1/users", get(users::users))
        .route(
            "/v1/users/{user}",
            get(users::user)
                .put(users::add_user)
                .delete(users::remove_user),
        )
        .route("/v1/users/{user}/password", put(users::set_password))
        .route("/v1/users/{user}/access", put(users::change_user))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "no-route", "see /v1/openapi.json"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method",
                "see /v1/openapi.json",
            )
        })
        .layer(DefaultBodyLimit::max(crate::BODY_LEN_MAX))
        .with_state(desk)
}

impl Desk {
    /// Asks on a thread that may wait.
    async fn call(&self, Shown(key): Shown, call: Call) -> Reply {
        let checked = match &call {
            Call::Group(request) => request.check(),
            Call::Manage(request) => request.check(),
        };
        checked.map_err(|name| ApiError::new(Code::BadRequest).with("detail", name))?;
        let calls = Arc::clone(&self.calls);
        let turn = calls.try_acquire_owned();
        let turn = turn.map_err(|_| ApiError::new(Code::Busy))?;
        let backend = Arc::clone(&self.backend);
        let answer = tokio::task::spawn_blocking(move || {
            let answer = backend.call(&key, call);
            drop(turn);
            answer
        });
        let broke = |error| Err(ApiError::new(Code::Internal).with("detail", error));
        answer.await.unwrap_or_else(broke)
    }

    async fn manage(
        &self,
        shown: Shown,
        request: ManageRequest,
    ) -> Result<ManageResponse, Problem> {
        match self.call(shown, Call::Manage(request)).await? {
            Response::Manage(answer) => Ok(*answer),
            _ => Err(other_answer()),
        }
    }

    async fn order(
        &self,
        shown: Shown,
        request: GroupRequest,
    ) -> Result<Option<GroupLine>, Problem> {
        match self.call(shown, Call::Group(request)).await? {
            Response::GroupLine(line) => Ok(Some(line)),
            Response::Done => Ok(None),
            _ => Err(other_answer()),
        }
    }
}

fn other_answer() -> Problem {
    let error = ApiError::new(Code::Internal);
    error.with("detail", "an answer to another question").into()
}

/// Takes the answer of one kind.
macro_rules! expect {
    ($answer:expr, $kind:path) => {
        match $answer {
            $kind(value) => Ok(Json(value)),
            _ => Err(other_answer()),
        }
    };
}

/// What came of putting a member into groups.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Put {
    /// The line for the member's machine, if it has no node yet.
    line: Option<GroupLine>,
}

type Read<T> = Result<Json<T>, Problem>;
type Done = Result<StatusCode, Problem>;

/// This document. It takes no key.
async fn openapi(State(desk): State<Desk>) -> impl IntoResponse {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, desk.document.to_string())
}

/// What the server is.
#[utoipa::path(
    get,
    path = "/v1/server",
    operation_id = "server",
    security(("key" = ["auditor"])),
    responses((status = 200, description = "What the server is", body = Server), Always)
)]
pub(crate) async fn server(State(desk): State<Desk>, shown: Shown) -> Read<Server> {
    expect!(
        desk.manage(shown, ManageRequest::Server).await?,
        ManageResponse::Server
    )
}

/// The groups, by name.
#[utoipa::path(
    get,
    path = "/v1/groups",
    operation_id = "groups",
    security(("key" = ["auditor"])),
    params(Page),
    responses((status = 200, description = "Groups, by name", body = [ManagedGroup]), Always, OutOfRange)
)]
pub(crate) async fn groups(
    State(desk): State<Desk>,
    shown: Shown,
    Asked(page): Asked<Page>,
) -> Read<Vec<ManagedGroup>> {
    expect!(
        desk.manage(shown, ManageRequest::Groups(page)).await?,
        ManageResponse::Groups
    )
}

/// Makes groups, all of them or none.
#[utoipa::path(
    post,
    path = "/v1/groups",
    operation_id = "create_group",
    security(("key" = ["admin"])),
    request_body = NewGroups,
    responses((status = 201, description = "They are made", body = GroupsMade), Always, Bodies, Conflict, OutOfRange)
)]
pub(crate) async fn create_group(
    State(desk): State<Desk>,
    shown: Shown,
    Body(new): Body<NewGroups>,
) -> Result<(StatusCode, Json<GroupsMade>), Problem> {
    let request = GroupRequest::Create {
        groups: new.groups,
        zone: new.zone,
        site: new.site,
        sign_in_s: new.sign_in_s,
        enters: Enters::Never,
        locked: new.locked,
    };
    match desk.call(shown, Call::Group(request)).await? {
        Response::GroupsMade(made) => Ok((StatusCode::CREATED, Json(made))),
        _ => Err(other_answer()),
    }
}

/// One group.
#[utoipa::path(
    get,
    path = "/v1/groups/{group}",
    operation_id = "group",
    security(("key" = ["auditor"])),
    params(("group" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    responses((status = 200, description = "The group", body = ManagedGroup), Always, Paths, Missing, OutOfRange)
)]
pub(crate) async fn group(
    State(desk): State<Desk>,
    shown: Shown,
    Named(group): Named<String>,
) -> Read<ManagedGroup> {
    expect!(
        desk.manage(shown, ManageRequest::Group { group }).await?,
        ManageResponse::Group
    )
}

/// Changes the key of a group now.
#[utoipa::path(
    post,
    path = "/v1/groups/{group}/rotation",
    operation_id = "rotate",
    security(("key" = ["admin"])),
    params(("group" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    responses((status = 204, description = "It has another key now"), Always, Paths, Missing, OutOfRange)
)]
pub(crate) async fn rotate(
    State(desk): State<Desk>,
    shown: Shown,
    Named(group): Named<String>,
) -> Done {
    desk.order(shown, GroupRequest::Rotate { group }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says what members of a group may reach at each other, and which tests are kept with it.
#[utoipa::path(
    put,
    path = "/v1/groups/{group}/rules",
    operation_id = "put_rules",
    security(("key" = ["admin"])),
    params(("group" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    request_body = GroupRules,
    responses((status = 204, description = "They count, or wait for the admins of a locked group"), Always, Bodies, Missing, Conflict, OutOfRange)
)]
pub(crate) async fn put_rules(
    State(desk): State<Desk>,
    shown: Shown,
    Named(group): Named<String>,
    Body(rules): Body<GroupRules>,
) -> Done {
    desk.order(shown, GroupRequest::Rules { group, rules })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says what a member is, for the rules of its groups.
#[utoipa::path(
    put,
    path = "/v1/members/{member}/roles",
    operation_id = "put_roles",
    security(("key" = ["admin"])),
    params(("member" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    request_body = MemberRoles,
    responses((status = 204, description = "It is that from now on; in a locked group when its admins have signed"), Always, Bodies, Missing, Conflict, OutOfRange)
)]
pub(crate) async fn put_roles(
    State(desk): State<Desk>,
    shown: Shown,
    Named(member): Named<String>,
    Body(MemberRoles { roles }): Body<MemberRoles>,
) -> Done {
    desk.order(shown, GroupRequest::Roles { member, roles })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a member out of a group.
#[utoipa::path(
    delete,
    path = "/v1/groups/{group}/members/{member}",
    operation_id = "remove_from_group",
    security(("key" = ["admin"])),
    params(("group" = String, Path, description = "The name of the group", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$"),
        ("member" = String, Path, description = "The name of the member", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    responses((status = 204, description = "It is out"), Always, Paths, Missing, OutOfRange)
)]
pub(crate) async fn remove_from_group(
    State(desk): State<Desk>,
    shown: Shown,
    Named((group, member)): Named<(String, String)>,
) -> Done {
    let group = Some(group);
    desk.order(shown, GroupRequest::Remove { member, group })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a line by which another server comes to manage groups with this one.
#[utoipa::path(
    post,
    path = "/v1/shares",
    operation_id = "share",
    security(("key" = ["owner"])),
    request_body = NewShare,
    responses((status = 201, description = "The line, for `kumi group accept` on the other server", body = GroupLine), Always, Bodies, Missing, Conflict, OutOfRange)
)]
pub(crate) async fn share(
    State(desk): State<Desk>,
    shown: Shown,
    Body(new): Body<NewShare>,
) -> Result<(StatusCode, Json<GroupLine>), Problem> {
    let request = GroupRequest::Share {
        groups: new.groups,
        expires_s: new.expires_s,
    };
    let line = desk.order(shown, request).await?;
    let line = line.ok_or_else(other_answer)?;
    Ok((StatusCode::CREATED, Json(line)))
}

/// Takes another server out of a group, or an instance of this server that is gone.
#[utoipa::path(
    delete,
    path = "/v1/groups/{group}/servers/{server}",
    operation_id = "unshare",
    security(("key" = ["owner"])),
    params(("group" = String, Path, description = "The name of the group", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$"),
        ("server" = String, Path, description = "The server's address F", format = "ipv6")),
    responses((status = 204, description = "It manages the group no more"), Always, Paths, Missing, Conflict, OutOfRange)
)]
pub(crate) async fn unshare(
    State(desk): State<Desk>,
    shown: Shown,
    Named((group, server)): Named<(String, std::net::Ipv6Addr)>,
) -> Done {
    desk.order(shown, GroupRequest::Unshare { group, server })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The members, by name.
#[utoipa::path(
    get,
    path = "/v1/members",
    operation_id = "members",
    security(("key" = ["auditor"])),
    params(Page),
    responses((status = 200, description = "Members, by name", body = [Member]), Always, OutOfRange)
)]
pub(crate) async fn members(
    State(desk): State<Desk>,
    shown: Shown,
    Asked(page): Asked<Page>,
) -> Read<Vec<Member>> {
    expect!(
        desk.manage(shown, ManageRequest::Members(page)).await?,
        ManageResponse::Members
    )
}

/// One member.
#[utoipa::path(
    get,
    path = "/v1/members/{member}",
    operation_id = "member",
    security(("key" = ["auditor"])),
    params(("member" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    responses((status = 200, description = "The member", body = Member), Always, Paths, Missing, OutOfRange)
)]
pub(crate) async fn member(
    State(desk): State<Desk>,
    shown: Shown,
    Named(member): Named<String>,
) -> Read<Member> {
    expect!(
        desk.manage(shown, ManageRequest::Member { member }).await?,
        ManageResponse::Member
    )
}

/// Puts a member into groups; a new one gets a line.
#[utoipa::path(
    put,
    path = "/v1/members/{member}",
    operation_id = "put_member",
    security(("key" = ["admin"])),
    params(("member" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    request_body = NewMember,
    responses((status = 200, description = "It is in the groups, or waits for the admins of those that are locked; with a line, if it has no node yet", body = Put), Always, Bodies, Missing, Conflict, OutOfRange)
)]
pub(crate) async fn put_member(
    State(desk): State<Desk>,
    shown: Shown,
    Named(member): Named<String>,
    Body(new): Body<NewMember>,
) -> Read<Put> {
    let request = GroupRequest::Add {
        member,
        groups: new.groups,
        mode: new.mode,
        accepts: new.accepts,
        roles: new.roles,
        expires_s: new.expires_s,
    };
    let line = desk.order(shown, request).await?;
    Ok(Json(Put { line }))
}

/// Takes a member out of all its groups.
#[utoipa::path(
    delete,
    path = "/v1/members/{member}",
    operation_id = "remove_member",
    security(("key" = ["admin"])),
    params(("member" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    responses((status = 204, description = "It is gone"), Always, Paths, Missing, OutOfRange)
)]
pub(crate) async fn remove_member(
    State(desk): State<Desk>,
    shown: Shown,
    Named(member): Named<String>,
) -> Done {
    let group = None;
    desk.order(shown, GroupRequest::Remove { member, group })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The lines that are good for something, by id.
#[utoipa::path(
    get,
    path = "/v1/lines",
    operation_id = "lines",
    security(("key" = ["auditor"])),
    params(Page),
    responses((status = 200, description = "Lines, by id", body = [OpenLine]), Always, OutOfRange)
)]
pub(crate) async fn lines(
    State(desk): State<Desk>,
    shown: Shown,
    Asked(page): Asked<Page>,
) -> Read<Vec<OpenLine>> {
    expect!(
        desk.manage(shown, ManageRequest::Lines(page)).await?,
        ManageResponse::Lines
    )
}

/// Makes a line by which several nodes become members.
#[utoipa::path(
    post,
    path = "/v1/lines",
    operation_id = "make_line",
    security(("key" = ["admin"])),
    request_body = NewLine,
    responses((status = 201, description = "The line", body = GroupLine), Always, Bodies, Missing, Conflict, OutOfRange)
)]
pub(crate) async fn make_line(
    State(desk): State<Desk>,
    shown: Shown,
    Body(new): Body<NewLine>,
) -> Result<(StatusCode, Json<GroupLine>), Problem> {
    let request = GroupRequest::Invite {
        groups: new.groups,
        uses: new.uses,
        mode: new.mode,
        roles: new.roles,
        expires_s: new.expires_s,
    };
    let line = desk.order(shown, request).await?;
    let line = line.ok_or_else(other_answer)?;
    Ok((StatusCode::CREATED, Json(line)))
}

/// Makes a line good for nothing.
#[utoipa::path(
    delete,
    path = "/v1/lines/{line}",
    operation_id = "withdraw",
    security(("key" = ["admin"])),
    params(("line" = String, Path, description = "Its id", pattern = r"^[0-9a-f]{32}$")),
    responses((status = 204, description = "It is good for nothing"), Always, Paths, Missing, OutOfRange)
)]
pub(crate) async fn withdraw(
    State(desk): State<Desk>,
    shown: Shown,
    Named(line): Named<String>,
) -> Done {
    desk.manage(shown, ManageRequest::Withdraw { line }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says what an order would do to who can talk to whom. Nothing is done.
#[utoipa::path(
    post,
    path = "/v1/plan",
    operation_id = "plan",
    security(("key" = ["admin"])),
    request_body = NewPlan,
    responses((status = 200, description = "What it would do", body = Planned), Always, Bodies, Missing, Conflict, OutOfRange)
)]
pub(crate) async fn plan(
    State(desk): State<Desk>,
    shown: Shown,
    Body(new): Body<NewPlan>,
) -> Read<Planned> {
    match desk.call(shown, Call::Group(new.request())).await? {
        Response::Planned(planned) => Ok(Json(*planned)),
        _ => Err(other_answer()),
    }
}

/// The administrators, by name.
#[utoipa::path(
    get,
    path = "/v1/admins",
    operation_id = "admins",
    security(("key" = ["auditor"])),
    responses((status = 200, description = "Administrators, by name", body = [Admin]), Always)
)]
pub(crate) async fn admins(State(desk): State<Desk>, shown: Shown) -> Read<Vec<Admin>> {
    expect!(
        desk.manage(shown, ManageRequest::Admins).await?,
        ManageResponse::Admins
    )
}

/// Makes an administrator.
#[utoipa::path(
    put,
    path = "/v1/admins/{admin}",
    operation_id = "add_admin",
    security(("key" = ["owner"])),
    params(("admin" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    request_body = NewAdmin,
    responses((status = 201, description = "Its key, which is shown once", body = Key), Always, Bodies, Conflict, OutOfRange)
)]
pub(crate) async fn add_admin(
    State(desk): State<Desk>,
    shown: Shown,
    Named(admin): Named<String>,
    Body(new): Body<NewAdmin>,
) -> Result<(StatusCode, Json<Key>), Problem> {
    let request = ManageRequest::AddAdmin {
        admin,
        role: new.role,
        expires_s: new.expires_s,
    };
    let key = expect!(desk.manage(shown, request).await?, ManageResponse::Key)?;
    Ok((StatusCode::CREATED, key))
}

/// Takes an administrator's rights away.
#[utoipa::path(
    delete,
    path = "/v1/admins/{admin}",
    operation_id = "remove_admin",
    security(("key" = ["owner"])),
    params(("admin" = String, Path, description = "Its name", min_length = 1, max_length = 63, pattern = r"^[^\s.\x00-\x1f\x7f]+$")),
    responses((status = 204, description = "It administers no more"), Always, Paths, Missing, OutOfRange)
)]
pub(crate) async fn remove_admin(
    State(desk): State<Desk>,
    shown: Shown,
    Named(admin): Named<String>,
) -> Done {
    desk.manage(shown, ManageRequest::RemoveAdmin { admin })
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What waits for signatures of the admins of locked groups: rules and admissions, by group and member.
#[utoipa::path(
    get,
    path = "/v1/pending",
    operation_id = "pending",
    security(("key" = ["auditor"])),
    params(Page),
    responses((status = 200, description = "What waits, by group: its rules, then its members. `after` is written `GROUP.` or `GROUP.MEMBER`; an empty list follows the last, whatever `most` is", body = [Pending]), Always, OutOfRange)
)]
pub(crate) async fn pending(
    State(desk): State<Desk>,
    shown: Shown,
    Asked(page): Asked<Page>,
) -> Read<Vec<Pending>> {
    expect!(
        desk.manage(shown, ManageRequest::Pending(page)).await?,
        ManageResponse::Pending
    )
}

/// Takes the signature of an admin of a locked group. It counts by what it signs, whoever brings it.
#[utoipa::path(
    post,
    path = "/v1/signatures",
    operation_id = "sign",
    security(("key" = ["admin"])),
    request_body = NewSignature,
    responses((status = 200, description = "How far the admission has come, or the rules", body = Approved), Always, Bodies, Missing, OutOfRange)
)]
pub(crate) async fn sign(
    State(desk): State<Desk>,
    shown: Shown,
    Body(new): Body<NewSignature>,
) -> Read<Approved> {
    expect!(
        desk.manage(shown, ManageRequest::Approve(new)).await?,
        ManageResponse::Approved
    )
}

/// The audit trail.
#[utoipa::path(
    get,
    path = "/v1/log",
    operation_id = "log",
    security(("key" = ["auditor"])),
    params(LogPage),
    responses((status = 200, description = "Records, in order", body = [LogRecord]), Always, OutOfRange)
)]
pub(crate) async fn log(
    State(desk): State<Desk>,
    shown: Shown,
    Asked(page): Asked<LogPage>,
) -> Read<Vec<LogRecord>> {
    expect!(
        desk.manage(shown, ManageRequest::Log(page)).await?,
        ManageResponse::Log
    )
}
