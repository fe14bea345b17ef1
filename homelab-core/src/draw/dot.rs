//! A lab for Graphviz: `dot -Tsvg`.
use super::Drawing;
use crate::graph::Graph;
use std::fmt::Write;

/// The lab in the DOT language, resources in clusters by group, or by site.
#[must_use]
pub fn dot(graph: &Graph) -> String {
    let drawing = Drawing::of(graph);
    let mut out = format!("digraph {} {{\n", quoted(drawing.lab));
    out += "  rankdir=LR;\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n";
    for (n, (name, nodes)) in drawing.clusters().into_iter().enumerate() {
        let _ = writeln!(out, "  subgraph cluster_{n} {{\n    label={};", quoted(&name));
        for (_, node) in nodes {
            let _ = writeln!(
                out,
                "    {} [fillcolor={}, tooltip={}];",
                quoted(node.key),
                quoted(node.colour),
                quoted(&node.at)
            );
        }
        out += "  }\n";
    }
    for edge in &drawing.edges {
        let style = if edge.is_order() { ", style=dashed" } else { "" };
        let label = quoted(&edge.label());
        let _ = writeln!(out, "  {} -> {} [label={label}{style}];", quoted(edge.from), quoted(edge.to));
    }
    out + "}\n"
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
