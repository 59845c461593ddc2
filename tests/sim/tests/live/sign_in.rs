//! A group that requires its users' sign-in as well as their machines.

use group::agent::{Password, SignInAnswer};
use node::{Event, SIGN_IN_ENDING, SignInError};

use super::world::{Groups, create_asking, user};
use control::Command;

const HOUR: u64 = 3_600;
const PERIOD: u64 = 2 * HOUR;

/// A server at host 0, members at the others, in `pay`, and a user for each.
fn pay(members: u8) -> Groups {
    let mut groups = Groups::new(members + 1);
    groups.order(create_asking("pay", PERIOD)).unwrap();
    for index in 1..=usize::from(members) {
        groups.join(index, &format!("m{index}"), "pay");
        groups
            .order(user(&format!("u{index}"), &format!("m{index}")))
            .unwrap();
    }
    groups
}

fn try_to_sign_in(
    groups: &mut Groups,
    index: usize,
    user: &str,
    password: &str,
) -> Result<SignInAnswer, SignInError> {
    let password = Password::new(password.to_owned().into()).unwrap();
    let user = Some(user.to_owned());
    let sent = groups
        .world
        .with(index, |node, now| node.sign_in(now, None, user, password));
    let (_, request, _) = sent?;
    groups.settle();
    let events = groups.world.hosts[index].events.iter();
    let mut answers = events.filter_map(|it| match it {
        Event::SignInAnswered {
            request: of,
            answer,
            ..
        } if *of == request => Some(*answer),
        _ => None,
    });
    Ok(answers.next_back().expect("an answer"))
}

/// The user of a host signs in; until when that is good.
fn sign_in(groups: &mut Groups, index: usize) -> u64 {
    let answer = try_to_sign_in(groups, index, &format!("u{index}"), "right");
    let Ok(SignInAnswer::Done { until_unix_s }) = answer else {
        panic!("{answer:?}");
    };
    until_unix_s
}

fn sign_out(groups: &mut Groups, index: usize) {
    groups
        .world
        .with(index, |node, now| node.sign_out(now, None))
        .unwrap();
    groups.settle();
}

fn is_in(groups: &Groups, index: usize) -> bool {
    !groups.told(index).is_empty()
}

#[test]
fn nobody_talks_before_both_are_signed_in_and_after_one_is_not() {
    let mut groups = pay(2);
    let waits: Vec<_> = groups.world.hosts[1].node.sign_ins().cloned().collect();
    assert_eq!((waits.len(), waits[0].groups[0].name.as_str()), (1, "pay"));
    assert!(!is_in(&groups, 1), "it has no lease, and no secret");
    assert!(!groups.ping(1, 2));
    sign_in(&mut groups, 1);
    assert!(
        !groups.ping(1, 2) && !groups.ping(2, 1),
        "one is not enough"
    );
    let until = sign_in(&mut groups, 2);
    assert_eq!(until, groups.world.now.unix_s + PERIOD);
    assert!(groups.ping(1, 2) && groups.ping(2, 1));
    // Signing out acts at the other's, without time passing.
    assert!(groups.is_up(2, 1));
    sign_out(&mut groups, 1);
    assert!(!groups.is_up(2, 1), "its session stands");
    assert!(!is_in(&groups, 1) && is_in(&groups, 2));
    assert!(!groups.ping(2, 1) && !groups.ping(1, 2));
    // Again: it is another admission, and everybody knows it.
    sign_in(&mut groups, 1);
    assert!(groups.ping(2, 1));
}

#[test]
fn leases_run_out_at_the_end_of_the_sign_in_and_a_new_one_in_time_leaves_no_gap() {
    let mut groups = pay(3);
    let start = groups.world.now.unix_s;
    for index in 1..=3 {
        sign_in(&mut groups, index);
    }
    assert!(groups.ping(1, 2) && groups.ping(3, 1));
    let ending = SIGN_IN_ENDING.as_secs();
    groups.run(start + PERIOD - ending + 5 - groups.world.now.unix_s);
    let said = |groups: &Groups, index: usize| {
        let events = groups.world.hosts[index].events.iter();
        let ending = events.filter(|it| matches!(it, Event::SignInEnding { .. }));
        ending.count()
    };
    assert_eq!(said(&groups, 1), 1, "it is said that it ends, once");
    // Two of three sign in again; their session goes on.
    sign_in(&mut groups, 1);
    sign_in(&mut groups, 2);
    groups.world.hosts[1].events.clear();
    groups.run(start + PERIOD - 5 - groups.world.now.unix_s);
    assert!(groups.ping(3, 1), "to the last second");
    groups.run(start + PERIOD + 1 - groups.world.now.unix_s);
    assert!(!groups.is_up(1, 3) && !groups.is_up(3, 1));
    assert!(!groups.ping(3, 1) && !groups.ping(1, 3));
    assert!(groups.ping(1, 2));
    let is_down =
        |it: &Event| matches!(it, Event::SessionDown { peer, .. } if *peer == groups.world.f(2));
    assert!(
        !groups.world.hosts[1].events.iter().any(is_down),
        "there was a gap"
    );
    let ended = |it: &Event| matches!(it, Event::SignInEnded { .. });
    assert!(groups.world.hosts[3].events.iter().any(ended));
    sign_in(&mut groups, 3);
    assert!(groups.ping(3, 1));
}

