//! A management server elsewhere: `kumi group …` and `kumi gms …` as clients of its HTTP interface.
//!
//! `kumi gms use KEY` keeps the key in [`FILE`] in the state directory; from then on orders about groups
//! go to that server. The key names it, so that there is nothing else to say: inside the overlay its
//! address is that of the server, port 4651. Elsewhere `--url https://…` says where it is.

use crate::client;
pub(crate) use crate::client::surprised;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use api::{
    ApiError, Code, GroupRequest, ManageRequest, ManageResponse, NetworkMode, Page, Request,
    Response,
};
use identity::crypto::{AwsLc, Crypto};
use os::files::FileError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use wire::admin_key::AdminKey;

/// The file's name in the state directory.
pub(crate) const FILE: &str = "gms-use.json";
const FILE_LEN_MAX: u64 = 1 << 20;
/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(20);
/// The longest answer that is read, in bytes.
const ANSWER_LEN_MAX: u64 = 64 << 20;

/// A server, and the right to give it orders.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remote {
    /// The key.
    key: String,
    /// Where the interface is, without a slash at the end.
    pub(crate) url: String,
    /// Certificates to trust, PEM; none: those that browsers trust are not asked, so one is needed for TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authority: Option<String>,
}

/// What the key is shown by.
#[derive(Debug, Deserialize)]
struct Problem {
    code: String,
    detail: Option<String>,
    #[serde(default)]
    args: BTreeMap<String, String>,
}

impl Remote {
    /// A server by its key.
    ///
    /// # Errors
    /// It is none, or the URL is not one, or TLS lacks a certificate to trust.
    pub(crate) fn new(
        key: &str,
        url: Option<&str>,
        authority: Option<String>,
    ) -> Result<Self, Failure> {
        let read = AdminKey::parse(key, |bytes| AwsLc.sha256(&[bytes]));
        let read = read.ok_or_else(|| Failure::new(Exit::Usage, "error-admin-key-text"))?;
        let overlay = || format!("http://[{}]:{}", read.server, runtime::http::PORT);
        let url = url.map_or_else(overlay, |url| url.trim_end_matches('/').to_owned());
        let wrong = |message: &str| Failure::new(Exit::Usage, message).with("url", &url);
        let uri: ureq::http::Uri = url.parse().map_err(|_| wrong("error-gms-url"))?;
        let inside = |host: &str| {
            let address = host.trim_matches(['[', ']']).parse::<std::net::Ipv6Addr>();
            address.is_ok_and(|it| api::is_overlay(it.into()))
        };
        match (uri.scheme_str(), uri.host()) {
            (Some("https"), Some(_)) if authority.is_some() => {}
            (Some("https"), Some(_)) => return Err(wrong("error-gms-authority")),
            // What leaves this machine outside the overlay would be in clear, with the key.
            (Some("http"), Some(host)) if inside(host) => {}
            _ => return Err(wrong("error-gms-url")),
        }
        Ok(Self {
            key: key.trim().to_owned(),
            url,
            authority,
        })
    }

