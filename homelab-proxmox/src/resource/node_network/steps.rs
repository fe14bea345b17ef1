//! From the network that is there to the one that is declared: pure data, and what is dangerous of it.
use super::part::{Options, differing, has_address};
use crate::{
    api::{Interface, Interfaces},
    client::Params,
    resource::mark,
};
use homelab_core::{Field, Mark};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

/// One staged change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Takes an interface away.
    Remove(String),
    /// Changes one: its type, what is set, what is deleted.
    Change(String, Params),
    /// Makes one.
    Make(String, Params),
}

impl Step {
    pub(super) fn name(&self) -> &str {
        match self {
            Step::Remove(name) | Step::Change(name, _) | Step::Make(name, _) => name,
        }
    }
}

/// The interfaces that this lab made, by the mark in their comment.
pub(super) fn marked(there: &Interfaces) -> impl Iterator<Item = (&Interface, Mark)> {
    there.all.values().filter_map(|found| Some((found, mark::of_comment(found.get("comments"))?)))
}

/// What has to be staged. Who gives a port or the default route away comes before who takes it: the server refuses it otherwise.
pub(super) fn steps(
    there: &Interfaces,
    wanted: &BTreeMap<String, Options>,
    surplus: &[String],
    mark: &Mark,
) -> Vec<Step> {
    // What stands on another goes before it.
    let mut gone: Vec<&String> = surplus.iter().collect();
    let kind = |name: &str| there.all.get(name).and_then(|found| found.get("type")).unwrap_or_default();
    gone.sort_by_key(|name| std::cmp::Reverse(layer(kind(name))));
    let removals = gone.into_iter().map(|name| Step::Remove(name.clone()));
    let (mut changes, mut makes) = (vec![], vec![]);
    for (name, options) in wanted {
        let kind = options.get("type").and_then(Field::as_set).cloned().unwrap_or_default();
        let Some(is) = there.all.get(name) else {
            let params = options.iter().fold(Params::new(), |all, (key, value)| all.maybe(*key, value.as_set()));
            makes.push((layer(&kind), Step::Make(name.clone(), params.set("comments", mark::comment("", mark)))));
            continue;
        };
        let differs: Vec<_> = differing(options, &is.options).collect();
        if differs.is_empty() {
            continue;
        }
        // The type is asked for again; everything else that is declared is said too, so that it counts whatever the server keeps.
        let params = options.iter().fold(Params::new(), |all, (key, value)| all.maybe(*key, value.as_set()));
        let gone: Vec<&str> = differs.iter().filter(|(_, wanted)| wanted.is_none()).map(|(key, _)| *key).collect();
        let takes = differs.iter().any(|(key, wanted)| TAKEN.contains(key) && wanted.is_some());
        let params = params.maybe("delete", (!gone.is_empty()).then(|| gone.join(",")));
        changes.push((takes, Step::Change(name.clone(), params)));
    }
    changes.sort_by_key(|(takes, _)| *takes);
    makes.sort_by_key(|(layer, _)| *layer);
    let changes = changes.into_iter().map(|(_, step)| step);
    removals.chain(changes).chain(makes.into_iter().map(|(_, step)| step)).collect()
}

/// What only one interface can have.
const TAKEN: [&str; 3] = ["bridge_ports", "slaves", "gateway"];

fn layer(kind: &str) -> u8 {
    match kind {
        "bond" => 0,
        "bridge" => 1,
        _ => 2,
    }
}

/// The network as it will be.
pub(super) fn after(there: &Interfaces, steps: &[Step]) -> Interfaces {
    let mut all = there.all.clone();
    for step in steps {
        match step {
            Step::Remove(name) => drop(all.remove(name)),
            Step::Change(name, params) | Step::Make(name, params) => {
                let found = all.entry(name.clone()).or_default();
                found.name.clone_from(name);
                for (key, value) in params.iter() {
                    match key {
                        "delete" => value.split(',').for_each(|gone| drop(found.options.remove(gone))),
                        key => drop(found.options.insert(key.to_owned(), value.to_owned())),
                    }
                }
            }
        }
    }
    Interfaces { all, staged: None }
}

