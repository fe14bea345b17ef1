//! The decision for each resource, and the plan that they make together.
use super::{
    Action, Change, Goal, Item, Known, Note, NoteKind, PLAN_FORMAT, Plan, Stray, Wishes,
    diff::{diff, expected},
    orphan,
};
use crate::{
    facts::Observed,
    graph::{Edge, Graph, Vertex},
    output::NodeId,
    resource::Owner,
    tree::{Ref, Tree},
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The decision for one node, before ownership and protection have their say.
pub(crate) struct Verdict {
    pub(crate) action: Action,
    pub(crate) changes: Vec<Change>,
    pub(crate) after: Arc<Tree>,
}

/// Decides one node from what is there and what is known of the nodes that it uses.
pub(crate) fn judge<'a>(
    vertex: &'a Vertex,
    seen: Option<&Observed>,
    lookup: &impl Fn(Ref) -> Option<&'a Tree>,
) -> Verdict {
    let spec: Cow<'_, Tree> = vertex.spec.resolve(lookup);
    let changes = diff(&spec, seen.map(|s| s.tree.as_ref()), vertex.node.about().write_only);
    let action = match seen {
        None => Action::Create,
        Some(_) if changes.is_empty() => Action::Keep,
        Some(_) if changes.iter().any(|c| vertex.node.about().replace_on.contains(&c.top())) => Action::Replace,
        Some(_) => Action::Update,
    };
    let after = match (action, seen) {
        (Action::Keep, Some(seen)) => Arc::clone(&seen.tree),
        (Action::Update, Some(seen)) => {
            let mut after = expected(Some(&seen.tree), &spec);
            if let Tree::Map(fields) = &mut after {
                let derived = vertex.node.about().derived.iter().filter(|field| spec.get(field).is_none());
                derived.for_each(|field| fields.remove(field));
            }
            Arc::new(after)
        }
        _ => Arc::new(expected(None, &spec)),
    };
    Verdict { action, changes, after }
}

/// Makes the plan.
#[must_use]
pub fn plan(graph: &Graph, known: &Known, wishes: &Wishes) -> Plan {
    let mut planner = Planner {
        graph,
        known,
        wishes,
        chosen: wishes.selection.nodes(graph, wishes.goal),
        after: vec![None; graph.len()],
        actions: vec![Action::Keep; graph.len()],
        missing: vec![false; graph.len()],
        goes: vec![false; graph.len()],
        strays: BTreeMap::new(),
        renamed: BTreeMap::new(),
        plan: Plan {
            format: PLAN_FORMAT,
            lab: graph.lab().to_owned(),
            goal: wishes.goal,
            items: vec![],
            kept: 0,
            left_out: 0,
            spared: BTreeSet::new(),
        },
    };
    match wishes.goal {
        Goal::Deploy => graph.ids().for_each(|id| planner.deploy(id)),
        Goal::Destroy => graph.ids().for_each(|id| planner.destroy(id)),
    }
    for stray in &known.strays {
        if !planner.renamed.values().any(|old| *old == stray.key) {
            planner.stray(stray);
        }
    }
    let left_out = planner.strays.values().filter(|item| item.is_none()).count();
    planner.plan.left_out += left_out;
    planner.plan.items.extend(std::mem::take(&mut planner.strays).into_values().flatten());
    if wishes.goal == Goal::Destroy {
        planner.plan.items.reverse();
    }
    planner.plan
}

/// Whose a thing is, all told.
enum Whose {
    Ours,
    /// Ours under a key that has left the code.
    Renamed(String),
    /// Ours under a key that is still in the code.
    Taken(String),
    /// Somebody else's, or nobody's.
    Foreign(String),
}