    /// The server that this account uses, if it does not manage groups itself.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn load(context: &Context) -> Result<Option<Self>, Failure> {
        let path = path(context);
        let failed = |detail: String| {
            let failure = Failure::new(Exit::Failed, "error-gms-file");
            failure.with("file", path.display()).with("detail", detail)
        };
        match os::files::read_private(&path, FILE_LEN_MAX) {
            Err(FileError::Missing(_)) => Ok(None),
            Err(error) => Err(failed(error.to_string())),
            Ok(bytes) => {
                let read = serde_json::from_slice(&bytes);
                read.map(Some).map_err(|error| failed(error.to_string()))
            }
        }
    }

    /// Keeps it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn save(&self, context: &Context) -> Result<(), Failure> {
        let path = path(context);
        let failed = |error: FileError| {
            let failure = Failure::new(Exit::Failed, "error-gms-file");
            failure.with("file", path.display()).with("detail", error)
        };
        os::files::private_directory(&context.directories.state).map_err(failed)?;
        // Texts: this cannot fail.
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        os::files::write_private(&path, &bytes).map_err(failed)
    }

    /// Forgets it; whether there was one.
    ///
    /// # Errors
    /// The file cannot be removed.
    pub(crate) fn forget(context: &Context) -> Result<bool, Failure> {
        let path = path(context);
        match std::fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => {
                let failure = Failure::new(Exit::Failed, "error-gms-file");
                Err(failure.with("file", path.display()).with("detail", error))
            }
        }
    }

    /// Asks the server what a node would be asked over its control socket.
    ///
    /// # Errors
    /// It cannot be reached, or refuses.
    pub(crate) fn ask(&self, request: &Request) -> Result<Response, Failure> {
        match request {
            Request::Group(request) => self.group(request),
            Request::Manage(request) => {
                let answer = self.manage(request)?;
                Ok(Response::Manage(Box::new(answer)))
            }
            _ => Err(ApiError::new(Code::BadRequest)
                .with("detail", "request")
                .into()),
        }
    }

    fn group(&self, request: &GroupRequest) -> Result<Response, Failure> {
        let done = |_: Value| Ok(Response::Done);
        match request {
            GroupRequest::Serve { .. }
            | GroupRequest::Accept { .. }
            | GroupRequest::Move { .. }
            | GroupRequest::Backup { .. } => Err(ApiError::new(Code::BadRequest)
                .with("detail", "serve")
                .into()),
            GroupRequest::Create {
                groups,
                zone,
                site,
                locked,
                sign_in_s,
                ..
            } => {
                let body = json!({
                    "groups": groups, "zone": zone, "site": site, "locked": locked,
                    "sign_in_s": sign_in_s,
                });
                let made = self.call("POST", "groups", Some(body))?;
                value(made).map(Response::GroupsMade)
            }
            GroupRequest::Plan { order } => {
                let body = planned(order)?;
                let planned = self.call("POST", "plan", Some(body))?;
                value(planned).map(|it| Response::Planned(Box::new(it)))
            }
            GroupRequest::Add {
                member,
                groups,
                mode,
                accepts,
                roles,
                expires_s,
            } => {
                let body = json!({
                    "groups": groups, "mode": mode, "accepts": accepts, "roles": roles,
                    "expires_s": expires_s,
                });
                let path = format!("members/{}", encoded(member));
                let answer = self.call("PUT", &path, Some(body))?;
                let line = answer.get("line").cloned().unwrap_or_default();
                let line: Option<api::GroupLine> = value(line)?;
                Ok(line.map_or(Response::Done, Response::GroupLine))
            }
            GroupRequest::Invite {
                groups,
                uses,
                mode,
                roles,
                expires_s,
            } => {
                let body = json!({
                    "groups": groups, "uses": uses, "mode": mode, "roles": roles,
                    "expires_s": expires_s,
                });
                let answer = self.call("POST", "lines", Some(body))?;
                value(answer).map(Response::GroupLine)
            }
            GroupRequest::Remove { member, group } => {
                let member = encoded(member);
                let path = match group {
                    Some(group) => format!("groups/{}/members/{member}", encoded(group)),
                    None => format!("members/{member}"),
                };
                self.call("DELETE", &path, None).and_then(done)
            }
            GroupRequest::Rotate { group } => {
                let path = format!("groups/{}/rotation", encoded(group));
                self.call("POST", &path, None).and_then(done)
            }
            GroupRequest::Share { .. }
            | GroupRequest::Unshare { .. }
            | GroupRequest::Roles { .. }
            | GroupRequest::Rules { .. } => self.group_terms(request),
            GroupRequest::List => {
                let managed = Some(self.managed()?);
                let groups = api::Groups {
                    member_of: Vec::new(),
                    sign_ins: Vec::new(),
                    managed,
                };
                Ok(Response::Groups(Box::new(groups)))
            }
        }
    }

    /// Who manages a group, and what its members are and may reach.
    fn group_terms(&self, request: &GroupRequest) -> Result<Response, Failure> {
        let done = |_: Value| Ok(Response::Done);
        match request {
            GroupRequest::Share { groups, expires_s } => {
                let body = json!({"groups": groups, "expires_s": expires_s});
                let answer = self.call("POST", "shares", Some(body))?;
                value(answer).map(Response::GroupLine)
            }
            GroupRequest::Unshare { group, server } => {
                let path = format!("groups/{}/servers/{server}", encoded(group));
                self.call("DELETE", &path, None).and_then(done)
            }
            GroupRequest::Roles { member, roles } => {
                let path = format!("members/{}/roles", encoded(member));
                let body = json!({ "roles": roles });
                self.call("PUT", &path, Some(body)).and_then(done)
            }
            GroupRequest::Rules { group, rules } => {
                let path = format!("groups/{}/rules", encoded(group));
                let body = serde_json::to_value(rules).unwrap_or_default();
                self.call("PUT", &path, Some(body)).and_then(done)
            }
            _ => Err(surprised()),
        }
    }

    fn manage(&self, request: &ManageRequest) -> Result<ManageResponse, Failure> {
        use ManageRequest as R;
        use ManageResponse as Answer;
        let get = |path: &str| self.call("GET", path, None);
        let done = |_: Value| Ok(Answer::Done);
        match request {
            R::Server => value(get("server")?).map(Answer::Server),
            R::Groups(page) => value(get(&paged("groups", page))?).map(Answer::Groups),
            R::Group { group } => {
                value(get(&format!("groups/{}", encoded(group)))?).map(Answer::Group)
            }
            R::Members(page) => value(get(&paged("members", page))?).map(Answer::Members),
            R::Member { member } => {
                value(get(&format!("members/{}", encoded(member)))?).map(Answer::Member)
            }
            R::Lines(page) => value(get(&paged("lines", page))?).map(Answer::Lines),
            R::Withdraw { line } => {
                let path = format!("lines/{}", encoded(line));
                self.call("DELETE", &path, None).and_then(done)
            }
            R::Admins => value(get("admins")?).map(Answer::Admins),
            R::AddAdmin {
                admin,
                role,
                expires_s,
            } => {
                let body = json!({"role": role, "expires_s": expires_s});
                let path = format!("admins/{}", encoded(admin));
                value(self.call("PUT", &path, Some(body))?).map(Answer::Key)
            }
            R::RemoveAdmin { admin } => {
                let path = format!("admins/{}", encoded(admin));
                self.call("DELETE", &path, None).and_then(done)
            }
            R::Pending(page) => value(get(&paged("pending", page))?).map(Answer::Pending),
            R::Approve(new) => {
                let made = self.call("POST", "signatures", Some(json!(new)))?;
                value(made).map(Answer::Approved)
            }
            R::Users(page) => value(get(&paged("users", page))?).map(Answer::Users),
            R::User { user } => value(get(&format!("users/{}", encoded(user)))?).map(Answer::User),
            R::AddUser { .. }
            | R::SetPassword { .. }
            | R::ChangeUser { .. }
            | R::RemoveUser { .. }
            | R::RequireSignIn { .. } => {
                let (method, path, body) = of_users(request);
                self.call(method, &path, body).and_then(done)
            }
            R::Log(page) => {
                let most = page.most.unwrap_or(api::PAGE_DEFAULT);
                let path = format!("log?after={}&most={most}", page.after);
                value(get(&path)?).map(Answer::Log)
            }
        }
    }

    /// All that the server manages, page by page.
    fn managed(&self) -> Result<api::Managed, Failure> {
        let server: api::Server = value(self.call("GET", "server", None)?)?;
        Ok(api::Managed {
            rev: server.rev,
            trail: server.trail,
            groups: self.all("groups", |it: &api::ManagedGroup| it.group.clone())?,
            members: self.all("members", |it: &api::Member| it.name.clone())?,
            lines_open: server.lines_open,
        })
    }

    fn all<T: DeserializeOwned>(
        &self,
        list: &str,
        name: impl Fn(&T) -> String,
    ) -> Result<Vec<T>, Failure> {
        let mut all: Vec<T> = Vec::new();
        loop {
            let page = Page {
                after: all.last().map(&name).unwrap_or_default(),
                most: Some(api::PAGE_MAX),
            };
            let more: Vec<T> = value(self.call("GET", &paged(list, &page), None)?)?;
            let is_last = more.len() < api::PAGE_MAX as usize;
            all.extend(more);
            if is_last {
                return Ok(all);
            }
        }
    }

    fn call(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, Failure> {
        let unreachable = |error: ureq::Error| {
            let failure = Failure::new(Exit::Failed, "error-gms-unreachable");
            failure.with("url", &self.url).with("detail", error)
        };
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/v1/{path}", self.url))
            .header("authorization", format!("Bearer {}", self.key));
        let sent = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                let request = request.body(body.to_string());
                request
                    .map_err(ureq::Error::from)
                    .and_then(|it| self.agent().run(it))
            }
            None => {
                let request = request.body(());
                request
                    .map_err(ureq::Error::from)
                    .and_then(|it| self.agent().run(it))
            }
        };
        let mut answer = sent.map_err(unreachable)?;
        let read = answer.body_mut().with_config().limit(ANSWER_LEN_MAX);
        let text = read.read_to_string().map_err(unreachable)?;
        if answer.status().is_success() {
            return Ok(serde_json::from_str(&text).unwrap_or_default());
        }
        match serde_json::from_str::<Problem>(&text) {
            Ok(problem) => Err(problem.into()),
            Err(_) => {
                let failure = Failure::new(Exit::Failed, "error-gms-unreachable");
                Err(failure
                    .with("url", &self.url)
                    .with("detail", answer.status()))
            }
        }
    }

    fn agent(&self) -> ureq::Agent {
        let pem = self.authority.as_deref().unwrap_or_default();
        let certificates = parse_pem(pem.as_bytes()).filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        });
        let certificates: Vec<Certificate<'static>> = certificates.collect();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::from(certificates))
            .unversioned_rustls_crypto_provider(Arc::new(provider));
        let config = ureq::Agent::config_builder()
            .tls_config(tls.build())
            .timeout_global(Some(LIMIT))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None);
        config.build().into()
    }
}

