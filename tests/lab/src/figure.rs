//! The network of a scenario (docs/load) as namespaces, and what its groups say about each pair of machines
//! in it.
//!
//! ```text
//!   visitor   gms   GES3        GEN ── switch ── GES1, GES2, terminal        GEA ── server
//!      └───────┴──────┴──────────┴────────────── net ─────────────────────────┘
//! ```
//!
//! On `net` are the server of groups, a visitor without Kumihimo, and every element that is behind no
//! router. Behind each router are its elements, and a terminal without Kumihimo; behind each adapter a server without.
//!
//! | addresses | |
//! |---|---|
//! | `net` | 10.0.0.0/24: the server of groups .1, the visitor .2, elements from .11, servers from .101 |
//! | behind the first router | 10.0.1.0/24, and so on: the router .1, the terminal .2, elements from .11 |
//!
//! All of this is there before anybody installs Kumihimo: addresses, routes, routers that forward.

use std::collections::BTreeSet;

use group::cost::{Member, Scenario};
use group::resolve::{Action, Addresses, Element, ElementPath, End, resolve};
use group::{Kind, Mode};

use crate::account::Account;
use crate::ns::Ns;
use crate::wire::{address, join};

/// The first host number of elements, and of servers behind adapters.
const ELEMENTS: usize = 11;
const SERVERS: usize = 101;

/// A machine, or a switch.
#[derive(Debug)]
pub struct Spot {
    /// Its name: of an element as in the scenario.
    pub name: String,
    /// Where it is.
    pub ns: Ns,
    /// Its address; a switch has none.
    pub address: Option<String>,
    /// What it is an element as.
    pub element: Option<Member>,
    /// What its cable leads to.
    parent: Option<usize>,
    /// Where its cable can be listened to: whose interface, and which.
    ear: (usize, &'static str),
}

/// What must become of a flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Whether it passes at all.
    pub passes: bool,
    /// Whether two elements encrypt it.
    pub sealed: bool,
    /// The cables on which it is in clear, by the spot whose cable it is.
    pub clear: BTreeSet<usize>,
}

/// A network.
#[derive(Debug)]
pub struct Figure {
    /// Everything in it; the first is the switch `net`.
    pub spots: Vec<Spot>,
}

