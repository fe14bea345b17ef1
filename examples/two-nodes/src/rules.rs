//! What must hold of this lab whatever else is changed in it.
use homelab_core::{Diagnostic, Graph};
use std::collections::HashMap;

/// One node can be taken down for maintenance, and names are still resolved.
pub(crate) fn name_servers_are_on_different_nodes(graph: &Graph) -> Vec<Diagnostic> {
    let servers = graph.resources().filter(|resource| resource.group() == Some("dns"));
    let mut taken = HashMap::new();
    let mut found = Vec::new();
    for server in servers {
        let Some(node) = server.spec().get("node").and_then(|node| node.as_str()) else { continue };
        if let Some(other) = taken.insert(node, server) {
            found.push(
                Diagnostic::error(format!("two name servers are on {node}"))
                    .at(other.key(), other.declared_at())
                    .at(server.key(), server.declared_at())
                    .hint("put one of them on the other node"),
            );
        }
    }
    found
}
