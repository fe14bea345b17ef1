//! The assembled lab: nodes with their specs as data, edges that say why, and everything that is wrong with it.
use crate::{
    claim::{Claim, SECRET},
    diagnostic::{Diagnostic, Invalid, Severity},
    kind::Node,
    lab::{Lab, Terms},
    output::NodeId,
    tree::Tree,
    turns::turns,
};
use petgraph::{
    Direction,
    graph::{DiGraph, NodeIndex},
    visit::EdgeRef,
};
use std::{collections::HashMap, panic::Location};

/// Why one node waits for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// It uses this field of the other's state.
    Uses(&'static str),
    /// It lives inside the other.
    Within,
    /// It uses by its name what the other makes: a storage, a secret.
    Names,
    /// It was told to wait.
    After,
}

/// A node of the graph.
pub(crate) struct Vertex {
    pub(crate) key: String,
    /// The name, within what it lives in: `web/etc/motd`.
    pub(crate) name: String,
    pub(crate) node: Box<dyn Node>,
    pub(crate) spec: Tree,
    pub(crate) at: &'static Location<'static>,
    pub(crate) terms: Terms,
    pub(crate) group: Option<u32>,
    pub(crate) claims: Vec<Claim>,
}

/// An assembled, checked lab. Edges run from a resource to what needs it; declaration order is an order of making.
pub struct Graph {
    lab: &'static str,
    recipe: bool,
    dag: DiGraph<Vertex, Edge>,
    groups: Vec<String>,
    by_key: HashMap<String, NodeId>,
    warnings: Vec<Diagnostic>,
}

pub(crate) fn build(lab: Lab) -> Result<Graph, Invalid> {
    let mut problems = vec![];
    let mut graph = Graph {
        lab: lab.name,
        recipe: lab.recipe,
        dag: DiGraph::with_capacity(lab.declared.len(), lab.declared.len() * 2),
        groups: lab.groups,
        by_key: HashMap::with_capacity(lab.declared.len()),
        warnings: vec![],
    };
    if !is_plain_name(lab.name) {
        problems.push(
            Diagnostic::error(format!("`{}` is not a name for a lab", lab.name))
                .hint("use lower case letters, digits and `-`, at most 32: it is written on everything the lab owns"),
        );
    }
    let mut edges: Vec<(NodeId, NodeId, Edge)> = vec![];
    let mut named: Vec<(NodeId, Claim)> = vec![];
    for (index, declared) in lab.declared.into_iter().enumerate() {
        let id = NodeId::of(index as u32, lab.recipe);
        let within = declared.node.lives_in().map(|home| home.0);
        let parent = within.filter(|n| n.precedes(id)).map(|n| graph.vertex(n).name.as_str());
        let name = scoped(parent, declared.node.resource_name());
        let key = format!("{}/{name}", declared.node.about().name);
        let spec = declared.node.spec().unwrap_or_else(|e| {
            problems
                .push(Diagnostic::error(format!("its specification does not serialise: {e}")).at(&key, declared.at));
            Tree::Null
        });
        problems.extend(declared.node.problems().into_iter().map(|problem| problem.at(&key, declared.at)));
        let uses = spec.refs().into_iter().map(|r| (r.node, Edge::Uses(r.field)));
        let within = within.map(|n| (n, Edge::Within));
        let after = declared.terms.after.iter().map(|n| (*n, Edge::After));
        for (to, edge) in uses.chain(within).chain(after) {
            if to.precedes(id) {
                edges.push((to, id, edge));
            } else {
                problems.push(
                    Diagnostic::error("it uses a handle that this lab did not give out")
                        .at(&key, declared.at)
                        .hint("handles come from `add` of the same lab; do not keep one from another"),
                );
            }
        }
        let key_of = |n: NodeId| n.precedes(id).then(|| graph.key(n));
        let claims = declared.node.claims().into_iter().map(|claim| claim.settled(key_of)).collect();
        let secrets = spec.secrets().into_iter().map(|name| Claim::new(SECRET, name));
        named.extend(declared.node.uses().into_iter().chain(secrets).map(|claim| (id, claim.settled(key_of))));
        let vertex = Vertex {
            key: key.clone(),
            name,
            node: declared.node,
            spec,
            at: declared.at,
            terms: declared.terms,
            group: declared.group,
            claims,
        };
        if let Some(first) = graph.by_key.insert(key, id) {
            let first = graph.vertex(first);
            problems.push(
                Diagnostic::error(format!("the name {} is given twice", vertex.key))
                    .at(&first.key, first.at)
                    .at(&vertex.key, vertex.at)
                    .hint("give one of them another name: names are unique within a kind"),
            );
        }
        graph.dag.add_node(vertex);
    }
    for (from, to, edge) in edges {
        graph.dag.add_edge(index_of(from), index_of(to), edge);
    }
    problems.extend(claimed_twice(&graph));
    problems.extend(joined_by_name(&mut graph, named));
    take_turns(&mut graph);
    if problems.is_empty() {
        for policy in lab.policies {
            for found in policy(&graph) {
                match found.severity {
                    Severity::Error => problems.push(found),
                    Severity::Warning => graph.warnings.push(found),
                }
            }
        }
    }
    if problems.is_empty() { Ok(graph) } else { Err(Invalid(problems)) }
}

