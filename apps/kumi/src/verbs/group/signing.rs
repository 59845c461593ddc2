//! Admins of locked groups, on a machine of their own: making a key, and signing what they have read.

use super::rule_words::{self, Pairs, quoted, shown};
use super::signed::{self, Strange};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::keys::{ADMIN, Opener, make_admin, open_admin};
use crate::output;
use crate::text::{Text, args};
use crate::usage::wrong_value;
use crate::verbs::access::argument;
use crate::verbs::{id, show};
use clap::ArgMatches;
use group::signing::{NotSigned, Request, Statement, key_to_text};
use group::statement::{Admission, Bounds, InviteCertificate, Policy, Signer};
use group::{Kind, Mode};
use identity::crypto::AwsLc;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use wire::Prefix;

/// Runs `kumi group key`.
pub(super) fn key(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let (public, file) = match matches.subcommand() {
        Some(("new", matches)) => {
            let file = key_file(context, matches);
            if file.exists() {
                let exists = Failure::new(Exit::Failed, "error-file-exists");
                return Err(exists.with("file", file.display()));
            }
            let passphrase = id::source(context, matches).new_one(context, "passphrase-new")?;
            (make_admin(&file, &passphrase)?, file)
        }
        Some((_, matches)) => {
            let file = key_file(context, matches);
            let source = id::source(context, matches);
            let secret = open_admin(&mut Opener::new(context, &source), &file)?;
            (secret.public(&AwsLc), file)
        }
        None => return Ok(()),
    };
    let text = key_to_text(&AwsLc, &public);
    let file = file.display().to_string();
    if context.json {
        output::json(&serde_json::json!({ "key": text, "file": file }));
        return Ok(());
    }
    // The key alone goes to standard output, so that it can be copied.
    context.say(&text);
    eprintln!("{}", context.text.tr("group-key-where", args!(file = file)));
    Ok(())
}

/// Runs `kumi group sign`.
pub(super) fn sign(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let text = argument(matches, "REQUEST");
    let wrong = || wrong_value("REQUEST", text, &context.text.t("expected-request"));
    let request = Request::from_text(&AwsLc, text).ok_or_else(wrong)?;
    if !request.statement.is_known() {
        return Err(refused(NotSigned::Unknown));
    }
    if !context.json {
        say_request(context, &request);
    }
    let id = request.genesis.id(&AwsLc).to_string();
    let known = signed::load(context)?;
    say_strange(
        context,
        signed::strange(&known, &id, &request.name),
        &request.name,
    );
    if rule_words::is_ahead(&request.statement, os::clock::unix_s()) {
        eprintln!("{}", context.text.t("sign-rules-ahead"));
    }
    if !matches.get_flag("yes") {
        confirm(context)?;
    }
    let file = key_file(context, matches);
    let source = id::source(context, matches);
    let secret = open_admin(&mut Opener::new(context, &source), &file)?;
    let signer = Signer {
        crypto: &AwsLc,
        seed: secret.seed(),
    };
    let signature = request.sign(&signer).map_err(refused)?;
    let signed = signature.to_text(&AwsLc);
    signed::remember(context, known, id, &request.name)?;
    if context.json {
        let group = signature.group.to_string();
        output::json(&serde_json::json!({ "signature": signed, "group": group }));
        return Ok(());
    }
    context.say(&signed);
    let next = match &request.statement {
        Statement::Admission(_) | Statement::Rules(_) => "group-sign-next-admission",
        Statement::Invite(_) => "group-sign-next-invite",
    };
    eprintln!("{}", context.text.t(next));
    Ok(())
}

/// Says it on standard error, also where nobody is asked.
fn say_strange(context: &Context, strange: Option<Strange>, group: &str) {
    let group = group.to_owned();
    let said = match strange {
        None => return,
        Some(Strange::OtherGroup(other)) => {
            let args = args!(group = group, other = other);
            context.text.tr("sign-other-group", args)
        }
        Some(Strange::OtherName(other)) => context.text.tr("sign-other-name", args!(other = other)),
    };
    eprintln!("{said}");
}

fn refused(why: NotSigned) -> Failure {
    let why = match why {
        NotSigned::NotAnAdmin => "not-an-admin",
        NotSigned::Unknown => "unknown",
        NotSigned::Mixed => "mixed",
    };
    Failure::new(Exit::Failed, "error-not-signed").with("problem", why)
}

fn key_file(context: &Context, matches: &ArgMatches) -> PathBuf {
    let chosen = matches.get_one::<PathBuf>("key-file").cloned();
    chosen.unwrap_or_else(|| context.directories.state.join(ADMIN))
}

/// Says in words what is to be signed, on standard error: the signature alone goes to standard output.
pub(super) fn say_request(context: &Context, request: &Request) {
    let text = &context.text;
    let (title, pairs) = words(text, request);
    eprintln!("{title}");
    let width = pairs.iter().map(|(label, _)| columns(&text.t(label)));
    let width = width.max().unwrap_or_default();
    for (label, value) in &pairs {
        let label = text.t(label);
        let gap = " ".repeat(width.saturating_sub(columns(&label)));
        eprintln!("  {label}{gap}  {value}");
    }
}

