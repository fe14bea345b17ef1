//! What differs between a spec and what is there, and what will be there afterwards.
use super::Change;
use crate::tree::{Map, Tree};

/// The fields of `spec` (resolved as far as can be) that differ from `now`. A field that the spec leaves out is not managed;
/// one that the state lacks is never equal, so that a typo in a resource cannot hide.
pub(crate) fn diff(spec: &Tree, now: Option<&Tree>, write_only: &[&str]) -> Vec<Change> {
    let mut changes = vec![];
    for (field, want) in spec.fields() {
        match now {
            Some(_) if write_only.contains(&field) => {}
            Some(now) => compare(field, want, now.get(field), &mut changes),
            None => list(field, want, &mut changes),
        }
    }
    changes
}

fn compare(path: &str, want: &Tree, have: Option<&Tree>, changes: &mut Vec<Change>) {
    match (want, have) {
        // An explicitly cleared field is content with an empty one.
        (Tree::Null, None | Some(Tree::Null)) => {}
        (Tree::Map(want), Some(have @ Tree::Map(_))) => {
            for (key, want) in want.iter() {
                compare(&format!("{path}.{key}"), want, have.get(key), changes);
            }
        }
        (want, Some(have)) if want == have => {}
        (Tree::Map(_), None | Some(Tree::Null)) => list(path, want, changes),
        (want, have) => {
            changes.push(Change { field: path.to_owned(), from: have.cloned().unwrap_or(Tree::Null), to: want.clone() })
        }
    }
}

/// Every leaf of what is to be made.
fn list(path: &str, want: &Tree, changes: &mut Vec<Change>) {
    match want {
        Tree::Map(map) => map.iter().for_each(|(key, want)| list(&format!("{path}.{key}"), want, changes)),
        Tree::Null => {}
        want => changes.push(Change { field: path.to_owned(), from: Tree::Null, to: want.clone() }),
    }
}

/// What the state will be, as far as can be told: what is there, overlaid by what the spec says and is known. A field that
/// waits for another resource is taken out, so that what depends on it waits too.
pub(crate) fn expected(now: Option<&Tree>, spec: &Tree) -> Tree {
    let mut out = match now {
        Some(Tree::Map(map)) => map.clone(),
        _ => Map::default(),
    };
    overlay(&mut out, spec);
    Tree::Map(out)
}

fn overlay(out: &mut Map, spec: &Tree) {
    let Tree::Map(spec) = spec else { return };
    for (key, want) in &spec.0 {
        match (want, out.0.iter_mut().find(|(k, _)| k == key)) {
            (Tree::Map(_), Some((_, Tree::Map(inner)))) => overlay(inner, want),
            (want, _) if want.waits() => out.remove(key),
            (want, Some((_, there))) => *there = want.clone(),
            (want, None) => out.set(key.clone(), want.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tree(v: serde_json::Value) -> Tree {
        Tree::from(v)
    }
    fn shown(changes: &[Change]) -> String {
        changes.iter().map(|c| format!("{}: {} -> {}", c.field, c.from, c.to)).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn only_declared_fields_are_compared_at_every_depth() {
        let spec = tree(json!({"cores": 4, "nics": {"net0": {"tag": 20}}}));
        let now =
            tree(json!({"cores": 2, "onboot": true, "nics": {"net0": {"tag": 10, "mtu": 9000}, "net1": {"tag": 5}}}));
        assert_eq!(shown(&diff(&spec, Some(&now), &[])), "cores: 2 -> 4; nics.net0.tag: 10 -> 20");
        assert_eq!(shown(&diff(&spec, Some(&now), &["cores"])), "nics.net0.tag: 10 -> 20");
    }

    #[test]
    fn a_field_that_the_state_lacks_is_never_equal() {
        assert_eq!(shown(&diff(&tree(json!({"coers": 4})), Some(&tree(json!({"cores": 4}))), &[])), "coers: none -> 4");
    }

    #[test]
    fn a_cleared_field_is_content_with_an_empty_one() {
        let spec = tree(json!({"dns": null}));
        assert!(diff(&spec, Some(&tree(json!({"dns": null}))), &[]).is_empty());
        assert!(diff(&spec, Some(&tree(json!({}))), &[]).is_empty());
        assert_eq!(shown(&diff(&spec, Some(&tree(json!({"dns": "10.0.0.1"}))), &[])), "dns: 10.0.0.1 -> none");
        assert!(diff(&spec, None, &[]).is_empty(), "nothing is cleared in what does not exist yet");
    }

    #[test]
    fn what_will_be_is_what_is_overlaid_by_what_is_declared() {
        let now = tree(json!({"cores": 2, "ip": "10.0.0.7", "nics": {"net0": {"tag": 10, "mac": "BC"}}}));
        let spec = tree(json!({"cores": 4, "nics": {"net0": {"tag": 20}}}));
        let after = expected(Some(&now), &spec);
        assert_eq!(after, tree(json!({"cores": 4, "ip": "10.0.0.7", "nics": {"net0": {"tag": 20, "mac": "BC"}}})));
    }
}