struct Planner<'a> {
    graph: &'a Graph,
    known: &'a Known,
    wishes: &'a Wishes,
    chosen: Vec<bool>,
    /// What each node's state will be.
    after: Vec<Option<Arc<Tree>>>,
    actions: Vec<Action>,
    /// Nodes that will not be there, because they are left out.
    missing: Vec<bool>,
    /// Nodes that are deleted, and those that go with them.
    goes: Vec<bool>,
    /// What becomes of what has left the code; nothing if the selection leaves it out.
    strays: BTreeMap<String, Option<Item>>,
    /// New key to old key.
    renamed: BTreeMap<NodeId, String>,
    plan: Plan,
}

impl<'a> Planner<'a> {
    fn deploy(&mut self, id: NodeId) {
        let graph = self.graph;
        let vertex = graph.vertex(id);
        let seen = self.known.facts.get(id);
        let parent = graph.needs(id).find(|(p, e)| *e == Edge::Within && self.is_made_anew(*p)).map(|(p, _)| p);
        let there = if parent.is_some() { None } else { seen };
        let after = &self.after;
        let lookup = |r: Ref| after[r.node.index()].as_deref()?.get(r.field).filter(|v| **v != Tree::Null);
        let verdict = judge(vertex, there, &lookup);
        let whose =
            there.filter(|_| !vertex.node.about().observed).map_or(Whose::Ours, |seen| self.whose(vertex, seen));
        let unavailable = graph.needs(id).find(|(n, _)| self.missing[n.index()]).map(|(n, _)| n);

        // What is commonly there, and right, is used as it is.
        let usable = matches!(whose, Whose::Ours) || (matches!(whose, Whose::Foreign(_)) && vertex.node.about().common);
        let kept = verdict.action == Action::Keep && usable;
        if !self.chosen[id.index()] || (unavailable.is_some() && !kept) {
            self.missing[id.index()] = seen.is_none();
            self.after[id.index()] = seen.map(|s| Arc::clone(&s.tree));
            if kept {
                self.plan.kept += 1;
            } else {
                self.plan.left_out += 1;
                self.plan.spared.insert(vertex.key.clone());
            }
            return;
        }
        if kept {
            self.after[id.index()] = Some(verdict.after);
            self.plan.kept += 1;
            return;
        }
        let mut action = verdict.action;
        let mut notes = vec![];
        match whose {
            Whose::Ours => {}
            Whose::Renamed(old) => {
                notes.push(Note::new(
                    NoteKind::Because,
                    format!("it was {old} until now; it stays, under its new name"),
                ));
                self.renamed.insert(id, old);
                if action == Action::Keep {
                    action = Action::Update;
                }
            }
            Whose::Taken(by) => notes.push(
                Note::refused(format!("what is there belongs to {by}, which is in this lab too"))
                    .hint("give one of the two another identity"),
            ),
            Whose::Foreign(what) => {
                if action == Action::Replace {
                    notes.push(
                        Note::refused("it exists, is not ours, and differs in what cannot be changed in place")
                            .hint("change the code to match it, or remove it by hand"),
                    );
                } else if self.wishes.adopt || vertex.terms.adopt {
                    notes.push(Note::info(what));
                } else if graph.within(id).is_some_and(|home| self.is_fresh(home)) {
                    notes.push(Note::info("it came with what it lives in, which this lab has just made"));
                } else {
                    notes.push(
                        Note::refused(what).hint("take it over with `--adopt`, or give this one another identity"),
                    );
                }
                action = Action::Adopt;
            }
        }
        if let Some(parent) = parent {
            let parent_key = graph.key(parent);
            if seen.is_some() {
                notes.push(Note::new(NoteKind::Because, format!("{parent_key}, in which it lives, is made anew")));
            }
            notes.extend(seen.and_then(|s| self.guard(vertex, s, "goes with what it lives in")));
        }
        if action == Action::Replace {
            let why: Vec<_> =
                verdict.changes.iter().filter(|c| vertex.node.about().replace_on.contains(&c.top())).collect();
            let fields = why.iter().map(|c| c.field.as_str()).collect::<Vec<_>>().join(", ");
            notes.push(Note::new(NoteKind::Because, format!("{fields} cannot be changed in place")));
            notes.extend(there.and_then(|s| self.guard(vertex, s, "would be replaced")));
        }
        notes.extend(vertex.node.review(there, action, &verdict.changes));
        // What a machine says that is made anew is said of the one that goes.
        if !parent.is_some_and(|home| graph.vertex(home).node.about().machine) {
            notes.extend(self.known.facts.notes(id).iter().cloned());
        }
        self.actions[id.index()] = action;
        self.after[id.index()] = Some(verdict.after);
        self.push(id, action, verdict.changes, notes);
    }