/// Refuses to send a key to an address of the overlay that the overlay would not carry: without the
/// node's interface it goes to whoever is the next router.
///
/// # Errors
/// The node here does not run, or has no interface of this machine.
pub(crate) fn is_carried(context: &Context, remote: &Remote) -> Result<(), Failure> {
    if remote.authority.is_some() {
        return Ok(());
    }
    let status = client::ask(context, &Request::Status)?;
    let is_there = match status {
        Response::Status(status) => status.network.mode == NetworkMode::Kernel,
        _ => false,
    };
    let refused = || Failure::new(Exit::Failed, "error-gms-outside").with("url", &remote.url);
    is_there.then_some(()).ok_or_else(refused)
}

/// The request of whoever types `kumi group` or `kumi gms`: to the server that is used, else to the
/// node here.
///
/// # Errors
/// Nobody is there, or it refuses.
pub(crate) fn ask(context: &Context, request: &Request) -> Result<Response, Failure> {
    match Remote::load(context)? {
        Some(remote) => {
            is_carried(context, &remote)?;
            remote.ask(request)
        }
        None => client::ask(context, request),
    }
}

/// The same about the server.
///
/// # Errors
/// As [`ask`], or an answer to another question.
pub(crate) fn manage(context: &Context, request: ManageRequest) -> Result<ManageResponse, Failure> {
    match ask(context, &Request::Manage(request))? {
        Response::Manage(answer) => Ok(*answer),
        _ => Err(surprised()),
    }
}

