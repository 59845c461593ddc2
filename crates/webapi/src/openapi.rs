//! The interface for machines (OpenAPI 3.1). docs/api/openapi.json is what [`document`] gives, and a
//! test says when it is not.

use crate::problem::Problem;
use crate::routes;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Kumihimo management server",
        description = "Groups, members, lines, users and administrators of one management server. Each operation names the \
                       role that it takes; a role may do all that those before it may: auditor, admin, owner.",
        version = "1.0.0",
        license(name = "Apache-2.0 OR MIT", identifier = "Apache-2.0 OR MIT"),
        contact()
    ),
    paths(
        routes::server,
        routes::groups,
        routes::create_group,
        routes::group,
        routes::rotate,
        routes::put_rules,
        routes::put_roles,
        routes::remove_from_group,
        routes::share,
        routes::unshare,
        routes::members,
        routes::member,
        routes::put_member,
        routes::remove_member,
        routes::lines,
        routes::make_line,
        routes::withdraw,
        routes::plan,
        routes::admins,
        routes::add_admin,
        routes::remove_admin,
        routes::pending,
        routes::sign,
        routes::log,
        routes::users::require_sign_in,
        routes::users::users,
        routes::users::user,
        routes::users::add_user,
        routes::users::remove_user,
        routes::users::set_password,
        routes::users::change_user,
    ),
    components(schemas(Problem)),
    modifiers(&Key)
)]
struct Document;

/// Everybody shows a key.
struct Key;

impl Modify for Key {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("kumiadmin1.…")
            .description(Some("The key that `kumi gms admin add` printed."))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
    }
}

/// The document, as JSON with a line end.
#[must_use]
pub fn document() -> String {
    // Our own document: this cannot fail.
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}
