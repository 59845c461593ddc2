//! Lines of locked groups that admit while the admins are away: an admin's machine makes the invite's key, k admins
//! sign what it may do, and the line is put together here. The server never sees the key.
//!
//! Until then the offer lies in the state directory, as a file that only its owner may read. Whoever has the file
//! has the line.

use super::signing::say_request;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::keys::file_failure;
use crate::output;
use crate::text::args;
use crate::usage::wrong_value;
use crate::verbs::access::argument;
use crate::verbs::group::orders;
use crate::verbs::line;
use clap::ArgMatches;
use group::Mode;
use group::lock::{InviteKey, Lock};
use group::rules::{ROLES_MAX, is_role};
use group::serial::hex;
use group::signing::{AdminSignature, Request, Statement};
use group::statement::{
    Attributes, Bounds, InviteCertificate, KINDS_ALL, PREFIXES_MAX, Signer, is_name,
};
use identity::crypto::{AwsLc, Crypto, HashRng, random};
use os::files::FileError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;
use wire::invite::{Invite, Purpose};

const FILE_LEN_MAX: u64 = 1 << 20;
/// A GES alone: who may have nothing behind it is no router.
const GES_ALONE: u8 = 0b001;

/// A line that waits for signatures.
#[derive(Serialize, Deserialize)]
struct Offer {
    /// The line of the server.
    line: String,
    /// The seed of the invite's key.
    #[serde(with = "hex")]
    seed: [u8; 32],
    /// What is asked of the admins.
    request: String,
    /// What they have signed so far.
    signatures: Vec<String>,
}

/// Runs `kumi group offer`.
pub(super) fn offer(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let (text, invite) = line::read(argument(matches, "LINE"))?;
    let unlocked = || Failure::new(Exit::Usage, "error-line-unlocked");
    let lock = Lock::decode(&invite.lock).map_err(|_| unlocked())?;
    if lock.invite.is_some() || !matches!(invite.purpose, Purpose::Group { .. }) {
        return Err(unlocked());
    }
    let bounds = bounds(context, matches, &lock, invite.expires_unix_s)?;
    let seed = os::random::seed().map_err(|error| broken(&error))?;
    let seed: [u8; 32] = random(&mut HashRng::new(seed));
    let key = signer(&seed).public();
    let id = lock.genesis.id(&AwsLc);
    let certificate = InviteCertificate::new(id, key, bounds).map_err(|error| broken(&error))?;
    let request = Request {
        name: lock.name,
        genesis: lock.genesis,
        statement: Statement::Invite(Box::new(certificate)),
    };
    let offer = Offer {
        line: text,
        seed,
        request: request.to_text(&AwsLc),
        signatures: Vec::new(),
    };
    save(context, &request.statement.id(&AwsLc), &offer)?;
    if context.json {
        output::json(&serde_json::json!({ "request": offer.request }));
        return Ok(());
    }
    say_request(context, &request);
    context.say(&offer.request);
    eprintln!("{}", context.text.t("group-offer-next"));
    Ok(())
}

/// Runs `kumi group complete`.
pub(super) fn complete(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let texts = matches.get_many::<String>("SIGNATURE").unwrap_or_default();
    let mut of = None;
    let mut read = Vec::new();
    for text in texts {
        let wrong = || wrong_value("SIGNATURE", text, &context.text.t("expected-signature"));
        let signature = AdminSignature::from_text(&AwsLc, text).ok_or_else(wrong)?;
        if of.is_some_and(|id| id != signature.statement) {
            return Err(Failure::new(Exit::Usage, "error-signatures-mixed"));
        }
        of = Some(signature.statement);
        read.push(signature);
    }
    let id = of.unwrap_or_default();
    let mut offer = load(context, &id)?;
    let damaged = || unusable(context, &id, &"it was altered");
    let request = Request::from_text(&AwsLc, &offer.request).ok_or_else(damaged)?;
    let mut statement = request.statement.clone();
    let before = offer.signatures.iter();
    let before = before.filter_map(|text| AdminSignature::from_text(&AwsLc, text));
    for signature in before.collect::<Vec<_>>().iter().chain(&read) {
        if !statement.accept(&AwsLc, &request.genesis, signature) {
            return Err(Failure::new(Exit::Failed, "error-signature-wrong"));
        }
    }
    let new = read.iter().map(|it| it.to_text(&AwsLc));
    offer.signatures.extend(new);
    offer.signatures.sort_unstable();
    offer.signatures.dedup();
    let Statement::Invite(certificate) = statement else {
        return Err(damaged());
    };
    if certificate.holds(&AwsLc, &request.genesis) {
        return finish(context, &id, &offer, &request, *certificate);
    }
    save(context, &id, &offer)?;
    let need = request.genesis.policy.threshold().unwrap_or_default();
    let have = certificate.signers().count();
    if context.json {
        output::json(&serde_json::json!({ "line": null, "signatures": have, "threshold": need }));
        return Ok(());
    }
    let more = args!(have = have, need = need);
    context.say(&context.text.tr("group-complete-more", more));
    Ok(())
}

