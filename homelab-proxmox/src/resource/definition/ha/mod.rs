//! High availability: which guests the cluster keeps running, and on which nodes. Release 8 says the latter by groups, release 9 by
//! rules.
mod group;
mod resource;
mod rule;

pub use group::{HaGroup, HaGroupOutputs, HaGroupState};
pub use resource::{HaResource, HaResourceOutputs, HaResourceState};
pub use rule::{HaRule, HaRuleState};

use crate::{client::Reader, resource::Node};
use homelab_core::{Failure, plan::Note};

/// Whether this release of Proxmox VE has rules, and not groups.
async fn has_rules(reader: &Reader) -> Result<bool, Failure> {
    Ok(reader.version().await?.major().is_some_and(|major| major >= 9))
}

/// Nodes with how much each is preferred, as the server keeps them: sorted by name.
fn preferred(nodes: impl IntoIterator<Item = (Node, u32)>) -> Vec<String> {
    let mut all: Vec<String> = nodes.into_iter().map(|(node, priority)| entry(node.name(), priority)).collect();
    all.sort_unstable();
    all
}

fn entry(node: &str, priority: u32) -> String {
    if priority == 0 { node.to_owned() } else { format!("{node}:{priority}") }
}

/// What is wrong with these nodes in this cluster.
async fn unknown(reader: &Reader, nodes: &[String]) -> Result<Vec<Note>, Failure> {
    let all = reader.resources().await?;
    let name = |entry: &String| entry.split(':').next().unwrap_or_default().to_owned();
    let strangers = nodes.iter().map(name).filter(|node| !all.nodes().any(|(other, _)| other == node));
    Ok(strangers
        .map(|node| {
            Note::refused(format!("there is no node {node} in this cluster"))
                .hint("high availability only moves guests between the nodes of one cluster")
        })
        .collect())
}
