//! Counts that all threads add to: wake-ups by reason, and what was dropped.
//!
//! An idle node waits without any tick, so every wake-up has a reason, and the sum of all
//! reasons is how often the node woke at all.

use node::DropReason;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident => $text:literal,)*) => {
        /// Why a thread woke up.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Cause { $($(#[$doc])* $name,)* }

        impl Cause {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// A stable name, for metrics and `--json`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

causes! {
    /// Datagrams came after a pause.
    Datagram => "datagram",
    /// The host sent packets after a pause.
    Packet => "packet",
    /// Something happened on a stream, or its limit came.
    Stream => "stream",
    /// A beacon came.
    Beacon => "beacon",
    /// Addresses or links changed.
    Network => "network",
    /// A program connected to the control socket.
    Control => "control",
    /// A signal came, or the namespace ended.
    Signal => "signal",
    /// The slow path had something handed to it.
    SlowPath => "slow_path",
    /// A timer of a session: keepalive, rekey, retry.
    TimerSession => "timer_session",
    /// A beacon was due.
    TimerBeacon => "timer_beacon",
    /// Another timer of the node.
    TimerNode => "timer_node",
    /// A timer of a waiting request.
    TimerRequest => "timer_request",
}

/// Why the shell itself dropped something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShellDrop {
    /// The slow path had too much to do.
    SlowPathFull,
    /// The kernel took no more to send.
    SendFull,
    /// The datagram is longer than the path takes.
    TooLong,
    /// Nothing leads to the destination.
    SendFailed,
    /// The interface took no more, or there is none.
    InterfaceFull,
    /// The host sends faster than this node for some time: TCP is told by a loss.
    QueueStands,
    /// A stream took no more for so long that it would have been late.
    StreamLate,
}

impl ShellDrop {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::SlowPathFull,
        Self::SendFull,
        Self::TooLong,
        Self::SendFailed,
        Self::InterfaceFull,
        Self::QueueStands,
        Self::StreamLate,
    ];

    /// A stable name, for metrics and `--json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SlowPathFull => "slow_path_full",
            Self::SendFull => "send_full",
            Self::TooLong => "send_too_long",
            Self::SendFailed => "send_failed",
            Self::InterfaceFull => "interface_full",
            Self::QueueStands => "queue_stands",
            Self::StreamLate => "stream_late",
        }
    }
}

/// What a data thread did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Asked the interface for a frame.
    InterfaceRead,
    /// Gave the interface a frame.
    InterfaceWrite,
    /// Called the kernel to send.
    Send,
    /// Called the kernel to receive.
    Receive,
    /// Sent datagrams.
    DatagramsOut,
    /// Received datagrams.
    DatagramsIn,
}

const WORK_LEN: usize = 6;

/// The counts of one node since it started.
#[derive(Debug, Default)]
pub struct Counters {
    woken: [AtomicU64; Cause::ALL.len()],
    shell: [AtomicU64; ShellDrop::ALL.len()],
    work: [AtomicU64; WORK_LEN],
    // By the position in DropReason::ALL.
    fast: Vec<AtomicU64>,
}

impl Counters {
    /// All zero.
    pub fn new() -> Self {
        let fast = DropReason::ALL.iter().map(|_| AtomicU64::new(0)).collect();
        Self {
            fast,
            ..Self::default()
        }
    }

    /// A thread woke up.
    pub fn woke(&self, cause: Cause) {
        add(self.woken.get(cause as usize));
    }

    /// The shell dropped something.
    pub fn dropped(&self, why: ShellDrop) {
        add(self.shell.get(why as usize));
    }

    /// A data thread dropped something.
    pub fn fast_dropped(&self, reason: DropReason) {
        add(self.fast.get(reason as usize));
    }

    /// A data thread did something, so many times.
    pub fn did(&self, work: Work, times: usize) {
        if let Some(count) = self.work.get(work as usize) {
            count.fetch_add(times as u64, Ordering::Relaxed);
        }
    }

    /// What the data threads did.
    pub fn work(&self) -> api::Work {
        let did = |work: Work| {
            let count = self.work.get(work as usize);
            count.map_or(0, |count| count.load(Ordering::Relaxed))
        };
        api::Work {
            interface_reads: did(Work::InterfaceRead),
            interface_writes: did(Work::InterfaceWrite),
            sends: did(Work::Send),
            receives: did(Work::Receive),
            datagrams_out: did(Work::DatagramsOut),
            datagrams_in: did(Work::DatagramsIn),
        }
    }

    /// What data threads have dropped since the last call.
    pub fn take_fast_dropped(&self) -> Vec<(DropReason, u64)> {
        let taken = DropReason::ALL.iter().zip(&self.fast);
        let taken = taken.map(|(reason, count)| (*reason, count.swap(0, Ordering::Relaxed)));
        taken.filter(|(_, count)| *count > 0).collect()
    }

    /// Wake-ups by reason, those that happened.
    pub fn wakeups(&self) -> BTreeMap<String, u64> {
        named(Cause::ALL.iter().map(|cause| cause.name()), &self.woken)
    }

    /// What the shell dropped by reason, where it did.
    pub fn shell_drops(&self) -> BTreeMap<String, u64> {
        named(ShellDrop::ALL.iter().map(|why| why.name()), &self.shell)
    }
}

fn add(count: Option<&AtomicU64>) {
    if let Some(count) = count {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn named<'a>(names: impl Iterator<Item = &'a str>, counts: &[AtomicU64]) -> BTreeMap<String, u64> {
    let all = names
        .zip(counts)
        .map(|(name, count)| (name, count.load(Ordering::Relaxed)));
    all.filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_has_its_own_place() {
        let counters = Counters::new();
        for (times, cause) in Cause::ALL.iter().enumerate() {
            (0..=times).for_each(|_| counters.woke(*cause));
        }
        let wakeups = counters.wakeups();
        assert_eq!(wakeups.len(), Cause::ALL.len());
        assert_eq!(wakeups[Cause::TimerRequest.name()], Cause::ALL.len() as u64);
        ShellDrop::ALL.iter().for_each(|why| counters.dropped(*why));
        assert_eq!(counters.shell_drops().len(), ShellDrop::ALL.len());
        DropReason::ALL
            .iter()
            .for_each(|reason| counters.fast_dropped(*reason));
        let taken = counters.take_fast_dropped();
        assert!(taken.iter().map(|(reason, _)| reason).eq(DropReason::ALL));
        assert!(counters.take_fast_dropped().is_empty());
    }
}