/// The interfaces that the node is reached by: the one with its default route, the one with the address that it is logged in to at,
/// and all that these stand on.
pub(super) fn carriers(network: &Interfaces, address: Option<IpAddr>) -> BTreeSet<String> {
    let leads = |found: &&Interface| {
        found.get("gateway").is_some()
            || found.get("gateway6").is_some()
            || address.is_some_and(|address| has_address(&found.options, address))
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut next: Vec<String> = network.all.values().filter(leads).map(|found| found.name.clone()).collect();
    while let Some(name) = next.pop() {
        next.extend(
            network.all.get(&name).map(Interface::below).unwrap_or_default().into_iter().filter(|n| !names.contains(n)),
        );
        names.insert(name);
    }
    names
}

/// The names of those steps that could cut the node off.
pub(super) fn dangerous(there: &Interfaces, steps: &[Step], address: Option<IpAddr>) -> Vec<String> {
    let carriers: BTreeSet<String> =
        carriers(there, address).into_iter().chain(carriers(&after(there, steps), address)).collect();
    steps.iter().map(Step::name).filter(|name| carriers.contains(*name)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        super::part::{Bond, Bridge, Part, VlanInterface},
        *,
    };
    use homelab_core::units::Network as Range;

    const LAN: Range = Range::new("LAN", [192, 168, 0, 0], 24).vlan(20).gateway(1);

    fn interface(name: &str, options: &[(&str, &str)]) -> (String, Interface) {
        let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        (name.to_owned(), Interface { name: name.to_owned(), options })
    }

    fn installed() -> Interfaces {
        let address = [("type", "bridge"), ("autostart", "1"), ("cidr", "192.168.0.11/24"), ("gateway", "192.168.0.1")];
        let mut bridge = address.to_vec();
        bridge.push(("bridge_ports", "eno1"));
        Interfaces {
            all: [
                interface("eno1", &[("type", "eth")]),
                interface("eno2", &[("type", "eth")]),
                interface("vmbr0", &bridge),
            ]
            .into(),
            staged: None,
        }
    }

    fn wanted(parts: Vec<Part>) -> BTreeMap<String, Options> {
        parts.into_iter().map(|part| (part.name, part.options)).collect()
    }

    fn mark() -> Mark {
        Mark { lab: "home".into(), key: "proxmox/node-network/din".into() }
    }

    #[test]
    fn who_gives_a_port_or_the_route_away_comes_first_and_bonds_come_before_bridges() {
        let wanted = wanted(vec![
            VlanInterface::on("vmbr0", LAN.host(11)).way_out().into(),
            Bond::active_backup("bond0", "eno1", ["eno2"]).into(),
            Bridge::named("vmbr0").port("bond0").vlans([LAN]).into(),
        ]);
        let steps = steps(&installed(), &wanted, &[], &mark());
        let names: Vec<&str> = steps.iter().map(Step::name).collect();
        assert_eq!(names, ["vmbr0", "bond0", "vmbr0.20"]);
        let Step::Change(_, params) = &steps[0] else { panic!("{steps:?}") };
        assert!(params.iter().any(|pair| pair == ("delete", "cidr,gateway")), "{params:?}");
        let then = after(&installed(), &steps);
        assert!(super::steps(&then, &wanted, &[], &mark()).is_empty(), "{then:?}");
    }

    #[test]
    fn what_carries_the_address_and_the_route_is_dangerous_and_nothing_else() {
        let address = Some(LAN.host(11).ip());
        assert_eq!(carriers(&installed(), address), ["eno1", "vmbr0"].map(str::to_owned).into());
        let other = wanted(vec![Bridge::named("vmbr1").port("eno2").into()]);
        let harmless = steps(&installed(), &other, &[], &mark());
        assert!(dangerous(&installed(), &harmless, address).is_empty());
        let aware = wanted(vec![Bridge::named("vmbr0").port("eno1").vlan_aware().at(LAN.host(11)).way_out().into()]);
        let change = steps(&installed(), &aware, &[], &mark());
        assert_eq!(dangerous(&installed(), &change, address), ["vmbr0"]);
    }
}