    fn destroy(&mut self, id: NodeId) {
        let vertex = self.graph.vertex(id);
        if vertex.node.about().observed {
            return;
        }
        let home = self.graph.within(id);
        let seen = self.known.facts.get(id);
        if let Some(home) = home.filter(|home| self.goes[home.index()]) {
            self.goes[id.index()] = true;
            let Some(entry) = self.known.ledger.entries.get(&vertex.key) else { return };
            let how = format!("goes with {}", self.graph.key(home));
            let protected = vertex.terms.protect || vertex.node.about().protected || entry.protected;
            let mut notes = vec![Note::new(NoteKind::Because, format!("it {how}"))];
            notes.extend(guard(&vertex.key, protected, seen.map_or(&entry.data, |s| &s.data), &how, self.wishes));
            return self.push(id, Action::Forget, vec![], notes);
        }
        let Some(seen) = seen else {
            // Inside of something that stays it was not looked for, or is not there: nothing is known to be ours.
            let unknown = home.is_some_and(|h| {
                self.known.facts.get(h).is_some()
                    && !self.graph.vertex(h).node.about().observed
                    && self.chosen[h.index()]
            });
            if unknown {
                return;
            }
            // Something that somebody else has removed already is only forgotten.
            if self.known.ledger.entries.contains_key(&vertex.key) && self.chosen[id.index()] {
                let why = Note::new(NoteKind::Because, "it is gone already");
                self.push(id, Action::Forget, vec![], vec![why]);
            }
            return;
        };
        if !self.chosen[id.index()] {
            self.plan.left_out += 1;
            return;
        }
        match self.whose(vertex, seen) {
            Whose::Ours | Whose::Renamed(_) => {
                let mut notes: Vec<Note> = self.guard(vertex, seen, "would be deleted").into_iter().collect();
                notes.extend(vertex.node.review(Some(seen), Action::Delete, &[]));
                self.goes[id.index()] = true;
                self.push(id, Action::Delete, vec![], notes);
            }
            Whose::Taken(_) | Whose::Foreign(_) => self.plan.kept += 1,
        }
    }

    /// What becomes of something that has left the code, decided after what it lives in.
    fn stray(&mut self, stray: &Stray) {
        if self.strays.contains_key(&stray.key) {
            return;
        }
        // Should a damaged ledger have things live in each other, the first one counts.
        self.strays.insert(stray.key.clone(), None);
        let mut home = orphan::Home::Stays;
        if let Some(key) = &stray.entry.within {
            if let Some(node) = self.graph.id(key) {
                let made_anew = self.is_made_anew(node) && self.known.facts.get(node).is_some();
                home = match () {
                    () if self.goes[node.index()] || made_anew => orphan::Home::Goes,
                    () if self.known.facts.get(node).is_none() && !self.graph.vertex(node).node.about().observed => {
                        orphan::Home::Gone
                    }
                    () => orphan::Home::Stays,
                };
            } else if self.renamed.values().any(|old| old == key) {
                // Its keeper is found under its new name by the next run.
                return;
            } else if let Some(parent) = self.known.strays.iter().find(|s| s.key == *key) {
                self.stray(parent);
                home = match self.strays.get(key).and_then(Option::as_ref) {
                    None => return,
                    Some(parent) if parent.action == Action::Delete => orphan::Home::Goes,
                    Some(_) => orphan::Home::Gone,
                };
            }
        }
        if self.wishes.selection.takes_stray(&stray.key) || home != orphan::Home::Stays {
            let item = orphan::item(self.graph.lab(), stray, home, self.known, self.wishes);
            self.strays.insert(stray.key.clone(), Some(item));
        }
    }