/// A name within that of what it lives in. Paths bring their own slash.
fn scoped(parent: Option<&str>, name: &str) -> String {
    match parent {
        None => name.to_owned(),
        Some(parent) if name.starts_with('/') => format!("{parent}{name}"),
        Some(parent) => format!("{parent}/{name}"),
    }
}

fn is_plain_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
}

fn claimed_twice(graph: &Graph) -> Vec<Diagnostic> {
    let mut holders: HashMap<&Claim, &Vertex> = HashMap::new();
    let mut problems = vec![];
    for vertex in graph.dag.node_weights() {
        for claim in &vertex.claims {
            if let Some(first) = holders.insert(claim, vertex) {
                problems.push(
                    Diagnostic::error(format!("{claim} is claimed twice"))
                        .at(&first.key, first.at)
                        .at(&vertex.key, vertex.at)
                        .hint(format!("give one of them another {}", claim.what())),
                );
            }
        }
    }
    problems
}

/// Tells machines their place in the order of start, which is known only now.
fn take_turns(graph: &mut Graph) {
    for (id, turn) in turns(graph) {
        let vertex = &mut graph.dag[index_of(id)];
        vertex.node.take_turn(turn);
        // It did serialise before, or that was told.
        if let Ok(spec) = vertex.node.spec() {
            vertex.spec = spec;
        }
    }
}

/// Whoever uses by its name what another makes comes after that one.
fn joined_by_name(graph: &mut Graph, named: Vec<(NodeId, Claim)>) -> Vec<Diagnostic> {
    let holders: HashMap<Claim, NodeId> =
        graph.ids().flat_map(|id| graph.vertex(id).claims.iter().map(move |claim| (claim.clone(), id))).collect();
    let mut problems = vec![];
    for (id, claim) in named {
        let Some(holder) = holders.get(&claim).copied().filter(|holder| *holder != id) else { continue };
        if holder > id {
            let (user, maker) = (graph.vertex(id), graph.vertex(holder));
            problems.push(
                Diagnostic::error(format!("{claim} is used before what makes it is declared"))
                    .at(&user.key, user.at)
                    .at(&maker.key, maker.at)
                    .hint("declare what makes it first: the order of the code is an order of making"),
            );
        } else if !graph.needs(id).any(|(other, _)| other == holder) {
            graph.dag.add_edge(index_of(holder), index_of(id), Edge::Names);
        }
    }
    problems
}

