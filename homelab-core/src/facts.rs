//! What is known so far, node by node: observed before, or read back after a step.
use crate::{
    Graph,
    output::{Input, NodeId, Output},
    plan::Note,
    resource::Owner,
    tree::{Ref, Tree},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{any::Any, collections::HashMap, fmt, sync::Arc};

/// One thing as it was seen.
#[derive(Clone)]
pub struct Observed {
    /// Its state as plain data.
    pub tree: Arc<Tree>,
    /// Its state as its resource's own type.
    pub(crate) state: Arc<dyn Any + Send + Sync>,
    /// What it is found by when its code is gone.
    pub id: Value,
    /// Whose mark it bears.
    pub owner: Owner,
    /// What would be lost with it, for people. Empty when nothing would.
    pub data: Vec<String>,
    /// Where it is logged in to, if it is a machine that runs.
    pub login: Option<crate::host::Spot>,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observed({} {} {:?})", self.id, self.tree, self.owner)
    }
}

/// What is known of the nodes of a graph. A node that is not there does not exist, as far as is known.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    seen: HashMap<NodeId, Observed>,
    /// What is known of nodes that were not looked at yet: see [`Resource::SAID`](crate::Resource::SAID).
    said: HashMap<NodeId, Tree>,
    notes: HashMap<NodeId, Vec<Note>>,
}

impl Facts {
    /// What is known of `node`; nothing if it does not exist.
    #[must_use]
    pub fn get(&self, node: NodeId) -> Option<&Observed> {
        self.seen.get(&node)
    }

    /// Nothing but what the code of a graph says.
    pub(crate) fn said_by(graph: &Graph) -> Facts {
        let said = |id: &NodeId| !graph.vertex(*id).node.about().said.is_empty();
        let spec = |id| (id, graph.vertex(id).spec.clone());
        Facts { said: graph.ids().filter(said).map(spec).collect(), ..Facts::default() }
    }

    pub(crate) fn set(&mut self, node: NodeId, seen: Option<Observed>) {
        self.said.remove(&node);
        match seen {
            Some(seen) => self.seen.insert(node, seen),
            None => self.seen.remove(&node),
        };
    }

    /// What the world said of a node's possibilities: see [`Resource::inspect`](crate::Resource::inspect).
    pub(crate) fn notes(&self, node: NodeId) -> &[Note] {
        self.notes.get(&node).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn note(&mut self, node: NodeId, notes: Vec<Note>) {
        if !notes.is_empty() {
            self.notes.insert(node, notes);
        }
    }

    /// The part that a step needs for itself.
    pub(crate) fn part(&self, nodes: impl Iterator<Item = NodeId>) -> Facts {
        let seen = nodes.filter_map(|n| Some((n, self.get(n)?.clone()))).collect();
        Facts { seen, ..Facts::default() }
    }

    /// The value at an address. A field that exists and is empty is not known.
    pub(crate) fn lookup(&self, at: Ref) -> Option<&Tree> {
        let tree = self.get(at.node).map(|seen| &*seen.tree).or_else(|| self.said.get(&at.node))?;
        tree.get(at.field).filter(|v| **v != Tree::Null)
    }

    pub(crate) fn input<T: DeserializeOwned + Clone>(&self, input: &Input<T>) -> Option<T> {
        match input {
            Input::Known(v) => Some(v.clone()),
            Input::From(o) => self.output(*o),
        }
    }

    pub(crate) fn output<T: DeserializeOwned>(&self, output: Output<T>) -> Option<T> {
        serde_json::from_value(Value::from(self.lookup(output.target())?)).ok()
    }
}
