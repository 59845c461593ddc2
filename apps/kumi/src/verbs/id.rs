//! `kumi id`: show, make and keep safe this node's identity.

use super::show;
use crate::client::expect_answer;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::keys::{Keys, NEXT, NODE, Opener, ROOT, State};
use crate::output;
use crate::passphrase::Source;
use crate::text::args;
use api::{Request, Response};
use clap::ArgMatches;
use identity::PublicIdentity;
use std::path::{Path, PathBuf};

/// Runs the command below `id`.
pub(crate) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("new", matches)) => new(context, matches),
        Some(("rotate", matches)) => rotate(context, matches),
        Some(("seal", matches)) => seal(context, matches),
        Some(("backup", matches)) => backup(context, matches),
        Some(("restore", matches)) => restore(context, matches),
        _ => show_identity(context),
    }
}

/// `--passphrase-file` and what stands in for it.
pub(crate) fn source(context: &Context, matches: &ArgMatches) -> Source {
    Source::new(context, matches.get_one::<PathBuf>("passphrase-file"))
}

fn new(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let keys = Keys::new(context);
    let passphrase = match matches.get_flag("seal") && !keys.exist() {
        true => Some(source(context, matches).new_one(context, "passphrase-new")?),
        false => None,
    };
    keys.create(passphrase.as_ref().map(|passphrase| passphrase.as_str()))?;
    context.say(&context.text.t("id-made"));
    show_identity(context)?;
    hint_next_key(context, &keys.path(NEXT));
    Ok(())
}

/// The tip about the next root key.
pub(crate) fn hint_next_key(context: &Context, file: &Path) {
    let file = file.display().to_string();
    context.say(&context.text.tr("up-hint-next-key", args!(file = file)));
}

fn show_identity(context: &Context) -> Result<(), Failure> {
    let keys = Keys::new(context);
    let public = keys.public()?;
    let mut files = Vec::new();
    for name in [ROOT, NEXT, NODE] {
        files.push((name, keys.state(name, public.address())?));
    }
    if context.json {
        output::json(&as_json(&public, &files));
        return Ok(());
    }
    let text = &context.text;
    let certificate = &public.certificate;
    let left = certificate
        .not_after_unix_s
        .saturating_sub(os::clock::unix_s());
    let certificate = text.tr(
        "status-certificate",
        args!(
            counter = certificate.counter,
            until = output::time(certificate.not_after_unix_s),
            left = output::duration(left)
        ),
    );
    let files: Vec<String> = files
        .iter()
        .map(|(name, state)| format!("{name}: {}", text.tr(state_message(*state), &[])))
        .collect();
    let root_key = public.history.root_key();
    show::pairs(
        context,
        &[
            ("label-address", public.address().to_string()),
            ("label-alias", identity::alias(root_key).to_string()),
            ("label-subnet", subnet(&public)),
            ("label-root-key", hex(root_key)),
            ("label-rotations", public.history.position().to_string()),
            ("label-certificate", certificate),
            ("label-files", files.join(", ")),
        ],
    );
    Ok(())
}

fn as_json(public: &PublicIdentity, files: &[(&str, State)]) -> serde_json::Value {
    let root_key = public.history.root_key();
    let certificate = &public.certificate;
    let states: std::collections::BTreeMap<&str, &str> = files
        .iter()
        .map(|(name, state)| {
            let state = match state {
                State::Absent => "absent",
                State::Open => "open",
                State::Sealed => "sealed",
            };
            (*name, state)
        })
        .collect();
    serde_json::json!({
        "address": public.address().to_string(),
        "alias": identity::alias(root_key).to_string(),
        "alias_subnet": subnet(public),
        "root_key": hex(root_key),
        "root_position": public.history.position(),
        "certificate": {
            "counter": certificate.counter,
            "not_before_unix_s": certificate.not_before_unix_s,
            "not_after_unix_s": certificate.not_after_unix_s,
            "noise_key": hex(&certificate.noise_key),
            "sign_key": hex(&certificate.sign_key),
        },
        "files": states,
    })
}

fn state_message(state: State) -> &'static str {
    match state {
        State::Absent => "id-absent",
        State::Open => "id-open",
        State::Sealed => "id-sealed",
    }
}