impl Figure {
    /// Lays all cables of a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let mut figure = Self { spots: Vec::new() };
        figure.switch("net", None);
        let of_kind = |kind| scenario.elements.iter().filter(move |it| it.kind == kind);
        for router in of_kind(Kind::Gen) {
            figure.element(router);
        }
        for (number, router) in of_kind(Kind::Gen).enumerate() {
            figure.lan(&router.name, number + 1);
        }
        figure.plain("gms", "net", "10.0.0.1");
        figure.plain("visitor", "net", "10.0.0.2");
        for element in of_kind(Kind::Ges).chain(of_kind(Kind::Gea)) {
            figure.element(element);
        }
        for (number, adapter) in of_kind(Kind::Gea).enumerate() {
            figure.behind_adapter(&adapter.name, SERVERS + number);
        }
        figure
    }

    /// A spot by its name.
    pub fn at(&self, name: &str) -> usize {
        let found = self.spots.iter().position(|it| it.name == name);
        found.unwrap_or_else(|| panic!("no machine `{name}`"))
    }

    /// The machines between which there are flows: all but switches and the server of groups.
    pub fn ends(&self) -> Vec<usize> {
        let is_end = |at: &usize| {
            let spot = &self.spots[*at];
            spot.address.is_some() && spot.name != "gms"
        };
        (0..self.spots.len()).filter(is_end).collect()
    }

    /// The address at which one machine has another: a router has one on each side.
    pub fn address(&self, from: usize, to: usize) -> String {
        let routers = self.routers().position(|it| it.name == self.spots[to].name);
        let is_behind = self.up(from).contains(&to);
        match routers.filter(|_| is_behind) {
            Some(number) => format!("10.0.{}.1", number + 1),
            None => self.spots[to].address.clone().expect("an address"),
        }
    }

    /// Every cable, by the spot whose cable it is, and where it can be listened to.
    pub fn cables(&self) -> Vec<(usize, &Ns, &'static str)> {
        let cables = self.spots.iter().enumerate();
        let cables = cables.filter(|(_, spot)| spot.parent.is_some());
        cables
            .map(|(at, spot)| (at, &self.spots[spot.ear.0].ns, spot.ear.1))
            .collect()
    }

    /// An element comes.
    pub fn element(&mut self, element: &Member) {
        let (parent, net) = match &element.behind {
            None => ("net".to_owned(), 0),
            Some(router) => (lan_of(router), self.number_of(router)),
        };
        let taken = self.spots.iter().filter(|it| it.element.is_some()).count();
        let address = format!("10.0.{net}.{}", ELEMENTS + taken);
        self.plain(&element.name, &parent, &address);
        let at = self.at(&element.name);
        self.spots[at].element = Some(element.clone());
    }

    /// An element is carried to `net`: its cable is pulled and put in there, and it gets another address. Nothing
    /// is typed on it.
    pub fn carry_out(&mut self, name: &str) {
        let at = self.at(name);
        self.spots[at].ns.ip(&["link", "del", "eth0"]);
        let address = format!("10.0.0.{}", ELEMENTS + self.spots.len());
        self.connect(at, "net", &address);
        let element = self.spots[at].element.as_mut();
        element.expect("an element").behind = None;
    }

    fn switch(&mut self, name: &str, parent: Option<usize>) -> usize {
        let ns = Ns::new("sw");
        ns.ip(&["link", "add", "name", "br", "type", "bridge"]);
        ns.ip(&["link", "set", "dev", "br", "up"]);
        let at = self.spots.len();
        self.spots.push(Spot {
            name: name.to_owned(),
            ns,
            address: None,
            element: None,
            parent,
            ear: (parent.unwrap_or(at), "lan0"),
        });
        at
    }

    fn plain(&mut self, name: &str, parent: &str, at_address: &str) {
        let at = self.spots.len();
        self.spots.push(Spot {
            name: name.to_owned(),
            ns: Ns::new("h"),
            address: None,
            element: None,
            parent: None,
            ear: (at, "eth0"),
        });
        self.connect(at, parent, at_address);
    }

    /// Puts a cable into a switch.
    fn connect(&mut self, at: usize, switch: &str, at_address: &str) {
        let switch = self.at(switch);
        let port = format!("p{at}");
        let (hub, ns) = (&self.spots[switch].ns, &self.spots[at].ns);
        join(hub, &port, ns, "eth0");
        hub.ip(&["link", "set", "dev", &port, "master", "br"]);
        address(ns, "eth0", &format!("{at_address}/24"));
        self.route(ns, self.spots[switch].parent);
        self.spots[at].address = Some(at_address.to_owned());
        self.spots[at].parent = Some(switch);
    }

    /// The routes of a machine: to the router that it is behind, or to what is behind routers.
    fn route(&self, ns: &Ns, router: Option<usize>) {
        if let Some(router) = router {
            let number = self.number_of(&self.spots[router].name);
            let via = format!("10.0.{number}.1");
            ns.ip(&["route", "add", "default", "via", &via]);
            return;
        }
        for router in self.routers() {
            let number = self.number_of(&router.name);
            let net = format!("10.0.{number}.0/24");
            let via = router.address.as_deref().expect("an address");
            ns.ip(&["route", "replace", &net, "via", via]);
        }
    }

    fn routers(&self) -> impl Iterator<Item = &Spot> {
        let spots = self.spots.iter();
        spots.filter(|it| it.element.as_ref().is_some_and(|it| it.kind == Kind::Gen))
    }

    fn number_of(&self, router: &str) -> usize {
        let at = self.routers().position(|it| it.name == router);
        at.expect("a router") + 1
    }

    /// What is behind a router: a switch, and a terminal.
    fn lan(&mut self, router: &str, number: usize) {
        let at = self.at(router);
        let switch = self.switch(&lan_of(router), Some(at));
        let ns = &self.spots[at].ns;
        join(&self.spots[switch].ns, "router", ns, "lan0");
        let hub = &self.spots[switch].ns;
        hub.ip(&["link", "set", "dev", "router", "master", "br"]);
        address(ns, "lan0", &format!("10.0.{number}.1/24"));
        let forward = ["sysctl", "-qw", "net.ipv4.ip_forward=1"];
        ns.run(Account::Root, "/root", &forward, crate::host::COMMAND);
        for other in self.routers().filter(|it| it.name != router) {
            let net = format!("10.0.{}.0/24", self.number_of(&other.name));
            let via = other.address.as_deref().expect("an address");
            ns.ip(&["route", "replace", &net, "via", via]);
        }
        let terminal = format!("terminal-of-{router}");
        self.plain(&terminal, &lan_of(router), &format!("10.0.{number}.2"));
    }

    /// The server that an adapter is put before: it knows nothing of it.
    fn behind_adapter(&mut self, adapter: &str, number: usize) {
        let adapter_at = self.at(adapter);
        let at = self.spots.len();
        let server = Ns::new("h");
        let ns = &self.spots[adapter_at].ns;
        join(ns, "lan0", &server, "eth0");
        let own = format!("10.0.0.{number}");
        address(&server, "eth0", &format!("{own}/24"));
        self.route(&server, None);
        self.spots.push(Spot {
            name: format!("server-of-{adapter}"),
            ns: server,
            address: Some(own),
            element: None,
            parent: Some(adapter_at),
            ear: (at, "eth0"),
        });
    }

    /// From a spot to the root.
    fn up(&self, at: usize) -> Vec<usize> {
        let next = |at: &usize| self.spots[*at].parent;
        std::iter::successors(Some(at), next).collect()
    }

    /// What a flow passes, both ends included.
    fn path(&self, from: usize, to: usize) -> Vec<usize> {
        let (mut there, mut back) = (self.up(from), self.up(to));
        while there.len() > 1 && back.len() > 1 && there[there.len() - 2] == back[back.len() - 2] {
            there.pop();
            back.pop();
        }
        // The last of both is the same now.
        back.pop();
        there.extend(back.into_iter().rev());
        there
    }

    /// What becomes of a flow, by the rules of the groups.
    pub fn expected(&self, from: usize, to: usize) -> Expected {
        let path = self.path(from, to);
        let mut at = Vec::new();
        let mut elements = Vec::new();
        for (position, spot) in path.iter().enumerate() {
            let is_end = position == 0 || position + 1 == path.len();
            match &self.spots[*spot].element {
                Some(member) => elements.push(element(member)),
                // A machine without Kumihimo that no element on the path speaks for is in no group.
                None if is_end && !self.speaks_for(*spot, &path) => {
                    elements.push(nobody());
                }
                None => continue,
            }
            at.push(position);
        }
        let end = |spot: usize| match self.spots[spot].element.is_none()
            && self.speaks_for(spot, &path)
        {
            true => End::Plain,
            false => End::Element,
        };
        let found = resolve(&ElementPath {
            elements,
            source: end(from),
            destination: end(to),
            addresses: Addresses::Site,
            adopts: false,
        });
        let sealed = found.pair.map(|pair| at[pair.first]..at[pair.last]);
        let passes = !found.actions.contains(&Action::Discard);
        let cables = path.windows(2).enumerate();
        let clear = cables.filter(|(position, _)| {
            let is_sealed = sealed.as_ref().is_some_and(|it| it.contains(position));
            passes && !is_sealed
        });
        let clear = clear.map(
            |(_, cable)| match self.spots[cable[0]].parent == Some(cable[1]) {
                true => cable[0],
                false => cable[1],
            },
        );
        let clear = clear.collect();
        let sealed = sealed.is_some();
        Expected {
            passes,
            sealed,
            clear,
        }
    }

    /// Whether a machine is behind an element that is on the path.
    fn speaks_for(&self, spot: usize, path: &[usize]) -> bool {
        let mut above = self.up(spot).into_iter().skip(1);
        above.any(|it| self.spots[it].element.is_some() && path.contains(&it))
    }
}

fn lan_of(router: &str) -> String {
    format!("lan-of-{router}")
}

fn element(member: &Member) -> Element<String> {
    Element {
        mode: member.mode,
        groups: member.groups.iter().cloned().collect(),
    }
}

/// What has no Kumihimo and is behind nobody talks to anybody in clear, as an open element of no group
/// does.
fn nobody() -> Element<String> {
    Element {
        mode: Mode::Open,
        groups: BTreeSet::new(),
    }
}