    /// Whether a node was made by a run that has not come to a good end yet.
    fn is_fresh(&self, id: NodeId) -> bool {
        self.known.fresh.contains(self.graph.key(id))
    }

    fn is_made_anew(&self, id: NodeId) -> bool {
        matches!(self.actions[id.index()], Action::Create | Action::Replace)
    }

    /// What protection has to say when a thing would go.
    fn guard(&self, vertex: &Vertex, seen: &Observed, how: &str) -> Option<Note> {
        let ledger = self.known.ledger.entries.get(&vertex.key);
        let protected = vertex.terms.protect || vertex.node.about().protected || ledger.is_some_and(|e| e.protected);
        guard(&vertex.key, protected, &seen.data, how, self.wishes)
    }

    fn whose(&self, vertex: &Vertex, seen: &Observed) -> Whose {
        let lab = self.graph.lab();
        let entry = self.known.ledger.entries.get(&vertex.key);
        match &seen.owner {
            Owner::Marked(mark) if mark.lab != lab => Whose::Foreign(format!("it exists and belongs to {mark}")),
            Owner::Marked(mark) if mark.key == vertex.key => Whose::Ours,
            Owner::Marked(mark) if self.graph.id(&mark.key).is_some() => Whose::Taken(mark.key.clone()),
            Owner::Marked(mark) => Whose::Renamed(mark.key.clone()),
            Owner::Unmarked | Owner::Unmarkable => match entry {
                Some(entry) if entry.is(&seen.id) => Whose::Ours,
                // What bears marks is marked in the same call that makes it; of what does not, the journal is the witness.
                _ if seen.owner == Owner::Unmarkable && self.known.begun.contains(&vertex.key) => Whose::Ours,
                _ => self
                    .known
                    .strays
                    .iter()
                    .find(|s| s.entry.kind == vertex.node.about().name && s.entry.id == seen.id)
                    .map_or_else(
                        || Whose::Foreign("it exists and was not made by this lab".into()),
                        |s| Whose::Renamed(s.key.clone()),
                    ),
            },
        }
    }

    fn push(&mut self, id: NodeId, action: Action, changes: Vec<Change>, notes: Vec<Note>) {
        let vertex = self.graph.vertex(id);
        let key_of = |n: NodeId| self.graph.key(n).to_owned();
        let changes =
            changes.into_iter().map(|c| Change { from: c.from.named(&key_of), to: c.to.named(&key_of), ..c }).collect();
        self.plan.items.push(Item {
            key: vertex.key.clone(),
            kind: vertex.node.about().name.to_owned(),
            site: vertex.node.site().to_owned(),
            action,
            changes,
            notes,
            at: Some(format!("{}:{}", vertex.at.file(), vertex.at.line())),
            was: self.renamed.get(&id).cloned(),
            node: Some(id),
        });
    }
}

/// The refusal to let go of something protected or data-bearing, or the note that it was allowed by name.
pub(super) fn guard(key: &str, protected: bool, data: &[String], how: &str, wishes: &Wishes) -> Option<Note> {
    if !protected && data.is_empty() {
        return None;
    }
    let what = match (protected, data) {
        (true, []) => "it is protected".to_owned(),
        (true, data) => format!("it is protected and holds {}", data.join(", ")),
        (false, data) => format!("it holds {}", data.join(", ")),
    };
    if wishes.allow_destroy.contains(key) {
        return Some(Note::new(NoteKind::Loses, format!("{what}; allowed by name")));
    }
    Some(Note::refused(format!("it {how}, but {what}")).hint(format!(
        "if its data may go: `--allow-destroy {key}`; to let go of it and leave it as it is: `state forget {key}`"
    )))
}