impl Graph {
    /// The lab's name.
    #[must_use]
    pub fn lab(&self) -> &'static str {
        self.lab
    }

    /// What is legal but will make somebody sorry.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The resources in the order of their declaration.
    pub fn resources(&self) -> impl Iterator<Item = ResourceRef<'_>> {
        self.ids().map(|node| ResourceRef { graph: self, node })
    }

    /// The resource of this key: `proxmox/vm/web`.
    #[must_use]
    pub fn resource(&self, key: &str) -> Option<ResourceRef<'_>> {
        self.by_key.get(key).map(|node| ResourceRef { graph: self, node: *node })
    }

    fn node(&self, index: NodeIndex) -> NodeId {
        NodeId::of(index.index() as u32, self.recipe)
    }
    pub(crate) fn len(&self) -> usize {
        self.dag.node_count()
    }
    pub(crate) fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        let recipe = self.recipe;
        (0..self.dag.node_count() as u32).map(move |index| NodeId::of(index, recipe))
    }
    pub(crate) fn vertex(&self, id: NodeId) -> &Vertex {
        &self.dag[index_of(id)]
    }
    pub(crate) fn key(&self, id: NodeId) -> &str {
        &self.vertex(id).key
    }
    pub(crate) fn id(&self, key: &str) -> Option<NodeId> {
        self.by_key.get(key).copied()
    }
    pub(crate) fn group_of(&self, id: NodeId) -> Option<&str> {
        self.vertex(id).group.map(|g| self.groups[g as usize].as_str())
    }
    /// What `id` lives in.
    pub(crate) fn within(&self, id: NodeId) -> Option<NodeId> {
        self.needs(id).find(|(_, e)| *e == Edge::Within).map(|(n, _)| n)
    }
    /// Whether something lives in `id`.
    pub(crate) fn is_home(&self, id: NodeId) -> bool {
        self.needed_by(id).any(|(_, e)| e == Edge::Within)
    }
    /// What `id` waits for, with the reason.
    pub(crate) fn needs(&self, id: NodeId) -> impl Iterator<Item = (NodeId, Edge)> {
        self.dag.edges_directed(index_of(id), Direction::Incoming).map(|e| (self.node(e.source()), *e.weight()))
    }
    /// What waits for `id`, with the reason.
    pub(crate) fn needed_by(&self, id: NodeId) -> impl Iterator<Item = (NodeId, Edge)> {
        self.dag.edges_directed(index_of(id), Direction::Outgoing).map(|e| (self.node(e.target()), *e.weight()))
    }
}

fn index_of(id: NodeId) -> NodeIndex {
    NodeIndex::new(id.index())
}

/// A resource of an assembled lab, as policies and tests see it.
#[derive(Clone, Copy)]
pub struct ResourceRef<'a> {
    graph: &'a Graph,
    node: NodeId,
}

impl<'a> ResourceRef<'a> {
    /// Kind and name: `proxmox/vm/web`.
    #[must_use]
    pub fn key(&self) -> &'a str {
        self.graph.key(self.node)
    }
    /// The kind: `proxmox/vm`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.graph.vertex(self.node).node.about().name
    }
    /// The name: `web`; of something that lives in another resource, with that one's name before it: `web/etc/motd`.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.graph.vertex(self.node).name
    }
    /// The site it lives at.
    #[must_use]
    pub fn site(&self) -> &'static str {
        self.graph.vertex(self.node).node.site()
    }
    /// The group it was declared in: `stacks/arr`.
    #[must_use]
    pub fn group(&self) -> Option<&'a str> {
        self.graph.group_of(self.node)
    }
    /// Its specification. References are addresses still.
    #[must_use]
    pub fn spec(&self) -> &'a Tree {
        &self.graph.vertex(self.node).spec
    }
    /// What it claims for itself.
    #[must_use]
    pub fn claims(&self) -> &'a [Claim] {
        &self.graph.vertex(self.node).claims
    }
    /// The line that added it.
    #[must_use]
    pub fn declared_at(&self) -> &'static Location<'static> {
        self.graph.vertex(self.node).at
    }
    /// Whether this lab protects it by its own word, or its kind does.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        let vertex = self.graph.vertex(self.node);
        vertex.terms.protect || vertex.node.about().protected
    }
    /// What it waits for, and why; sorted by key.
    #[must_use]
    pub fn needs(&self) -> Vec<(&'a str, Edge)> {
        self.sorted(self.graph.needs(self.node))
    }
    /// What waits for it, and why; sorted by key.
    #[must_use]
    pub fn needed_by(&self) -> Vec<(&'a str, Edge)> {
        self.sorted(self.graph.needed_by(self.node))
    }

    fn sorted(&self, edges: impl Iterator<Item = (NodeId, Edge)>) -> Vec<(&'a str, Edge)> {
        let mut found: Vec<_> = edges.map(|(n, e)| (self.graph.key(n), e)).collect();
        found.sort_by_key(|(key, _)| *key);
        found.dedup();
        found
    }
}
