//! One value type for everything that is planned: plain data, references, text with holes, and secrets by name.
//!
//! A resource's `Serialize` becomes a [`Tree`] through [`spec`]; what is observed of it becomes one through [`state`].
//! The two differ in one point. In a spec a `None` means *not managed* and leaves no trace; a field that must be empty
//! says so with [`Field::Cleared`](crate::Field), which becomes [`Tree::Null`]. In a state a `None` is `Null`, so that a field the
//! spec manages but the state does not have is told apart from one that is merely empty.
mod ser;
mod show;

use crate::output::NodeId;
use std::borrow::Cow;

pub(crate) use ser::{CLEARED, REF, SECRET, TEXT};
pub use ser::{TreeError, spec, state};

/// Plain data, with the three things that plain data cannot say: a value that will exist later, text around such
/// values, and a secret.
#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    /// Nothing: explicitly cleared in a spec, unset in a state.
    Null,
    /// Truth.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(Cow<'static, str>),
    /// A sequence; order counts.
    List(Vec<Tree>),
    /// Fields in the order of their declaration; order does not count when two are compared.
    Map(Map),
    /// A field of another node's state, known once that node exists.
    Ref(Ref),
    /// Text with holes, the pieces in order; literals and references.
    Format(Vec<Tree>),
    /// A secret that comes from outside, by name. Its value is never in a tree.
    Secret(Cow<'static, str>),
    /// What a plan shows for a value that is not known yet: the address it waits for, `${proxmox/vm/dns.ip}`.
    Unknown(String),
}

/// The address of a value: a field of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ref {
    /// The node.
    pub node: NodeId,
    /// The field of its state.
    pub field: &'static str,
}

/// Named values, in the order they were declared in.
#[derive(Clone, Debug, Default)]
pub struct Map(pub(crate) Vec<(Cow<'static, str>, Tree)>);

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|(k, v)| other.get(k) == Some(v))
    }
}

impl Map {
    /// The value under `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Tree> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Sets `key`, in place if it is there, at the end if not.
    pub fn set(&mut self, key: Cow<'static, str>, value: Tree) {
        match self.0.iter_mut().find(|(k, _)| *k == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(k, _)| k != key);
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Tree)> {
        self.0.iter().map(|(k, v)| (k.as_ref(), v))
    }
}

