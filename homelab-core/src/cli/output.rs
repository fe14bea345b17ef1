//! `output`: what is observed of the resources, for people and for scripts.
use super::{
    args::OutputArgs,
    exit::Exit,
    session::Session,
    stop::{Problem, Stop},
};
use crate::{Tree, graph::ResourceRef, plan::Known};
use serde_json::{Map, Value};

/// What is asked for.
struct Wanted<'a> {
    key: &'a str,
    field: Option<&'a str>,
}

pub(super) fn run(session: &Session<'_>, args: &OutputArgs) -> Result<Exit, Stop> {
    let memory = session.peek()?;
    let wanted = args.what.as_deref().map(|what| wanted(session, what)).transpose()?;
    let known = session.block_on(async |interrupt| session.connect(interrupt).await?.observe(&memory, None).await)?;
    match wanted {
        Some(Wanted { key, field: Some(field) }) => one(session, &known, key, field, args.json.json)?,
        Some(Wanted { key, field: None }) => several(session, &known, Some(key), args.json.json),
        None => several(session, &known, None, args.json.json),
    }
    Ok(Exit::Done)
}

/// Names of resources may hold dots, so the longest key that fits counts.
fn wanted<'a>(session: &Session<'_>, what: &'a str) -> Result<Wanted<'a>, Stop> {
    let ends = what.match_indices('.').map(|(at, _)| at).rev();
    let splits = std::iter::once((what, None)).chain(ends.map(|at| (&what[..at], Some(&what[at + 1..]))));
    for (key, field) in splits {
        if session.graph.resource(key).is_some() {
            return Ok(Wanted { key, field });
        }
    }
    let keys = session.graph.resources().map(|r| r.key());
    Err(Stop::unknown_key(
        what,
        session.graph.lab(),
        &crate::plan::similar(what.split('.').next().unwrap_or(what), keys),
    ))
}

fn state<'k>(session: &Session<'_>, known: &'k Known, key: &str) -> Option<&'k Tree> {
    session.graph.id(key).and_then(|id| known.facts.get(id)).map(|seen| seen.tree.as_ref())
}

fn one(session: &Session<'_>, known: &Known, key: &str, field: &str, json: bool) -> Result<(), Stop> {
    let refused = |message: String, hint: &str| Stop::new(Exit::Refused, Problem::new(message).hint(hint));
    let Some(state) = state(session, known, key) else {
        return Err(refused(format!("{key}.{field} is not known: {key} does not exist yet"), "`deploy` makes it"));
    };
    let value = field.split('.').try_fold(state, Tree::get);
    match value {
        None => {
            let fields: Vec<&str> = state.fields().map(|(name, _)| name).collect();
            Err(Stop::usage(format!("{key} has no field `{field}`"), format!("it has {}", fields.join(", "))))
        }
        Some(Tree::Null) if !json => {
            Err(refused(format!("{key}.{field} is not known: the field is empty"), "`why` shows where it is used"))
        }
        Some(value) if json => {
            session.print_json(value);
            Ok(())
        }
        Some(value) => {
            session.console.out.line(value);
            Ok(())
        }
    }
}

fn several(session: &Session<'_>, known: &Known, only: Option<&str>, json: bool) {
    let chosen: Vec<ResourceRef<'_>> =
        session.graph.resources().filter(|r| only.is_none_or(|key| key == r.key())).collect();
    if json {
        let of =
            |r: &ResourceRef<'_>| (r.key().to_owned(), state(session, known, r.key()).map_or(Value::Null, Value::from));
        let all: Map<String, Value> = chosen.iter().map(of).collect();
        return session.print_json(&all);
    }
    let out = &session.console.out;
    for resource in chosen {
        let key = resource.key();
        match state(session, known, key) {
            None => out.line(format_args!("{key}: does not exist yet")),
            Some(state) => {
                out.line(format_args!("{key}:"));
                for (field, value) in state.fields().filter(|(_, v)| **v != Tree::Null) {
                    out.line(format_args!("  {field} = {value}"));
                }
            }
        }
    }
}