fn subnet(public: &PublicIdentity) -> String {
    format!("{}/64", identity::alias_subnet(public.history.root_key()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn rotate(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let source = source(context, matches);
    let keys = Keys::new(context);
    let (public, next) = keys.rotate(&mut Opener::new(context, &source))?;
    let told = tell(context)?;
    if context.json {
        output::json(&serde_json::json!({
            "address": public.address().to_string(),
            "root_position": public.history.position(),
            "root_key": hex(public.history.root_key()),
            "node_told": told.is_some(),
            "peers_told": told.unwrap_or(0),
        }));
        return Ok(());
    }
    let text = &context.text;
    let address = public.address().to_string();
    context.say(&text.tr("id-rotated", args!(address = address)));
    context.say(&match told {
        Some(peers) => text.tr("id-rotated-told", args!(peers = peers)),
        None => text.t("id-rotated-stopped"),
    });
    let file = next.display().to_string();
    context.say(&text.tr("id-rotated-next", args!(file = file)));
    Ok(())
}

/// Tells the running node that the identity's files have changed. Returns how many peers it
/// has told; `None` when it does not run.
pub(crate) fn tell(context: &Context) -> Result<Option<u32>, Failure> {
    let asked = || -> Result<u32, Failure> {
        Ok(expect_answer!(context, &Request::IdentityChanged, Response::Told(told) => told.peers))
    };
    match asked() {
        Ok(peers) => Ok(Some(peers)),
        Err(failure) if failure.exit == Exit::NotRunning => Ok(None),
        Err(failure) => Err(failure),
    }
}

fn seal(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let keys = Keys::new(context);
    let address = keys.public()?.address();
    let names: &[&'static str] = match matches.get_flag("node") {
        true => &[ROOT, NEXT, NODE],
        false => &[ROOT, NEXT],
    };
    let mut sealed_before = false;
    for name in names {
        sealed_before |= keys.state(name, address)? == State::Sealed;
    }
    let old = source(context, matches);
    let new = match matches.get_one::<PathBuf>("new-passphrase-file") {
        Some(file) => Source::new(context, Some(file)),
        // The file with the old passphrase does not tell the new one.
        None if sealed_before => Source::default(),
        None => old.clone(),
    };
    let passphrase = new.new_one(context, "passphrase-new")?;
    let files = keys.seal(names, &mut Opener::new(context, &old), &passphrase)?;
    if context.json {
        output::json(&serde_json::json!({ "sealed": files }));
    }
    let files = files.join(", ");
    context.say(&context.text.tr("id-seal-done", args!(files = files)));
    Ok(())
}

fn backup(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let source = source(context, matches);
    let file = file(matches);
    let keys = Keys::new(context);
    keys.public()?;
    if file.exists() {
        return Err(Failure::new(Exit::Failed, "error-file-exists").with("file", file.display()));
    }
    let passphrase = source.new_one(context, "passphrase-backup")?;
    let address = keys.backup(&file, &mut Opener::new(context, &source), &passphrase)?;
    let (address, file) = (address.to_string(), file.display().to_string());
    if context.json {
        output::json(&serde_json::json!({ "address": address, "file": file }));
        return Ok(());
    }
    let text = &context.text;
    context.say(&text.tr("id-backup-done", args!(address = address, file = file)));
    context.say(&text.t("id-backup-keep"));
    Ok(())
}

fn restore(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let source = source(context, matches);
    let keys = Keys::new(context);
    let restored = keys.restore(&file(matches), &mut Opener::new(context, &source))?;
    let address = restored.address.to_string();
    if context.json {
        output::json(&serde_json::json!({ "address": address, "restored": restored.files }));
        return Ok(());
    }
    let text = &context.text;
    if restored.files.is_empty() {
        context.say(&text.tr("id-restored-nothing", args!(address = address)));
        return Ok(());
    }
    let files = restored.files.join(", ");
    context.say(&text.tr("id-restored", args!(address = address, files = files)));
    context.say(&text.t("id-restored-clone"));
    Ok(())
}

fn file(matches: &ArgMatches) -> PathBuf {
    matches
        .get_one::<PathBuf>("FILE")
        .cloned()
        .unwrap_or_default()
}