fn path(context: &Context) -> PathBuf {
    context.directories.state.join(FILE)
}

fn value<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    let mismatch =
        |error| Failure::new(Exit::Failed, "error-version-mismatch").with("detail", error);
    serde_json::from_value(value).map_err(mismatch)
}

/// Orders about users and sign-ins as the interface takes them.
fn of_users(request: &ManageRequest) -> (&'static str, String, Option<Value>) {
    use ManageRequest as R;
    let of = |user: &str, what: &str| format!("users/{}{what}", encoded(user));
    match request {
        R::AddUser {
            user,
            password,
            devices,
        } => {
            let body = json!({"password": password, "devices": devices});
            ("PUT", of(user, ""), Some(body))
        }
        R::SetPassword { user, password } => {
            let body = json!({"password": password});
            ("PUT", of(user, "/password"), Some(body))
        }
        R::ChangeUser {
            user,
            devices,
            disabled,
        } => {
            let body = json!({"devices": devices, "disabled": disabled});
            ("PUT", of(user, "/access"), Some(body))
        }
        R::RequireSignIn { group, period_s } => {
            let path = format!("groups/{}/sign-in", encoded(group));
            ("PUT", path, Some(json!({"period_s": period_s})))
        }
        R::RemoveUser { user } => ("DELETE", of(user, ""), None),
        // There are no others.
        _ => ("GET", "server".to_owned(), None),
    }
}

