//! `kumi group plan`: which pairs of members an order would open and close, before it is given.

use super::orders::{groups, roles, uses};
use super::rules;
use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::remote::{ask, surprised};
use crate::text::{Text, args};
use crate::verbs::access::argument;
use api::{GroupRequest, PairChange, Planned, PlannedPair, PlannedServices, Request, Response};
use clap::ArgMatches;

/// Runs it.
pub(super) fn run(context: &Context, matches: &ArgMatches) -> Result<(), Failure> {
    let Some((name, matches)) = matches.subcommand() else {
        return Ok(());
    };
    let order = Box::new(order(context, name, matches)?);
    let request = Request::Group(GroupRequest::Plan { order });
    let Response::Planned(planned) = ask(context, &request)? else {
        return Err(surprised());
    };
    if context.json {
        output::json(&planned);
        return Ok(());
    }
    for line in lines(&context.text, &planned) {
        context.say(&line);
    }
    Ok(())
}

/// The order, as it would be given.
fn order(context: &Context, name: &str, matches: &ArgMatches) -> Result<GroupRequest, Failure> {
    // How long a line lives says nothing about pairs.
    let expires_s = api::EXPIRES_S_DEFAULT;
    Ok(match name {
        "add" => GroupRequest::Add {
            member: argument(matches, "MEMBER").to_owned(),
            groups: groups(matches),
            mode: None,
            accepts: Vec::new(),
            roles: roles(matches, "role"),
            expires_s,
        },
        "invite" => GroupRequest::Invite {
            groups: groups(matches),
            uses: uses(context, matches)?,
            mode: None,
            roles: roles(matches, "role"),
            expires_s,
        },
        "role" => rules::roles_request(matches),
        "rules" => rules::rules_request(matches)?,
        _ => GroupRequest::Remove {
            member: argument(matches, "MEMBER").to_owned(),
            group: matches.get_one::<String>("GROUP").cloned(),
        },
    })
}

fn lines(text: &Text, planned: &Planned) -> Vec<String> {
    if planned.pairs.is_empty() {
        return vec![text.t("plan-nothing")];
    }
    let heads = [
        "plan-change",
        "plan-one",
        "plan-other",
        "plan-by",
        "plan-services",
        "plan-when",
    ];
    let mut rows = vec![heads.map(|id| text.t(id)).to_vec()];
    rows.extend(planned.pairs.iter().map(|pair| row(text, pair)));
    let mut lines = output::table(&rows);
    if planned.left_out > 0 {
        lines.push(text.tr("plan-left-out", args!(count = planned.left_out)));
    }
    lines.push(text.t("plan-not-done"));
    lines
}

fn row(text: &Text, pair: &PlannedPair) -> Vec<String> {
    let change = match pair.change {
        PairChange::Opens => "plan-opens",
        PairChange::Closes => "plan-closes",
        PairChange::Stays => "plan-stays",
        PairChange::Services => "plan-changes",
    };
    let when = match (pair.waits, pair.change) {
        (false, _) => "plan-at-once",
        (true, PairChange::Services) => "plan-waits-signed",
        (true, _) => "plan-waits",
    };
    vec![
        text.t(change),
        pair.one.clone(),
        pair.other.clone(),
        pair.groups.join(", "),
        services(text, pair),
        text.t(when),
    ]
}

/// What becomes of services, one way and the other: those after, and for a pair that closes those before.
fn services(text: &Text, pair: &PlannedPair) -> String {
    let of = |change: &PlannedServices| {
        let list = match pair.change {
            PairChange::Closes => &change.was,
            _ => &change.is,
        };
        match list.as_slice() {
            [] => text.t("plan-no-service"),
            [all] if all == api::EVERYTHING => text.t("list-everything"),
            list => list.join(", "),
        }
    };
    let (forth, back) = (of(&pair.forth), of(&pair.back));
    if forth == back {
        return forth;
    }
    format!("→ {forth}; ← {back}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language;

    #[test]
    fn a_plan_is_a_table_that_says_that_nothing_was_done() {
        let of = |services: &[&str]| PlannedServices {
            was: vec!["all".to_owned()],
            is: services.iter().map(|it| (*it).to_owned()).collect(),
        };
        let pair = |change, waits| PlannedPair {
            change,
            one: "ada".to_owned(),
            other: "bob".to_owned(),
            groups: vec!["it".to_owned(), "sales".to_owned()],
            waits,
            forth: of(&["all"]),
            back: of(&["all"]),
        };
        let limited = PlannedPair {
            forth: of(&["tcp/22", "udp/53"]),
            back: of(&[]),
            ..pair(PairChange::Services, false)
        };
        let planned = Planned {
            pairs: vec![
                pair(PairChange::Opens, true),
                pair(PairChange::Closes, false),
                pair(PairChange::Stays, false),
                limited,
            ],
            left_out: 3,
        };
        let text = Text::new(Language::En);
        assert_eq!(
            lines(&text, &planned),
            [
                "CHANGE      MEMBER  WITH  BY         SERVICES                     WHEN",
                "opens       ada     bob   it, sales  everything                   once admitted",
                "closes      ada     bob   it, sales  everything                   at once",
                "stays open  ada     bob   it, sales  everything                   at once",
                "changes     ada     bob   it, sales  → tcp/22, udp/53; ← answers  at once",
                "And 3 more pairs.",
                "Nothing is done yet.",
            ]
        );
        let none = Planned {
            pairs: Vec::new(),
            left_out: 0,
        };
        assert_eq!(lines(&text, &none).len(), 1);
    }
}
