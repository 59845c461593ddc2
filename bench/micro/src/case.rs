//! What a case is: something that can be done many times, and what it needs for that.
//!
//! Opening a packet needs one that was not opened before, so a case prepares for a number of turns
//! and then does them. Only the turns are measured.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Turns before those that count: what is done once is done then.
const WARM_UP: usize = 8;
/// How long a case is measured by the clock, and in how many rounds at least.
const TIME: Duration = Duration::from_millis(150);
const ROUNDS_MIN: usize = 5;

/// Something to measure.
pub trait Case {
    /// Gets ready for turns 0 to `turns`.
    fn prepare(&mut self, turns: usize);
    /// Does turn `number`.
    fn turn(&mut self, number: usize);
}

/// A case that needs nothing for a turn.
pub struct Plain<F>(pub F);

impl<F: FnMut()> Case for Plain<F> {
    fn prepare(&mut self, _turns: usize) {}

    fn turn(&mut self, _number: usize) {
        (self.0)();
    }
}

/// A case of the list.
pub struct Named {
    /// Its name.
    pub name: String,
    /// What is counted.
    pub unit: &'static str,
    /// How many of it are done in a turn.
    pub per_turn: usize,
    /// How many turns are measured.
    pub turns: usize,
    /// Makes it.
    pub make: Box<dyn Fn() -> Box<dyn Case>>,
}

/// A case of which `per_turn` `unit`s are done in a turn.
pub fn named<C: Case + 'static>(
    name: impl Into<String>,
    (per_turn, unit): (usize, &'static str),
    turns: usize,
    make: impl Fn() -> C + 'static,
) -> Named {
    Named {
        name: name.into(),
        unit,
        per_turn,
        turns,
        make: Box::new(move || Box::new(make())),
    }
}

/// Does a case; instructions are counted in [`measured_turns`].
pub fn run(named: &Named, turns: usize) {
    let mut case = (named.make)();
    warm_up(&mut *case);
    case.prepare(turns);
    measured_turns(&mut *case, turns);
}

/// Nanoseconds for one of what a case counts, in the quickest round.
pub fn nanoseconds(named: &Named) -> f64 {
    let mut case = (named.make)();
    warm_up(&mut *case);
    let (begin, mut rounds, mut least) = (Instant::now(), 0, Duration::MAX);
    while rounds < ROUNDS_MIN || begin.elapsed() < TIME {
        case.prepare(named.turns);
        let before = Instant::now();
        measured_turns(&mut *case, named.turns);
        least = least.min(before.elapsed());
        rounds += 1;
    }
    least.as_nanos() as f64 / (named.turns * named.per_turn) as f64
}

fn warm_up(case: &mut dyn Case) {
    case.prepare(WARM_UP);
    for number in 0..WARM_UP {
        case.turn(number);
    }
}

/// What is measured, and nothing else. `bench/micro/run` knows it by this name.
#[inline(never)]
fn measured_turns(case: &mut dyn Case, turns: usize) {
    for number in 0..turns {
        black_box(&mut *case).turn(number);
    }
}
