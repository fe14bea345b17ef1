//! Drawings of a lab: Graphviz, Mermaid, SVG, and plain data. Arrows run from a resource to what needs it.
mod dot;
mod mermaid;
mod svg;

use crate::graph::{Edge, Graph, ResourceRef};
use serde::Serialize;
use std::collections::BTreeMap;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;

/// Colours that can be told apart, with black text on them; kinds take them in alphabetical order, again and again.
const COLOURS: [&str; 10] =
    ["#a6cee3", "#b2df8a", "#fdbf6f", "#cab2d6", "#fb9a99", "#ffff99", "#8dd3c7", "#d9d9d9", "#fccde5", "#ccebc5"];

/// A lab as nodes and edges, for programs.
#[derive(Debug, Serialize)]
pub struct Drawing<'a> {
    /// The lab.
    pub lab: &'a str,
    /// The resources in the order of their declaration.
    pub nodes: Vec<Node<'a>>,
    /// Who needs whom.
    pub edges: Vec<Arrow<'a>>,
}

/// A resource.
#[derive(Debug, Serialize)]
pub struct Node<'a> {
    /// Kind and name.
    pub key: &'a str,
    /// The kind.
    pub kind: &'a str,
    /// The name.
    pub name: &'a str,
    /// The site it lives at.
    pub site: &'a str,
    /// The group it was declared in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<&'a str>,
    /// The line that declares it.
    pub at: String,
    /// The colour of its kind, `#rrggbb`.
    pub colour: &'static str,
}

/// Why one resource comes before another: all reasons together.
#[derive(Debug, Serialize)]
pub struct Arrow<'a> {
    /// What is needed.
    pub from: &'a str,
    /// What needs it.
    pub to: &'a str,
    /// The fields that are used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<&'static str>,
    /// Whether it lives inside.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub within: bool,
}

impl Arrow<'_> {
    /// What is written at it: the fields, or `in`. Nothing where only the order was asked for.
    fn label(&self) -> String {
        let within = self.within.then_some("in");
        self.uses.iter().copied().chain(within).collect::<Vec<_>>().join(", ")
    }

    /// Whether it is about order alone.
    fn is_order(&self) -> bool {
        self.uses.is_empty() && !self.within
    }
}

impl<'a> Drawing<'a> {
    /// The drawing of a lab.
    #[must_use]
    pub fn of(graph: &'a Graph) -> Self {
        let mut kinds: Vec<&str> = graph.resources().map(|r| r.kind()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let colour = |kind: &str| COLOURS[kinds.iter().position(|k| *k == kind).unwrap_or(0) % COLOURS.len()];
        let node = |r: ResourceRef<'a>| Node {
            key: r.key(),
            kind: r.kind(),
            name: r.name(),
            site: r.site(),
            group: r.group(),
            at: format!("{}:{}", r.declared_at().file(), r.declared_at().line()),
            colour: colour(r.kind()),
        };
        Drawing {
            lab: graph.lab(),
            nodes: graph.resources().map(node).collect(),
            edges: graph.resources().flat_map(arrows).collect(),
        }
    }

    /// The nodes by cluster, in alphabetical order: the group, or the site of those that are in none.
    fn clusters(&self) -> BTreeMap<String, Vec<(usize, &Node<'a>)>> {
        let mut clusters: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let name = node.group.map_or_else(|| format!("site {}", node.site), str::to_owned);
            clusters.entry(name).or_default().push((index, node));
        }
        clusters
    }

    fn index(&self) -> BTreeMap<&'a str, usize> {
        self.nodes.iter().enumerate().map(|(i, n)| (n.key, i)).collect()
    }
}

fn arrows<'a>(to: ResourceRef<'a>) -> Vec<Arrow<'a>> {
    let mut arrows: Vec<Arrow<'a>> = vec![];
    // Sorted by key, so that reasons for one need stand together.
    for (from, edge) in to.needs() {
        if arrows.last().is_none_or(|a| a.from != from) {
            arrows.push(Arrow { from, to: to.key(), uses: vec![], within: false });
        }
        if let Some(arrow) = arrows.last_mut() {
            match edge {
                Edge::Uses(field) if !arrow.uses.contains(&field) => arrow.uses.push(field),
                Edge::Within => arrow.within = true,
                Edge::Uses(_) | Edge::Names | Edge::After => {}
            }
        }
    }
    arrows
}