impl Tree {
    /// The value under `key`, if this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Tree> {
        match self {
            Tree::Map(m) => m.get(key),
            _ => None,
        }
    }

    /// The text, if this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Tree::Text(s) => Some(s),
            _ => None,
        }
    }

    /// The fields, if this is a map; none otherwise.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Tree)> {
        match self {
            Tree::Map(m) => m.0.as_slice(),
            _ => &[],
        }
        .iter()
        .map(|(k, v)| (k.as_ref(), v))
    }

    /// Every reference inside, in order: the edges of the graph, or what a resolved spec still waits for.
    #[must_use]
    pub fn refs(&self) -> Vec<Ref> {
        let mut found = vec![];
        self.each_ref(&mut |r| found.push(r));
        found
    }

    /// Whether any reference is inside.
    #[must_use]
    pub fn waits(&self) -> bool {
        match self {
            Tree::Ref(_) => true,
            Tree::List(v) | Tree::Format(v) => v.iter().any(Tree::waits),
            Tree::Map(m) => m.0.iter().any(|(_, v)| v.waits()),
            _ => false,
        }
    }

    /// The names of the secrets inside.
    #[must_use]
    pub fn secrets(&self) -> Vec<&str> {
        match self {
            Tree::Secret(name) => vec![name],
            Tree::List(v) | Tree::Format(v) => v.iter().flat_map(Tree::secrets).collect(),
            Tree::Map(m) => m.0.iter().flat_map(|(_, v)| v.secrets()).collect(),
            _ => vec![],
        }
    }

    fn each_ref(&self, f: &mut impl FnMut(Ref)) {
        match self {
            Tree::Ref(r) => f(*r),
            Tree::List(v) | Tree::Format(v) => v.iter().for_each(|v| v.each_ref(f)),
            Tree::Map(m) => m.0.iter().for_each(|(_, v)| v.each_ref(f)),
            _ => {}
        }
    }

    /// This tree with every reference that `lookup` knows replaced by its value. Borrows where nothing changes, which
    /// is the usual case and keeps a plan of thousands of nodes cheap.
    pub fn resolve<'a>(&'a self, lookup: &dyn Fn(Ref) -> Option<&'a Tree>) -> Cow<'a, Tree> {
        match self {
            Tree::Ref(r) => lookup(*r).map_or(Cow::Borrowed(self), Cow::Borrowed),
            Tree::Format(parts) => Cow::Owned(Tree::joined(parts.iter().map(|p| p.resolve(lookup).into_owned()))),
            Tree::List(v) if self.waits() => {
                Cow::Owned(Tree::List(v.iter().map(|v| v.resolve(lookup).into_owned()).collect()))
            }
            Tree::Map(m) if self.waits() => Cow::Owned(Tree::Map(Map(m
                .0
                .iter()
                .map(|(k, v)| (k.clone(), v.resolve(lookup).into_owned()))
                .collect()))),
            _ => Cow::Borrowed(self),
        }
    }

    /// Text from pieces: plain text once no piece waits, text with holes until then.
    pub(crate) fn joined(parts: impl IntoIterator<Item = Tree>) -> Tree {
        let mut out: Vec<Tree> = vec![];
        for part in parts {
            let part = match part {
                Tree::Ref(_) | Tree::Secret(_) | Tree::Format(_) => part,
                plain => Tree::Text(plain.to_string().into()),
            };
            match (out.last_mut(), part) {
                (_, Tree::Format(inner)) => out.extend(inner),
                (Some(Tree::Text(before)), Tree::Text(after)) => before.to_mut().push_str(&after),
                (_, part) => out.push(part),
            }
        }
        match out.as_mut_slice() {
            [] => Tree::Text("".into()),
            [Tree::Text(_)] => out.remove(0),
            _ => Tree::Format(out),
        }
    }

    /// The same value with references written as the addresses they wait for, for people and for plan files.
    #[must_use]
    pub fn named(&self, key: &impl Fn(NodeId) -> String) -> Tree {
        match self {
            Tree::Ref(r) => Tree::Unknown(format!("${{{}.{}}}", key(r.node), r.field)),
            Tree::Format(parts) if self.waits() => {
                Tree::Unknown(parts.iter().map(|p| p.named(key).to_string()).collect())
            }
            Tree::List(v) => Tree::List(v.iter().map(|v| v.named(key)).collect()),
            Tree::Map(m) => Tree::Map(Map(m.0.iter().map(|(k, v)| (k.clone(), v.named(key))).collect())),
            plain => plain.clone(),
        }
    }
}

impl From<&str> for Tree {
    fn from(s: &str) -> Self {
        Tree::Text(s.to_owned().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(fields: &[(&'static str, Tree)]) -> Tree {
        Tree::Map(Map(fields.iter().map(|(k, v)| (Cow::Borrowed(*k), v.clone())).collect()))
    }

    #[test]
    fn the_order_of_fields_does_not_count() {
        let a = map(&[("x", Tree::Int(1)), ("y", Tree::Int(2))]);
        let b = map(&[("y", Tree::Int(2)), ("x", Tree::Int(1))]);
        assert_eq!(a, b);
        assert_ne!(a, map(&[("x", Tree::Int(1))]));
    }

    #[test]
    fn text_is_plain_as_soon_as_its_holes_are_known() {
        let hole = Ref { node: NodeId(3), field: "ip" };
        let text = Tree::Format(vec!["http://".into(), Tree::Ref(hole), ":3000".into()]);
        let ip = Tree::from("10.0.0.7");
        assert_eq!(text.resolve(&|r| (r == hole).then_some(&ip)).as_str(), Some("http://10.0.0.7:3000"));
        assert_eq!(text.resolve(&|_| None).into_owned(), text);
        assert_eq!(text.named(&|n| format!("vm/{}", n.0)), Tree::Unknown("http://${vm/3.ip}:3000".into()));
    }

    #[test]
    fn what_holds_no_reference_is_not_copied() {
        let plain = map(&[("x", Tree::List(vec![Tree::Int(1)]))]);
        assert!(matches!(plain.resolve(&|_| None), Cow::Borrowed(_)));
    }
}
