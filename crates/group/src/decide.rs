//! Whether one packet of an allowed peer may pass. Pure: the same question has the same
//! answer, and the answer names its rule.
//!
//! | direction | services | passes |
//! |---|---|---|
//! | outwards | any | always (the other end's rules are its own) |
//! | inwards | all | always |
//! | inwards | ports | TCP/UDP to a named port, answers to own flows, ICMP echo and errors |
//!
//! Fragments after the first carry no ports, so a peer limited to ports cannot send any.

use crate::{FlowKey, PortRange, Services};

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the peer to this end.
    In,
    /// From this end to the peer.
    Out,
}

/// May the packet pass?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Pass,
    /// No.
    Drop,
}

/// The rule that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The peer is allowed everything.
    AllServices,
    /// This port range names the service.
    Port(PortRange),
    /// It answers a flow that this end started.
    Reply,
    /// ICMP echo or error, part of being allowed.
    Icmp,
    /// This end sends; only the peer's rules limit that.
    Outwards,
    /// No rule lets it pass.
    DefaultDeny,
}

/// A verdict with its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// May it pass?
    pub verdict: Verdict,
    /// Why.
    pub rule: Rule,
}

impl Decision {
    const fn pass(rule: Rule) -> Self {
        Self {
            verdict: Verdict::Pass,
            rule,
        }
    }

    /// Whether the packet may pass.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self.verdict, Verdict::Pass)
    }
}

/// Decides about one packet of an allowed peer. `established` says that this end started
/// the flow (see [`crate::FlowTable`]); it is asked only when the services do not already
/// say yes.
#[must_use]
pub fn decide(
    services: &Services,
    flow: &FlowKey,
    direction: Direction,
    established: impl FnOnce() -> bool,
) -> Decision {
    if direction == Direction::Out {
        return Decision::pass(Rule::Outwards);
    }
    let Services::Ports(ranges) = services else {
        return Decision::pass(Rule::AllServices);
    };
    if flow.is_icmp_echo_or_error() {
        return Decision::pass(Rule::Icmp);
    }
    let named = ranges.iter().find(|range| {
        flow.has_ports
            && range.proto.number() == flow.proto
            && (range.lo..=range.hi).contains(&flow.local_port)
    });
    if let Some(range) = named {
        return Decision::pass(Rule::Port(*range));
    }
    if flow.has_ports && established() {
        return Decision::pass(Rule::Reply);
    }
    Decision {
        verdict: Verdict::Drop,
        rule: Rule::DefaultDeny,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Proto;

    fn flow(proto: u8, local_port: u16) -> FlowKey {
        FlowKey {
            local: [1; 16],
            remote: [2; 16],
            proto,
            local_port,
            remote_port: 50_000,
            has_ports: true,
        }
    }

    fn ssh() -> Services {
        Services::Ports(vec![PortRange {
            proto: Proto::Tcp,
            lo: 22,
            hi: 22,
        }])
    }

    #[test]
    fn the_table_holds() {
        let no = || false;
        let cases = [
            (Services::All, flow(6, 80), Direction::In, Rule::AllServices),
            (
                ssh(),
                flow(6, 22),
                Direction::In,
                Rule::Port(PortRange {
                    proto: Proto::Tcp,
                    lo: 22,
                    hi: 22,
                }),
            ),
            (ssh(), flow(6, 23), Direction::In, Rule::DefaultDeny),
            (ssh(), flow(17, 22), Direction::In, Rule::DefaultDeny),
            (ssh(), flow(6, 23), Direction::Out, Rule::Outwards),
            (
                ssh(),
                FlowKey {
                    has_ports: false,
                    ..flow(6, 22)
                },
                Direction::In,
                Rule::DefaultDeny,
            ),
            (
                ssh(),
                FlowKey {
                    has_ports: false,
                    ..flow(132, 0)
                },
                Direction::In,
                Rule::DefaultDeny,
            ),
        ];
        for (services, flow, direction, rule) in cases {
            let decision = decide(&services, &flow, direction, no);
            assert_eq!(decision.rule, rule, "{flow:?} {direction:?}");
            assert_eq!(decision.passes(), rule != Rule::DefaultDeny);
        }
    }

    #[test]
    fn answers_to_own_flows_pass() {
        assert_eq!(
            decide(&ssh(), &flow(17, 40_000), Direction::In, || true).rule,
            Rule::Reply
        );
        let fragment = FlowKey {
            has_ports: false,
            ..flow(17, 0)
        };
        assert!(!decide(&ssh(), &fragment, Direction::In, || true).passes());
    }

    #[test]
    fn echo_and_errors_pass_but_neighbour_discovery_does_not() {
        for (proto, kind, passes) in [
            (58, 128, true),
            (58, 129, true),
            (58, 2, true),
            (58, 134, false),
            (58, 136, false),
            (1, 8, true),
            (1, 3, true),
            (1, 5, false),
        ] {
            let icmp = FlowKey {
                local_port: kind,
                has_ports: false,
                ..flow(proto, 0)
            };
            assert_eq!(
                decide(&ssh(), &icmp, Direction::In, || false).passes(),
                passes,
                "{proto}/{kind}"
            );
        }
    }
}