/// Prints the line, and forgets the offer.
fn finish(
    context: &Context,
    id: &[u8; 16],
    offer: &Offer,
    request: &Request,
    certificate: InviteCertificate,
) -> Result<(), Failure> {
    let (_, invite) = line::read(&offer.line)?;
    let until = output::time(certificate.bounds().until_unix_s);
    let once = certificate.bounds().once;
    let lock = Lock {
        name: request.name.clone(),
        genesis: request.genesis.clone(),
        suggested: Attributes::default(),
        invite: Some(InviteKey {
            seed: offer.seed,
            certificate,
        }),
    };
    let invite = Invite {
        lock: lock.encode(),
        ..invite
    };
    let line = invite.encode(|bytes| AwsLc.sha256(&[bytes]));
    let line = line.map_err(|error| broken(&error))?;
    if context.json {
        output::json(&serde_json::json!({ "line": line }));
    }
    context.say(&line);
    let message = match once {
        true => "group-complete-once",
        false => "group-complete-several",
    };
    eprintln!("{}", context.text.tr(message, args!(until = until)));
    // It was printed: that it cannot be removed is no failure of the order.
    let _ = std::fs::remove_file(path(context, id));
    Ok(())
}

/// What the invite may do: what the server suggests, unless something else is typed.
fn bounds(
    context: &Context,
    matches: &ArgMatches,
    lock: &Lock,
    until_unix_s: u64,
) -> Result<Bounds, Failure> {
    let mut attributes = lock.suggested.clone();
    if let Some(name) = matches.get_one::<String>("name") {
        let is_other = |it: &String| it != name;
        if !is_name(name) || attributes.name.as_ref().is_some_and(is_other) {
            let expected = match &attributes.name {
                Some(meant) => meant.clone(),
                None => context.text.t("expected-member-name"),
            };
            return Err(wrong_value("--name", name, &expected));
        }
        attributes.name = Some(name.clone());
    }
    let behind = orders::prefixes(context, matches, "behind")?;
    if !behind.is_empty() {
        attributes.prefixes = behind
            .into_iter()
            .map(|it| it.0)
            .take(PREFIXES_MAX)
            .collect();
    }
    let roles: BTreeSet<String> = orders::roles(matches, "role").into_iter().collect();
    if let Some(role) = roles.iter().find(|it| !is_role(it)) {
        let expected = context.text.t("expected-member-role");
        return Err(wrong_value("--role", role, &expected));
    }
    if roles.len() > ROLES_MAX {
        let (many, most) = (roles.len().to_string(), ROLES_MAX.to_string());
        return Err(wrong_value("--role", &many, &most));
    }
    if !roles.is_empty() {
        attributes.roles = roles.into_iter().collect();
    }
    let now_unix_s = os::clock::unix_s();
    Ok(Bounds {
        from_unix_s: now_unix_s,
        until_unix_s: until_unix_s.max(now_unix_s),
        mode: orders::mode(context, matches)?.map(|mode| match mode {
            api::Mode::Open => Mode::Open,
            api::Mode::Closed => Mode::Closed,
        }),
        kinds: match attributes.prefixes.is_empty() {
            true => GES_ALONE,
            false => KINDS_ALL,
        },
        once: !matches.get_flag("several"),
        attributes,
    })
}

fn signer(seed: &[u8; 32]) -> Signer<'_> {
    Signer {
        crypto: &AwsLc,
        seed,
    }
}

fn path(context: &Context, id: &[u8; 16]) -> PathBuf {
    let name = format!("offer-{}.json", hex::text(id));
    context.directories.state.join(name)
}

fn save(context: &Context, id: &[u8; 16], offer: &Offer) -> Result<(), Failure> {
    os::files::private_directory(&context.directories.state).map_err(file_failure)?;
    // Texts: this cannot fail.
    let bytes = serde_json::to_vec(offer).unwrap_or_default();
    os::files::write_private(&path(context, id), &bytes).map_err(file_failure)
}

fn load(context: &Context, id: &[u8; 16]) -> Result<Offer, Failure> {
    let bytes = match os::files::read_private(&path(context, id), FILE_LEN_MAX) {
        Err(FileError::Missing(_)) => {
            return Err(Failure::new(Exit::Failed, "error-no-offer"));
        }
        other => other.map_err(file_failure)?,
    };
    serde_json::from_slice(&bytes).map_err(|error| unusable(context, id, &error))
}

fn unusable(context: &Context, id: &[u8; 16], detail: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, "error-file-io")
        .with("file", path(context, id).display())
        .with("detail", detail)
}

fn broken(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, "error-crypto").with("detail", error)
}
