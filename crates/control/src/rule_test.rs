//! Tests that are kept with the rules of groups.

use std::fmt;

use group::Proto;
use serde::{Deserialize, Serialize};

/// That a member reaches a service of another, or does not. It says nothing while one of them is not there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleTest {
    /// Who.
    pub from: String,
    /// Whom.
    pub to: String,
    /// Over which protocol.
    pub proto: Proto,
    /// At which port.
    pub port: u16,
    /// Whether it does.
    pub open: bool,
}

/// As a person would say it.
impl fmt::Display for RuleTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.open {
            "reaches"
        } else {
            "does not reach"
        };
        let (from, to, service) = (&self.from, &self.to, self.service());
        write!(f, "{from} {verb} {to} at {service}")
    }
}

impl RuleTest {
    /// The service as `tcp/22`.
    #[must_use]
    pub fn service(&self) -> String {
        let proto = match self.proto {
            Proto::Tcp => "tcp",
            Proto::Udp => "udp",
        };
        format!("{proto}/{}", self.port)
    }
}
