//! `kumi gms use`: orders about groups go to a management server elsewhere.

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::remote::{Remote, is_carried, surprised};
use crate::text::args;
use api::{ManageRequest, ManageResponse, Request, Response, Server};
use clap::ArgMatches;
use std::path::PathBuf;

/// Runs it.
pub(super) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    if matches.get_flag("own") {
        let was_used = Remote::forget(context)?;
        if context.json {
            output::json(&serde_json::json!({ "used": null, "was_used": was_used }));
        }
        context.say(&context.text.t("gms-used-own"));
        return Ok(());
    }
    let authority = matches.get_one::<PathBuf>("trust").map(|path| {
        std::fs::read_to_string(path).map_err(|error| {
            let failure = Failure::new(Exit::Usage, "error-gms-file");
            failure.with("file", path.display()).with("detail", error)
        })
    });
    let key = matches
        .get_one::<String>("KEY")
        .cloned()
        .unwrap_or_default();
    let url = matches.get_one::<String>("url").map(String::as_str);
    let remote = Remote::new(&key, url, authority.transpose()?)?;
    is_carried(context, &remote)?;
    // One that does not answer is not kept.
    let server = server(&remote)?;
    remote.save(context)?;
    if context.json {
        output::json(&serde_json::json!({ "used": server.address, "url": remote.url }));
        return Ok(());
    }
    let args = args!(
        address = server.address.to_string(),
        groups = server.groups,
        members = server.members
    );
    context.say(&context.text.tr("gms-used", args));
    Ok(())
}

fn server(remote: &Remote) -> Result<Server, Failure> {
    match remote.ask(&Request::Manage(ManageRequest::Server))? {
        Response::Manage(answer) => match *answer {
            ManageResponse::Server(server) => Ok(server),
            _ => Err(surprised()),
        },
        _ => Err(surprised()),
    }
}
