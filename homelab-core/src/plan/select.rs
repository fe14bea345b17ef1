//! Which part of a lab a verb is about: selectors match keys, kinds, domains and groups.
use super::Goal;
use crate::{graph::Graph, output::NodeId};
use serde::{Deserialize, Serialize};

/// A choice of resources. Written by a person as `--only proxmox/vm/web,stacks/arr` and `--except truenas`.
///
/// A selector is a path: it takes every key and every group that it equals or is a leading part of (`proxmox`, `proxmox/vm`,
/// `stacks`), and `*` in it stands for anything within one part (`proxmox/vm/web-*`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    only: Vec<String>,
    except: Vec<String>,
}

/// A selector that takes nothing: most likely a slip of the pen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{selector}` selects nothing in lab `{lab}`")]
pub struct SelectorError {
    /// The selector.
    pub selector: String,
    /// The lab.
    pub lab: String,
    /// The keys and groups that look most like it.
    pub similar: Vec<String>,
}

impl Selection {
    /// All of the lab.
    #[must_use]
    pub fn everything() -> Self {
        Selection::default()
    }

    /// What `only` takes (everything if it is empty) without what `except` takes.
    #[must_use]
    pub fn new(only: Vec<String>, except: Vec<String>) -> Self {
        Selection { only, except }
    }

    /// Whether this is all of the lab.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.only.is_empty() && self.except.is_empty()
    }

    /// Checks that every selector takes something of the graph or of `strays` (keys that only the ledger has).
    ///
    /// # Errors
    /// The first that takes nothing.
    pub fn check<'a>(
        &self,
        graph: &'a Graph,
        strays: impl Iterator<Item = &'a str> + Clone,
    ) -> Result<(), SelectorError> {
        for selector in self.only.iter().chain(&self.except) {
            let hit =
                graph.ids().any(|id| takes(selector, graph, id)) || strays.clone().any(|key| matches(selector, key));
            if !hit {
                let known = graph.ids().flat_map(|id| [Some(graph.key(id)), graph.group_of(id)]).flatten();
                let similar = similar(selector, known.chain(strays));
                return Err(SelectorError { selector: selector.clone(), lab: graph.lab().to_owned(), similar });
            }
        }
        Ok(())
    }

    /// The nodes it takes. To deploy something is to deploy what it needs; to destroy it is to destroy what needs it.
    pub(crate) fn nodes(&self, graph: &Graph, goal: Goal) -> Vec<bool> {
        let mut chosen: Vec<bool> =
            graph.ids().map(|id| self.only.is_empty() || self.only.iter().any(|s| takes(s, graph, id))).collect();
        if !self.only.is_empty() {
            match goal {
                Goal::Deploy => {
                    for id in (0..graph.len() as u32).rev().map(NodeId) {
                        if chosen[id.index()] {
                            graph.needs(id).for_each(|(n, _)| chosen[n.index()] = true);
                        }
                    }
                }
                Goal::Destroy => {
                    for id in graph.ids() {
                        if chosen[id.index()] {
                            graph.needed_by(id).for_each(|(n, _)| chosen[n.index()] = true);
                        }
                    }
                }
            }
        }
        for id in graph.ids() {
            if self.except.iter().any(|s| takes(s, graph, id)) {
                chosen[id.index()] = false;
            }
        }
        if goal == Goal::Destroy {
            // What stays keeps what it needs.
            for id in (0..graph.len() as u32).rev().map(NodeId) {
                chosen[id.index()] &= graph.needed_by(id).all(|(n, _)| chosen[n.index()]);
            }
        }
        chosen
    }

    pub(crate) fn takes_stray(&self, key: &str) -> bool {
        (self.only.is_empty() || self.only.iter().any(|s| matches(s, key)))
            && !self.except.iter().any(|s| matches(s, key))
    }
}

fn takes(selector: &str, graph: &Graph, id: NodeId) -> bool {
    matches(selector, graph.key(id)) || graph.group_of(id).is_some_and(|g| matches(selector, g))
}

fn matches(selector: &str, path: &str) -> bool {
    let mut parts = path.split('/');
    selector.split('/').all(|want| parts.next().is_some_and(|part| glob(want, part)))
}

fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text
            .strip_prefix(head)
            .is_some_and(|tail| (0..=tail.len()).filter(|i| tail.is_char_boundary(*i)).any(|i| glob(rest, &tail[i..]))),
    }
}

/// Which of `known` a person may have meant by `written`: those of which the most parts are alike, at most five.
pub(crate) fn similar<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let like = |k: &str| written.split('/').filter(|part| k.split('/').any(|s| alike(part, s))).count();
    let mut found: Vec<(usize, &str)> = known.map(|k| (like(k), k)).filter(|(n, _)| *n > 0).collect();
    found.sort_unstable_by_key(|(n, k)| (std::cmp::Reverse(*n), *k));
    found.dedup();
    let most = found.first().map_or(0, |(n, _)| *n);
    found.into_iter().take_while(|(n, _)| *n == most).take(5).map(|(_, k)| k.to_owned()).collect()
}

/// Close enough to be what was meant: one starts with the other, or they differ in at most two letters.
fn alike(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() >= 3 && b.len() >= 3 && (a.starts_with(&b) || b.starts_with(&a)) {
        return true;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut before = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = before + usize::from(x != y);
            before = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(before + 1);
        }
    }
    row[b.len()] <= 2 && a.len().min(b.len()) > 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_takes_a_path_and_all_below_it() {
        assert!(matches("proxmox", "proxmox/vm/web"));
        assert!(matches("proxmox/vm", "proxmox/vm/web"));
        assert!(matches("proxmox/vm/web", "proxmox/vm/web"));
        assert!(!matches("proxmox/v", "proxmox/vm/web"), "parts are whole");
        assert!(!matches("proxmox/vm/web/x", "proxmox/vm/web"));
    }

    #[test]
    fn a_star_stands_for_anything_within_one_part() {
        assert!(matches("proxmox/vm/web-*", "proxmox/vm/web-1"));
        assert!(matches("*/vm/*b", "proxmox/vm/web"));
        assert!(!matches("proxmox/*/web", "proxmox/web"));
    }

    #[test]
    fn slips_of_the_pen_are_alike() {
        assert!(alike("webb", "web") && alike("jelyfin", "jellyfin"));
        assert!(!alike("web", "dns"));
    }
}
