//! What rules say that an admin of a locked group is asked to sign, in words: every permit, and what is not permitted.

use crate::output;
use crate::text::{Text, args};
use group::rules::{Party, Permit};
use group::signing::Statement;
use group::statement::Rules;
use runtime::answers::allowed;

/// What is said of a statement: a label and a text each.
pub(super) type Pairs = Vec<(&'static str, String)>;

/// The number of rules is the time at their server, or one more than before; it is not later than this machine's
/// clock by more than clocks are wrong, in seconds.
const AHEAD_S: u64 = 86_400;

/// All that the statement says.
pub(super) fn of_rules(text: &Text, rules: &Rules) -> Pairs {
    let permits = rules.permits.as_deref();
    let said = permits.unwrap_or_default().iter().enumerate();
    let said = said.map(|(place, it)| ("sign-permit", permit(text, place + 1, it)));
    let rest = match permits {
        None => "sign-rest-open",
        Some([]) => "sign-rest-all-closed",
        Some(_) => "sign-rest-closed",
    };
    let mut pairs = vec![
        ("sign-number", rules.serial.to_string()),
        ("sign-asked", output::time(rules.issued_unix_s)),
    ];
    pairs.extend(said);
    pairs.push(("sign-rest", text.t(rest)));
    pairs
}

/// Whether hardly any rules could take the place of these: a server that wants them to stay numbers them high.
pub(super) fn is_ahead(statement: &Statement, now_unix_s: u64) -> bool {
    let latest = now_unix_s.saturating_add(AHEAD_S);
    matches!(statement, Statement::Rules(it) if it.serial > latest)
}

fn permit(text: &Text, number: usize, permit: &Permit) -> String {
    let services = match api::written(&allowed(&permit.services)) {
        all if all == [api::EVERYTHING] => text.t("sign-everything"),
        some => some.join(", "),
    };
    let (from, to) = (party(text, &permit.from), party(text, &permit.to));
    let args = args!(number = number, from = from, to = to, services = services);
    text.tr("sign-permit-words", args)
}

fn party(text: &Text, party: &Party) -> String {
    match party {
        Party::Anybody => text.t("sign-anybody"),
        Party::Role(role) => text.tr("sign-role", args!(role = quoted(role))),
    }
}

/// A name that a server may have chosen, with nothing in it that does not show or that turns the line around.
pub(super) fn shown(name: &str) -> String {
    name.escape_debug().to_string()
}

/// The same in quotes, where several stand side by side.
pub(super) fn quoted(name: &str) -> String {
    format!("{name:?}")
}
