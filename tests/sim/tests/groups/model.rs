//! The search: states are histories, and what holds in each is looked at once.

use std::cell::RefCell;

use group::epochs::Use;
use group::statement::LEASE_S;
use identity::crypto::Crypto;
use sim::crypto::SimCrypto;
use stateright::{Model, Property};

use crate::world::{Action, GROUP, NODES, Rules, World, f};

/// A state: how it came about, so that millions of them fit into memory, and what was found in it.
#[derive(Clone, Debug)]
pub(crate) struct State {
    history: Vec<Action>,
    print: u64,
    always: [bool; ALWAYS.len()],
    sometimes: [bool; SOMETIMES.len()],
}

type Holds = fn(&dyn Crypto, &World) -> bool;

/// What holds in every state.
const ALWAYS: [(&str, Holds); 6] = [
    ("only the admitted", only_the_admitted),
    ("the removed are out", the_removed_are_out),
    ("a lease is the bound", a_lease_is_the_bound),
    ("members meet", members_meet),
    ("an honest server has no fork", no_fork_without_a_lie),
    ("a lie is found", |_, world| !world.missed),
];

/// What holds in some, or the search has missed what it is for.
const SOMETIMES: [(&str, Holds); 3] = [
    ("a removal is heard from a member", heard_from_a_member),
    ("a lease ends", |_, world| {
        let shown = world.nodes[0].membership(world.group());
        shown.is_some_and(|(_, lease)| lease.until_unix_s <= world.now)
    }),
    // Only where the server may lie.
    ("a fork is found", |_, world| world.found),
];

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.print == other.print
    }
}

impl Eq for State {}

impl std::hash::Hash for State {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.print.hash(state);
    }
}

/// The model.
pub(crate) struct Groups {
    rules: Rules,
}

impl Groups {
    pub(crate) fn new(hostile: bool) -> Self {
        let crypto = SimCrypto::default();
        Self {
            rules: Rules { crypto, hostile },
        }
    }

    fn state(&self, history: Vec<Action>, world: &World) -> State {
        let crypto = &self.rules.crypto;
        State {
            history,
            print: world.print(),
            always: ALWAYS.map(|(_, holds)| holds(crypto, world)),
            sometimes: SOMETIMES.map(|(_, holds)| holds(crypto, world)),
        }
    }

    /// Does something with the world of a state. The same state is asked about many times in a row.
    fn with<T>(&self, state: &State, act: impl FnOnce(&World) -> T) -> T {
        thread_local! {
            static LAST: RefCell<Option<(Vec<Action>, World)>> = const { RefCell::new(None) };
        }
        LAST.with_borrow_mut(|last| {
            let world = match last.take() {
                Some((history, world)) if history == state.history => world,
                _ => self.replay(&state.history),
            };
            let result = act(&world);
            *last = Some((state.history.clone(), world));
            result
        })
    }

    fn replay(&self, history: &[Action]) -> World {
        history.iter().fold(self.rules.begin(), |world, action| {
            self.rules
                .step(&world, *action)
                .expect("it was possible before")
        })
    }
}

impl Model for Groups {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.state(Vec::new(), &self.rules.begin())]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.with(state, |world| self.rules.actions(world, actions));
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let next = self.with(state, |world| self.rules.step(world, action))?;
        let history = [&state.history[..], &[action]].concat();
        let next = self.state(history, &next);
        (next.print != state.print).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let always = |at: usize| match at {
            0 => |_: &Self, state: &State| state.always[0],
            1 => |_: &Self, state: &State| state.always[1],
            2 => |_: &Self, state: &State| state.always[2],
            3 => |_: &Self, state: &State| state.always[3],
            4 => |_: &Self, state: &State| state.always[4],
            _ => |_: &Self, state: &State| state.always[5],
        };
        let sometimes = |at: usize| match at {
            0 => |_: &Self, state: &State| state.sometimes[0],
            1 => |_: &Self, state: &State| state.sometimes[1],
            _ => |_: &Self, state: &State| state.sometimes[2],
        };
        let names = ALWAYS.iter().enumerate();
        let mut all: Vec<_> = names
            .map(|(at, (name, _))| Property::always(name, always(at)))
            .collect();
        let honest = usize::from(!self.rules.hostile);
        let names = SOMETIMES.iter().take(SOMETIMES.len() - honest).enumerate();
        all.extend(names.map(|(at, (name, _))| Property::sometimes(name, sometimes(at))));
        all
    }
}

