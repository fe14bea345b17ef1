//! `why KEY`: one resource and its place in the lab.
use super::{args::WhyArgs, exit::Exit, session::Session, stop::Stop};
use crate::{
    NodeId, Tree,
    graph::{Edge, ResourceRef},
    plan::{Goal, Item, Wishes, plan},
};
use serde_json::{Value, json};

/// One reason for an order between two resources.
struct Reason {
    key: String,
    edge: Edge,
    /// Where in the spec of whoever needs it the value is used.
    fields: Vec<String>,
}

impl Reason {
    /// As one of those that `why` is asked about.
    fn need(&self) -> String {
        match self.edge {
            Edge::Uses(field) => format!("uses {}.{field} for {}", self.key, self.fields.join(", ")),
            Edge::Within => format!("lives in {}", self.key),
            Edge::Names => format!("uses {} by its name", self.key),
            Edge::After => format!("comes after {}", self.key),
        }
    }

    /// As somebody else's need of it.
    fn user(&self) -> String {
        match self.edge {
            Edge::Uses(field) => format!("{} uses its {field} for {}", self.key, self.fields.join(", ")),
            Edge::Within => format!("{} lives in it", self.key),
            Edge::Names => format!("{} uses it by its name", self.key),
            Edge::After => format!("{} comes after it", self.key),
        }
    }

    fn json(&self) -> Value {
        match self.edge {
            Edge::Uses(field) => json!({ "key": self.key, "why": "uses", "field": field, "for": self.fields }),
            Edge::Within => json!({ "key": self.key, "why": "within" }),
            Edge::Names => json!({ "key": self.key, "why": "names" }),
            Edge::After => json!({ "key": self.key, "why": "after" }),
        }
    }
}

pub(super) fn run(session: &Session<'_>, args: &WhyArgs) -> Result<Exit, Stop> {
    let memory = session.peek()?;
    session.check_key(&args.key, &memory)?;
    let resource = session.graph.resource(&args.key);
    let (needs, needed_by) = resource.map(|r| (needs(session, r), needed_by(session, r))).unwrap_or_default();
    if !args.json.json {
        describe(session, &args.key, resource, &needs, &needed_by);
    }
    let known = session.block_on(async |interrupt| session.connect(interrupt).await?.observe(&memory, None).await)?;
    let plan = plan(&session.graph, &known, &Wishes::new(Goal::Deploy));
    let item = plan.item(&args.key);
    if args.json.json {
        let json = |reasons: &[Reason]| reasons.iter().map(Reason::json).collect::<Vec<_>>();
        session.print_json(&json!({
            "key": args.key,
            "at": resource.map(at),
            "site": resource.map(|r| r.site()),
            "group": resource.and_then(|r| r.group()),
            "protected": resource.is_some_and(|r| r.is_protected()),
            "needs": json(&needs),
            "needed_by": json(&needed_by),
            "change": item,
        }));
    } else {
        now(session, item);
    }
    Ok(Exit::Done)
}

fn describe(
    session: &Session<'_>,
    key: &str,
    resource: Option<ResourceRef<'_>>,
    needs: &[Reason],
    needed_by: &[Reason],
) {
    let out = &session.console.out;
    let head = out.palette().paint("1", key);
    let Some(resource) = resource else {
        out.line(format_args!("{head}\n  is not in the code any more; the ledger still has it"));
        return;
    };
    out.line(format_args!("{head}\n  declared at {}", at(resource)));
    let group = resource.group().map(|g| format!(", in group {g}")).unwrap_or_default();
    let protected = if resource.is_protected() { ", protected" } else { "" };
    out.line(format_args!("  at site {}{group}{protected}", resource.site()));
    for claim in resource.claims() {
        out.line(format_args!("  claims {claim}"));
    }
    list(session, "needs", "needs nothing", needs.iter().map(Reason::need));
    list(session, "needed by", "nothing needs it", needed_by.iter().map(Reason::user));
}

fn list(session: &Session<'_>, heading: &str, none: &str, lines: impl ExactSizeIterator<Item = String>) {
    let out = &session.console.out;
    out.line(format_args!("  {}", if lines.len() == 0 { none } else { heading }));
    lines.for_each(|line| out.line(format_args!("    {line}")));
}

fn now(session: &Session<'_>, item: Option<&Item>) {
    let out = &session.console.out;
    let Some(item) = item else { return out.line("  now: it is as it should be") };
    let refused = if item.refusals().next().is_some() { ", but that is refused" } else { "" };
    out.line(format_args!("  now: deploy would {} it{refused}", item.action));
    item.show(out.palette()).to_string().lines().skip(1).for_each(|line| out.line(format_args!("  {line}")));
}

fn at(resource: ResourceRef<'_>) -> String {
    format!("{}:{}", resource.declared_at().file(), resource.declared_at().line())
}

fn needs(session: &Session<'_>, resource: ResourceRef<'_>) -> Vec<Reason> {
    let reason = |(key, edge): (&str, Edge)| reason(session, key, key, edge, resource.spec());
    resource.needs().into_iter().map(reason).collect()
}

fn needed_by(session: &Session<'_>, resource: ResourceRef<'_>) -> Vec<Reason> {
    let user = |(key, edge): (&str, Edge)| {
        let spec = session.graph.resource(key).map_or(&Tree::Null, |r| r.spec());
        reason(session, key, resource.key(), edge, spec)
    };
    resource.needed_by().into_iter().map(user).collect()
}

/// Names `key`; `spec` is the spec of whoever needs `needed`.
fn reason(session: &Session<'_>, key: &str, needed: &str, edge: Edge, spec: &Tree) -> Reason {
    let mut fields = vec![];
    if let (Edge::Uses(field), Some(node)) = (edge, session.graph.id(needed)) {
        used_at("", spec, (node, field), &mut fields);
    }
    Reason { key: key.to_owned(), edge, fields }
}

/// The paths in a spec at which a value of another resource is used.
fn used_at(path: &str, spec: &Tree, target: (NodeId, &str), found: &mut Vec<String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match spec {
        Tree::Map(map) => map.iter().for_each(|(name, value)| used_at(&below(name), value, target, found)),
        Tree::List(items) => {
            items.iter().enumerate().for_each(|(n, value)| used_at(&below(&n.to_string()), value, target, found));
        }
        other => {
            if other.refs().iter().any(|r| (r.node, r.field) == target) {
                found.push(path.to_owned());
            }
        }
    }
}
