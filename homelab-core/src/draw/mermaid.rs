//! A lab for Mermaid, which Markdown viewers draw.
use super::Drawing;
use crate::graph::Graph;
use std::{collections::BTreeSet, fmt::Write};

/// The lab as a flowchart, resources in subgraphs by group, or by site.
#[must_use]
pub fn mermaid(graph: &Graph) -> String {
    let drawing = Drawing::of(graph);
    let index = drawing.index();
    let mut out = "flowchart LR\n".to_owned();
    for (n, (name, nodes)) in drawing.clusters().into_iter().enumerate() {
        let _ = writeln!(out, "  subgraph c{n}[{}]", quoted(&name));
        for (at, node) in nodes {
            let _ = writeln!(out, "    n{at}[{}]:::{}", quoted(node.key), class(node.colour));
        }
        out += "  end\n";
    }
    for edge in &drawing.edges {
        let (from, to) = (index[edge.from], index[edge.to]);
        let line = if edge.is_order() { "-.->" } else { "-->" };
        let label = edge.label();
        let label = if label.is_empty() { label } else { format!("|{}|", quoted(&label)) };
        let _ = writeln!(out, "  n{from} {line}{label} n{to}");
    }
    for colour in drawing.nodes.iter().map(|n| n.colour).collect::<BTreeSet<_>>() {
        let _ = writeln!(out, "  classDef {} fill:{colour},stroke:#555,color:#000", class(colour));
    }
    out
}

fn class(colour: &str) -> String {
    colour.replace('#', "k")
}

/// Mermaid knows entities, written without the ampersand.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('#', "#35;").replace('"', "#quot;"))
}