fn pairs() -> impl Iterator<Item = (usize, usize)> {
    let all = (0..NODES).flat_map(|one| (0..NODES).map(move |other| (one, other)));
    all.filter(|(one, other)| one != other)
}

fn only_the_admitted(_: &dyn Crypto, world: &World) -> bool {
    let mut believed = pairs().flat_map(|(one, other)| {
        let shared: Vec<_> = world.shares(one, other).collect();
        shared.into_iter().map(move |member| (member, f(other)))
    });
    believed.all(|(member, f)| member.f == f && world.admitted.contains(&member))
}

fn the_removed_are_out(crypto: &dyn Crypto, world: &World) -> bool {
    pairs().all(|(one, other)| {
        let Some(member) = world.member(other) else {
            return true;
        };
        if !world.knows_removed(crypto, one, member) {
            return true;
        }
        // Ten seconds later it has the secret, unless nobody gave it one.
        let has_current = world.proofs(crypto, one).iter().any(|it| {
            let chain = world.chain(crypto, one);
            let newest = chain.and_then(|it| {
                let epochs = it
                    .epochs()
                    .filter(|it| it.entry.activates_unix_s <= world.now);
                epochs
                    .filter(|it| it.cancelled_unix_s.is_none())
                    .map(|it| it.entry.number)
                    .max()
            });
            it.what == Use::Current && Some(it.epoch.number) == newest
        });
        let is_over = world
            .removed
            .get(&member)
            .is_some_and(|at| world.now >= at + 10);
        let in_force = world
            .matched(crypto, one, other)
            .is_some_and(|it| it != Use::CatchUp);
        world.shares(one, other).next().is_none() && !(has_current && is_over && in_force)
    })
}

fn a_lease_is_the_bound(_: &dyn Crypto, world: &World) -> bool {
    if world.stories.len() > 1 {
        // A server that lies may go on leasing.
        return true;
    }
    pairs().all(|(one, other)| {
        let mut believed = world.shares(one, other);
        believed.all(|member| {
            let gone = world.removed.get(&member);
            gone.is_none_or(|at| world.now < at + LEASE_S)
        })
    })
}

fn members_meet(crypto: &dyn Crypto, world: &World) -> bool {
    pairs().all(|(one, other)| {
        let story = &world.stories[world.of[one]];
        let head = story.tenant.groups[GROUP].chain.head();
        let has_all = |node: usize| {
            let mut heads = world.nodes[node].heads(world.group());
            let runs = world.nodes[node].membership(world.group());
            let runs = runs.is_some_and(|(_, lease)| world.now < lease.until_unix_s);
            let member = world.member(node);
            let is_member =
                member.is_some_and(|it| !story.tenant.groups[GROUP].chain.is_removed(it));
            heads.any(|(_, own)| own == head) && runs && is_member
        };
        let told = world.of[one] == world.of[other] && has_all(one) && has_all(other);
        // A member may have all entries from another, who gives it only the current secret.
        let matched = world.matched(crypto, one, other);
        !told || matched.is_some()
    })
}

fn no_fork_without_a_lie(_: &dyn Crypto, world: &World) -> bool {
    !world.found || world.stories.len() > 1
}

fn heard_from_a_member(crypto: &dyn Crypto, world: &World) -> bool {
    pairs().any(|(one, other)| {
        let member = world.member(other);
        let heard = member.is_some_and(|it| world.knows_removed(crypto, one, it));
        let (_, lease) = match world.nodes[one].membership(world.group()) {
            Some(shown) => shown,
            None => return false,
        };
        // Its lease is from before the removal: no server told it.
        let at = member.and_then(|it| world.removed.get(&it));
        heard && at.is_some_and(|at| lease.from_unix_s < *at)
    })
}