/// How many columns a text takes: letters of East Asia take two.
fn columns(text: &str) -> usize {
    text.chars()
        .map(|c| if c < '\u{1100}' { 1 } else { 2 })
        .sum()
}

/// What a request says.
pub(super) fn words(text: &Text, request: &Request) -> (String, Pairs) {
    let mut pairs = vec![
        ("sign-group", shown(&request.name)),
        ("sign-id", request.genesis.id(&AwsLc).to_string()),
    ];
    if let Policy::Locked { threshold, admins } = &request.genesis.policy {
        let (need, all) = (*threshold, admins.len());
        let locked = text.tr("sign-locked-of", args!(need = need, all = all));
        pairs.push(("sign-locked", locked));
    }
    let title = match &request.statement {
        Statement::Admission(it) => {
            pairs.extend(of_admission(text, it));
            text.t("sign-title-admission")
        }
        Statement::Invite(it) => {
            pairs.extend(of_invite(text, it));
            text.t("sign-title-invite")
        }
        Statement::Rules(it) => {
            pairs.extend(rule_words::of_rules(text, it));
            text.t("sign-title-rules")
        }
    };
    (title, pairs)
}

fn of_admission(text: &Text, admission: &Admission) -> Pairs {
    let said = admission.attributes().unwrap_or_default();
    let dash = || "-".to_owned();
    vec![
        ("sign-member", said.name.as_deref().map_or_else(dash, shown)),
        ("sign-address", admission.member.f.to_string()),
        ("sign-kind", kind(text, admission.kind)),
        ("sign-mode", mode(text, admission.mode)),
        ("sign-behind", listed(text, &said.prefixes)),
        ("sign-site", listed(text, &said.site)),
        ("sign-roles", roles(text, &said.roles)),
        ("sign-asked", output::time(admission.issued_unix_s)),
    ]
}

fn of_invite(text: &Text, certificate: &InviteCertificate) -> Pairs {
    let bounds: &Bounds = certificate.bounds();
    let said = bounds.attributes.clone();
    let kinds = [Kind::Ges, Kind::Gen, Kind::Gea].into_iter().zip([1, 2, 4]);
    let kinds = kinds.filter(|(_, bit)| bounds.kinds & bit != 0);
    let kinds: Vec<String> = kinds.map(|(it, _)| kind(text, it)).collect();
    let any = |id| text.t(id);
    let how_many = match bounds.once {
        true => "sign-once",
        false => "sign-several",
    };
    let (from, until) = (
        output::time(bounds.from_unix_s),
        output::time(bounds.until_unix_s),
    );
    let valid = text.tr("sign-from-until", args!(from = from, until = until));
    vec![
        ("sign-how-many", text.t(how_many)),
        (
            "sign-member",
            said.name
                .as_deref()
                .map_or_else(|| any("sign-any-name"), shown),
        ),
        ("sign-kind", kinds.join(", ")),
        (
            "sign-mode",
            bounds
                .mode
                .map_or_else(|| any("sign-any-mode"), |it| mode(text, it)),
        ),
        ("sign-behind", listed(text, &said.prefixes)),
        ("sign-site", listed(text, &said.site)),
        ("sign-roles", roles(text, &said.roles)),
        ("sign-valid", valid),
        ("sign-invite-key", key_to_text(&AwsLc, &certificate.key)),
    ]
}

fn kind(text: &Text, kind: Kind) -> String {
    text.t(match kind {
        Kind::Ges => "sign-ges",
        Kind::Gen => "sign-gen",
        Kind::Gea => "sign-gea",
    })
}

fn mode(text: &Text, mode: Mode) -> String {
    text.t(match mode {
        Mode::Open => "groups-open",
        Mode::Closed => "groups-closed",
    })
}

fn listed(text: &Text, prefixes: &[Prefix]) -> String {
    match prefixes {
        [] => text.t("sign-nothing"),
        all => {
            let all: Vec<api::Prefix> = all.iter().copied().map(api::Prefix).collect();
            show::prefixes(&all)
        }
    }
}

fn roles(text: &Text, roles: &[String]) -> String {
    match roles {
        [] => text.t("sign-nothing"),
        all => {
            let all: Vec<String> = all.iter().map(|it| quoted(it)).collect();
            all.join(", ")
        }
    }
}

/// Asks on the controlling terminal whether this is to be signed.
fn confirm(context: &Context) -> Result<(), Failure> {
    let unasked = |_| Failure::new(Exit::Usage, "error-sign-unasked");
    let terminal = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/tty");
    let mut terminal = terminal.map_err(unasked)?;
    write!(terminal, "{} ", context.text.t("sign-ask")).map_err(unasked)?;
    let mut answer = String::new();
    let read = BufReader::new(&terminal).read_line(&mut answer);
    read.map_err(unasked)?;
    match answer.trim() == context.text.t("sign-yes") {
        true => Ok(()),
        false => Err(Failure::new(Exit::Failed, "error-sign-no")),
    }
}

#[cfg(test)]
#[path = "signing_tests.rs"]
mod tests;