#[test]
fn without_its_server_nobody_signs_in_and_who_is_signed_in_stays_so_to_the_end() {
    let mut groups = pay(3);
    let end = sign_in(&mut groups, 1);
    sign_in(&mut groups, 2);
    assert!(groups.ping(1, 2));
    groups.stop_server();
    groups.run(60);
    groups.end_sessions(1, 2);
    assert!(groups.ping(1, 2), "through a restart, without the server");
    let refused = try_to_sign_in(&mut groups, 3, "u3", "right");
    assert!(
        matches!(refused, Err(SignInError::NotInTouch(_))),
        "{refused:?}"
    );
    assert!(!groups.ping(3, 1));
    // Signing out without the server: this machine is out at once, and the server is told when it is there.
    sign_out(&mut groups, 2);
    assert!(!is_in(&groups, 2) && !groups.ping(2, 1) && !groups.ping(1, 2));
    groups.start_server();
    groups.run(60);
    assert!(!is_in(&groups, 2), "the server has not put it in again");
    let again = try_to_sign_in(&mut groups, 2, "u2", "wrong");
    assert_eq!(again, Ok(SignInAnswer::Refused));
    groups.stop_server();
    groups.run(end + 1 - groups.world.now.unix_s);
    assert!(!groups.ping(1, 2));
    groups.world.vanish_and_restart(1);
    groups.settle();
    assert!(!groups.ping(1, 2), "nor after a restart");
}

#[test]
fn the_server_keeps_sign_ins_and_failures_through_a_restart() {
    let mut groups = pay(2);
    sign_in(&mut groups, 1);
    sign_in(&mut groups, 2);
    for _ in 0..3 {
        let refused = try_to_sign_in(&mut groups, 2, "u1", "guess");
        assert_eq!(refused, Ok(SignInAnswer::Refused));
    }
    groups.stop_server();
    groups.run(1);
    groups.start_server();
    groups.run(40);
    assert!(groups.ping(1, 2));
    for expected in [SignInAnswer::Refused, SignInAnswer::Later { after_s: 2 }] {
        let answer = try_to_sign_in(&mut groups, 2, "u2", "guess");
        assert_eq!(answer, Ok(expected));
    }
    let refused = try_to_sign_in(&mut groups, 2, "u2", "right");
    assert_eq!(refused, Ok(SignInAnswer::Later { after_s: 2 }));
}

#[test]
fn what_an_administrator_takes_away_is_gone_at_once() {
    let mut groups = pay(3);
    for index in 1..=3 {
        sign_in(&mut groups, index);
    }
    assert!(groups.ping(2, 1) && groups.ping(3, 1));
    groups
        .order(Command::ChangeUser {
            user: "u2".to_owned(),
            devices: None,
            disabled: Some(true),
        })
        .unwrap();
    groups.settle();
    assert!(!groups.is_up(1, 2) && groups.is_up(1, 3));
    let refused = try_to_sign_in(&mut groups, 2, "u2", "right");
    assert_eq!(refused, Ok(SignInAnswer::Refused));
    groups.order(super::world::password("u3", "other")).unwrap();
    groups.settle();
    assert!(!groups.is_up(1, 3));
    assert!(is_in(&groups, 1) && !is_in(&groups, 3));
    // Its machine is the member that it was: somebody signs in, and it is back.
    let answer = try_to_sign_in(&mut groups, 3, "u3", "other");
    assert!(
        matches!(answer, Ok(SignInAnswer::Done { .. })),
        "{answer:?}"
    );
    assert!(groups.ping(3, 1));
    // The group asks no more.
    groups
        .order(Command::RequireSignIn {
            group: "pay".to_owned(),
            period_s: None,
        })
        .unwrap();
    groups.settle();
    assert!(is_in(&groups, 2) && groups.ping(2, 1));
    groups.run(PERIOD + 60);
    assert!(groups.ping(3, 2));
    // And asks again: who is not signed in is out.
    groups
        .order(Command::RequireSignIn {
            group: "pay".to_owned(),
            period_s: Some(PERIOD),
        })
        .unwrap();
    groups.settle();
    assert!(!is_in(&groups, 2) && !groups.is_up(3, 2) && !groups.ping(3, 2));
}
