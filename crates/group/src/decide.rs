//! Whether one packet of an allowed peer may pass. Pure: the same question has the same
//! answer, and the answer names its rule.
//!
//! | direction | services | passes |
//! |---|---|---|
//! | inwards | all | always |
//! | inwards | ports | TCP/UDP to a named port, answers to own flows, ICMP echo and errors |
//! | inwards | no port | answers to own flows, ICMP echo replies and errors |
//! | outwards | as above, as far as this end knows what the other allows | the same; and whatever the other end judges better: fragments |
//!
//! Fragments after the first carry no ports, so a peer limited to ports cannot send any.

use crate::rules::range_of;
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
    /// It cannot be told here: the other end decides.
    OtherEnd,
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

/// Decides about one packet of an allowed peer to this end. `services` is compiled
/// ([`Services::compiled`]). `established` says that this end started the flow (see
/// [`crate::FlowTable`]); it is asked only when the services do not already say yes.
#[must_use]
pub fn decide(services: &Services, flow: &FlowKey, established: impl FnOnce() -> bool) -> Decision {
    judge(services, flow, flow.local_port, established)
}

/// Foresees what the other end decides about one packet of this end to it: `there` is what this end may reach
/// there, `here` what the other may reach here; both compiled. Where it cannot tell, it says yes.
#[must_use]
pub fn decide_outwards(there: &Services, here: &Services, flow: &FlowKey) -> Decision {
    if *there == Services::All {
        return Decision::pass(Rule::AllServices);
    }
    if flow.is_fragment() {
        return Decision::pass(Rule::OtherEnd);
    }
    // What the other end may reach here it may have asked.
    judge(there, flow, flow.remote_port, || {
        decide(here, flow, || false).passes()
    })
}

fn judge(
    services: &Services,
    flow: &FlowKey,
    port: u16,
    established: impl FnOnce() -> bool,
) -> Decision {
    let Services::Ports(ranges) = services else {
        return Decision::pass(Rule::AllServices);
    };
    if flow.is_icmp_answer() || (flow.is_echo_request() && !ranges.is_empty()) {
        return Decision::pass(Rule::Icmp);
    }
    if flow.has_ports {
        if let Some(range) = range_of(ranges, flow.proto, port) {
            return Decision::pass(Rule::Port(*range));
        }
        if established() {
            return Decision::pass(Rule::Reply);
        }
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
            (Services::All, flow(6, 80), Rule::AllServices),
            (
                ssh(),
                flow(6, 22),
                Rule::Port(PortRange {
                    proto: Proto::Tcp,
                    lo: 22,
                    hi: 22,
                }),
            ),
            (ssh(), flow(6, 23), Rule::DefaultDeny),
            (ssh(), flow(17, 22), Rule::DefaultDeny),
            (
                ssh(),
                FlowKey {
                    has_ports: false,
                    ..flow(6, 22)
                },
                Rule::DefaultDeny,
            ),
            (
                ssh(),
                FlowKey {
                    has_ports: false,
                    ..flow(132, 0)
                },
                Rule::DefaultDeny,
            ),
        ];
        for (services, flow, rule) in cases {
            let decision = decide(&services, &flow, no);
            assert_eq!(decision.rule, rule, "{flow:?}");
            assert_eq!(decision.passes(), rule != Rule::DefaultDeny);
        }
    }

    #[test]
    fn answers_to_own_flows_pass() {
        assert_eq!(decide(&ssh(), &flow(17, 40_000), || true).rule, Rule::Reply);
        let fragment = FlowKey {
            has_ports: false,
            ..flow(17, 0)
        };
        assert!(!decide(&ssh(), &fragment, || true).passes());
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
                decide(&ssh(), &icmp, || false).passes(),
                passes,
                "{proto}/{kind}"
            );
        }
    }

    #[test]
    fn who_may_reach_nothing_may_answer() {
        let nothing = Services::Ports(Vec::new());
        assert!(!decide(&nothing, &flow(6, 22), || false).passes());
        assert!(decide(&nothing, &flow(6, 40_000), || true).passes());
        for (proto, kind, passes) in [
            (58, 128, false),
            (58, 129, true),
            (58, 1, true),
            (1, 8, false),
        ] {
            let icmp = FlowKey {
                has_ports: false,
                ..flow(proto, kind)
            };
            assert_eq!(
                decide(&nothing, &icmp, || false).passes(),
                passes,
                "{proto}/{kind}"
            );
        }
    }

    #[test]
    fn what_the_other_end_refuses_is_foreseen_and_nothing_else() {
        let nothing = Services::Ports(Vec::new());
        let to = |proto, local_port, remote_port| FlowKey {
            remote_port,
            ..flow(proto, local_port)
        };
        let out =
            |there: &Services, here: &Services, flow| decide_outwards(there, here, &flow).passes();
        assert!(out(&ssh(), &nothing, to(6, 40_000, 22)), "a named service");
        assert!(!out(&ssh(), &nothing, to(6, 40_000, 23)), "no service");
        assert!(out(&nothing, &ssh(), to(6, 22, 40_000)), "an answer");
        assert!(
            !out(&nothing, &ssh(), to(6, 40_000, 22)),
            "their ssh is not ours"
        );
        assert!(
            out(&nothing, &Services::All, to(17, 5, 6)),
            "it may have asked"
        );
        assert!(out(&Services::All, &nothing, to(17, 5, 6)));
        let fragment = FlowKey {
            has_ports: false,
            ..to(17, 0, 0)
        };
        assert!(out(&nothing, &nothing, fragment), "nobody here can tell");
        let other = FlowKey {
            has_ports: false,
            ..to(132, 0, 0)
        };
        assert!(!out(&ssh(), &nothing, other));
    }
}
