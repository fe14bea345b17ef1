//! In which order machines start: what stands on another one comes after it.
use crate::{
    Claim,
    graph::{Edge, Graph},
    output::NodeId,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A machine's place in the order in which the machines of its site start. They stop in the other order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// How many machines come one after the other before it: 0 is among the first.
    pub place: u32,
    /// Whether others stand on it, which have to wait until it is up.
    pub is_needed: bool,
}

/// The turns of all machines that this lab makes, but for those that stand on no other and that no other stands on: their order says
/// nothing.
///
/// A machine stands on another if it, or anything that lives in it, needs the other or anything in it, over however many steps. Two that
/// stand on each other come at the same time.
pub(crate) fn turns(graph: &Graph) -> Vec<(NodeId, Turn)> {
    let machines: Vec<NodeId> = graph
        .ids()
        .filter(|id| graph.vertex(*id).node.about().machine && !graph.vertex(*id).node.about().observed)
        .collect();
    if machines.len() < 2 {
        return vec![];
    }
    let on = &closed(&machines, stands_on(graph, &machines));
    let mut places: BTreeMap<NodeId, u32> = BTreeMap::new();
    // Whoever stands on fewer comes before whoever stands on it, once those that stand on each other are left aside.
    let below = |id: NodeId| on[&id].iter().copied().filter(move |other| !on[other].contains(&id));
    let mut order = machines.clone();
    order.sort_by_key(|id| below(*id).count());
    for id in order {
        let place = below(id).map(|other| places[&other] + 1).max().unwrap_or(0);
        places.insert(id, place);
    }
    let needed: BTreeSet<NodeId> = machines.iter().flat_map(|id| below(*id)).collect();
    let all = machines.iter().map(|id| (*id, Turn { place: places[id], is_needed: needed.contains(id) }));
    all.filter(|(_, turn)| turn.place > 0 || turn.is_needed).collect()
}

/// The machines of the same site that each stands on, in one step or over what is no machine.
fn stands_on(graph: &Graph, machines: &[NodeId]) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
    let known: BTreeSet<NodeId> = machines.iter().copied().collect();
    let holders: HashMap<&Claim, NodeId> =
        graph.ids().flat_map(|id| graph.vertex(id).claims.iter().map(move |claim| (claim, id))).collect();
    let mut home: Vec<Option<NodeId>> = vec![None; graph.len()];
    let mut below: Vec<BTreeSet<NodeId>> = vec![BTreeSet::new(); graph.len()];
    let mut on: BTreeMap<NodeId, BTreeSet<NodeId>> = machines.iter().map(|id| (*id, BTreeSet::new())).collect();
    for id in graph.ids() {
        let mut under = BTreeSet::new();
        for (need, edge) in graph.needs(id) {
            under.extend(below[need.index()].iter().chain(&home[need.index()]));
            if edge == Edge::Within {
                home[id.index()] = home[need.index()];
            }
        }
        if known.contains(&id) {
            home[id.index()] = Some(id);
        }
        below[id.index()] = under;
    }
    for id in graph.ids() {
        let Some(machine) = home[id.index()] else { continue };
        let asked = graph.vertex(id).node.leans_on();
        let asked = asked.iter().filter_map(|claim| holders.get(claim)).flat_map(|holder| &home[holder.index()]);
        let site = graph.vertex(machine).node.site();
        let same = |other: &&NodeId| **other != machine && graph.vertex(**other).node.site() == site;
        let found: Vec<NodeId> = below[id.index()].iter().chain(asked).filter(same).copied().collect();
        on.entry(machine).or_default().extend(found);
    }
    on
}

/// With what those stand on that each stands on.
fn closed(machines: &[NodeId], mut on: BTreeMap<NodeId, BTreeSet<NodeId>>) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
    loop {
        let mut grown = false;
        for id in machines {
            let more: BTreeSet<NodeId> = on[id].iter().flat_map(|other| &on[other]).copied().collect();
            let mine = on.entry(*id).or_default();
            let before = mine.len();
            mine.extend(more);
            grown |= mine.len() != before;
        }
        if !grown {
            return on;
        }
    }
}
