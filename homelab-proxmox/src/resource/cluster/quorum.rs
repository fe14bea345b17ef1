//! What is said of a cluster of two nodes before anything is looked at.
use homelab_core::{Diagnostic, Graph, tree::Tree};

/// Two nodes lose their quorum when one of them is away: that is a warning, unless a third machine has a vote or the code says why not. A
/// rule of every lab with a [`Cluster`](super::Cluster).
#[must_use]
pub fn two_nodes_have_a_third_vote(graph: &Graph) -> Vec<Diagnostic> {
    let nodes: Vec<_> = graph.resources().filter(|resource| resource.kind() == "proxmox/cluster-node").collect();
    let third = graph.resources().any(|resource| resource.kind() == "proxmox/qdevice");
    let meant = |key: &str| nodes.iter().any(|node| node.spec().get(key).is_some_and(|value| *value != Tree::Null));
    if nodes.len() != 2 || third || meant("without_third_vote") {
        return vec![];
    }
    let said = Diagnostic::warning(
        "while one of these two nodes is away, nothing can be changed on the other: it has no quorum",
    )
    .hint("give a third machine a vote with `.qdevice(..)`, or say why not with `.without_third_vote(\"..\")`");
    vec![nodes.into_iter().fold(said, |said, node| said.at(node.key(), node.declared_at()))]
}
