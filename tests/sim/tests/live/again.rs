//! A member that was taken out of its last group is put into another without anybody at its machine; whoever is no
//! member any more forgets the server.

use control::{Addition, Command};

use super::DAY;
use super::world::{Groups, create, remove};

const HOUR: u64 = 3_600;

fn lab() -> Groups {
    let mut groups = Groups::new(3);
    groups.order(create("lab")).unwrap();
    groups.order(create("office")).unwrap();
    for (index, name) in [(1, "ada"), (2, "bob")] {
        groups.join(index, name, "lab");
    }
    groups
}

fn take_out(groups: &mut Groups, member: &str, group: &str) {
    let (member, group) = (member.to_owned(), Some(group.to_owned()));
    groups.order(Command::Remove { member, group }).unwrap();
    groups.settle();
}

/// Nobody says anything at the machine.
fn put_in(groups: &mut Groups, member: &str, group: &str) {
    let addition = Addition {
        member: member.to_owned(),
        groups: vec![group.to_owned()],
        life_s: HOUR,
        ..Addition::default()
    };
    groups.order(Command::Add(addition)).unwrap();
    groups.settle();
}

fn names(groups: &Groups, index: usize) -> Vec<String> {
    let told = groups.told(index).into_iter();
    told.map(|(name, _)| name).collect()
}

#[test]
fn who_was_taken_out_of_the_last_group_is_put_into_another_by_the_server_alone() {
    let mut groups = lab();
    take_out(&mut groups, "ada", "lab");
    assert!(names(&groups, 1).is_empty());
    groups.run(120);
    assert!(groups.is_up(1, 0), "it stays in touch");
    put_in(&mut groups, "ada", "office");
    put_in(&mut groups, "bob", "office");
    assert_eq!(names(&groups, 1), ["office"]);
    assert!(groups.ping(1, 2) && groups.ping(2, 1));
    // While the node, or the server, is away, and over restarts of both.
    take_out(&mut groups, "ada", "office");
    groups.world.restart(1);
    groups.settle();
    groups.stop_server();
    groups.run(HOUR);
    groups.start_server();
    put_in(&mut groups, "ada", "lab");
    groups.run(60);
    assert_eq!(names(&groups, 1), ["lab"]);
    assert!(groups.ping(1, 2));
}

#[test]
fn whoever_is_no_member_any_more_forgets_the_server_and_is_a_stranger_to_it() {
    let mut groups = lab();
    groups.order(remove("ada")).unwrap();
    groups.settle();
    groups.run(120);
    assert!(!groups.is_up(1, 0));
    assert_eq!(groups.world.hosts[1].journal.grouping.servers.len(), 0);
    // One that was away is told when it comes, or never: then it gives up after a month.
    groups.cut(2, &[0, 1]);
    take_out(&mut groups, "bob", "lab");
    groups.order(remove("bob")).unwrap();
    groups.settle();
    assert_eq!(names(&groups, 2), ["lab"]);
    groups.run(3 * DAY);
    groups.world.lose = Box::new(|_| false);
    groups.run(120);
    assert!(!groups.is_up(2, 0), "nobody lets it in");
}

#[test]
fn a_node_waits_for_a_group_for_a_month_and_no_longer() {
    let mut groups = lab();
    take_out(&mut groups, "ada", "lab");
    groups.stop_server();
    // The machine is off meanwhile.
    groups.world.now.unix_s += 29 * DAY;
    groups.world.restart(1);
    groups.settle();
    assert_eq!(groups.world.hosts[1].journal.grouping.servers.len(), 1);
    groups.world.now.unix_s += 2 * DAY;
    groups.world.restart(1);
    groups.settle();
    assert_eq!(groups.world.hosts[1].journal.grouping.servers.len(), 0);
}