/// An order of which only is asked what it would do.
fn planned(order: &GroupRequest) -> Result<Value, Failure> {
    Ok(match order {
        GroupRequest::Add {
            member,
            groups,
            roles,
            ..
        } => json!({"order": "add", "member": member, "groups": groups, "roles": roles}),
        GroupRequest::Invite {
            groups,
            uses,
            roles,
            ..
        } => json!({"order": "invite", "groups": groups, "uses": uses, "roles": roles}),
        GroupRequest::Roles { member, roles } => {
            json!({"order": "roles", "member": member, "roles": roles})
        }
        GroupRequest::Rules { group, rules } => json!({
            "order": "rules", "group": group, "rules": rules.rules, "tests": rules.tests,
        }),
        GroupRequest::Remove { member, group } => {
            json!({"order": "remove", "member": member, "group": group})
        }
        _ => {
            return Err(ApiError::new(Code::BadRequest)
                .with("detail", "order")
                .into());
        }
    })
}

/// A name as a part of a path (RFC 3986).
fn encoded(name: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => text.push(byte.into()),
            // Writing to a String cannot fail.
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

fn paged(list: &str, page: &Page) -> String {
    let most = page.most.unwrap_or(api::PAGE_DEFAULT);
    format!("{list}?most={most}&after={}", encoded(&page.after))
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        let known = Code::ALL.iter().find(|code| code.as_str() == problem.code);
        let error = match known {
            Some(code) => ApiError::new(*code),
            None => ApiError::new(Code::GroupRefused).with("refusal", problem.code),
        };
        let error = error.with("detail", problem.detail.unwrap_or_default());
        let with = |error: ApiError, (name, value): (String, String)| error.with(&name, value);
        problem.args.into_iter().fold(error, with).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> String {
        let mut server = [0; 16];
        (server[0], server[15]) = (0xfc, 1);
        let server = wire::NodeAddr(server);
        let key = AdminKey {
            server,
            secret: [7; 32],
        };
        key.encode(|bytes| AwsLc.sha256(&[bytes]))
    }

    #[test]
    fn a_key_says_where_its_server_is_and_nothing_goes_out_in_clear() {
        let url = |url: Option<&str>, authority: Option<&str>| {
            let made = Remote::new(&key(), url, authority.map(str::to_owned));
            made.map(|it| it.url).map_err(|failure| failure.id)
        };
        let failed = |id: &str| Err(id.to_owned());
        assert_eq!(url(None, None).unwrap(), "http://[fc00::1]:4651");
        assert_eq!(
            url(Some("http://[fc00::2]:80/"), None).unwrap(),
            "http://[fc00::2]:80"
        );
        assert_eq!(
            url(Some("https://gms.example"), Some("PEM")).unwrap(),
            "https://gms.example"
        );
        assert_eq!(
            url(Some("https://gms.example"), None),
            failed("error-gms-authority")
        );
        for wrong in [
            "http://gms.example",
            "http://192.0.2.1",
            "ftp://[fc00::1]",
            "gms",
            "",
        ] {
            assert_eq!(url(Some(wrong), None), failed("error-gms-url"), "{wrong}");
        }
        let mistyped = Remote::new(&key().replacen("A", "B", 1), None, None);
        assert_eq!(mistyped.err().unwrap().id, "error-admin-key-text");
    }

    #[test]
    fn it_is_kept_for_its_owner_alone_and_forgotten() {
        let directory = std::env::temp_dir().join(format!("kumi-use-{}", std::process::id()));
        let context = Context::for_test(&directory);
        assert!(Remote::load(&context).unwrap().is_none());
        let remote = Remote::new(&key(), None, None).unwrap();
        remote.save(&context).unwrap();
        assert!(Remote::load(&context).unwrap() == Some(remote));
        assert!(Remote::forget(&context).unwrap() && !Remote::forget(&context).unwrap());
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn names_are_parts_of_paths_and_problems_say_what_the_control_socket_would() {
        assert_eq!(encoded("a/b ü.%"), "a%2Fb%20%C3%BC%2E%25");
        let refused = Problem {
            code: "no-group".to_owned(),
            detail: None,
            args: [("group".to_owned(), "x".to_owned())].into(),
        };
        let failure = Failure::from(refused);
        assert_eq!(
            (failure.id.as_str(), failure.args["refusal"].as_str()),
            ("api-group-refused", "no-group")
        );
        let busy = Problem {
            code: "busy".to_owned(),
            detail: None,
            args: BTreeMap::new(),
        };
        assert_eq!(Failure::from(busy).id, "api-busy");
    }
}
