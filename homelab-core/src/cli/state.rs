//! `state`: what the lab remembers of what it owns.
use super::{
    args,
    exit::Exit,
    session::Session,
    stop::{Stop, named},
    world::{World, unless_pressed},
};
use crate::{
    Owner,
    ledger::Ledger,
    report::Silent,
    store::{Memory, Store},
    units::to_the_minute,
};
use serde_json::json;

pub(super) fn run(session: &Session<'_>, verb: &args::State) -> Result<Exit, Stop> {
    match verb {
        args::State::Show(json) => show(session, json.json),
        args::State::Forget { key } => forget(session, key),
        args::State::Rebuild(json) => rebuild(session, json.json),
    }
}

fn show(session: &Session<'_>, json: bool) -> Result<Exit, Stop> {
    let memory = session.peek()?;
    if json {
        session.print_json(&memory.ledger);
        return Ok(Exit::Done);
    }
    let out = &session.console.out;
    let ledger = &memory.ledger;
    let width = ledger.entries.keys().map(|k| k.chars().count()).max().unwrap_or(0);
    for (key, entry) in &ledger.entries {
        let id = entry.id.as_str().map_or_else(|| entry.id.to_string(), str::to_owned);
        let protected = if entry.protected { ", protected" } else { "" };
        out.line(format_args!("{key:width$}  at {}, since {}, {id}{protected}", entry.site, to_the_minute(&entry.at)));
        entry.data.iter().for_each(|data| out.line(format_args!("{:width$}  holds {data}", "")));
    }
    for maybe in &memory.maybe {
        out.line(format_args!("{}: {} was begun by a run that did not end", maybe.key, maybe.action));
    }
    if ledger.entries.is_empty() && memory.maybe.is_empty() {
        out.line("the ledger is empty: the lab owns nothing yet");
    }
    Ok(Exit::Done)
}

fn forget(session: &Session<'_>, key: &str) -> Result<Exit, Stop> {
    let peeked = Store::peek(session.state.path(), session.graph.lab())?;
    session.check_key(key, &peeked)?;
    let owned = peeked.ledger.entries.contains_key(key) || peeked.ledger.left.contains_key(key);
    if !owned && !peeked.maybe.iter().any(|m| m.key == key) {
        session.console.out.line(format_args!("the ledger has nothing of {key}"));
        return Ok(Exit::Done);
    }
    let redactor = session.secrets.redactor().clone();
    let (store, memory) = Store::open(session.state.path(), session.graph.lab(), "state forget", redactor)?;
    store.forget(key, &memory)?;
    session.console.out.line(format_args!("{key} is forgotten; the thing itself stays as it is"));
    Ok(Exit::Done)
}

fn rebuild(session: &Session<'_>, json: bool) -> Result<Exit, Stop> {
    session.state.create()?;
    let (rebuild, memory) = Store::rebuild(session.state.path(), session.graph.lab(), "state rebuild")?;
    let found = session.block_on(async |interrupt| {
        let world = session.connect(interrupt).await?;
        let marked = async { Ok(world.engine(&Silent).survey().await?) };
        let entries = unless_pressed(&world.interrupt, marked).await?;
        let mut ledger = Ledger { entries, ..Ledger::empty(session.graph.lab()) };
        let nothing = Memory::empty(session.graph.lab());
        let unmarkable = unmarkable(&world, memory.as_ref().unwrap_or(&nothing), &mut ledger).await?;
        Ok((ledger, unmarkable))
    });
    let (ledger, Unmarkable { kept, nobodys }) = found?;
    let keys: Vec<String> = ledger.entries.keys().cloned().collect();
    let before = memory.map(|m| m.ledger.entries).unwrap_or_default();
    let gone: Vec<String> = before.into_keys().filter(|key| !keys.contains(key)).collect();
    let aside = rebuild.finish(ledger)?;
    if json {
        let aside: Vec<String> = aside.iter().map(|p| p.display().to_string()).collect();
        session
            .print_json(&json!({ "owned": keys, "kept": kept, "unowned": nobodys, "dropped": gone, "damaged": aside }));
        return Ok(Exit::Done);
    }
    let out = &session.console.out;
    out.line(format_args!("the ledger has {} now", counted(keys.len())));
    keys.iter().for_each(|key| out.line(format_args!("  {key}")));
    if !kept.is_empty() {
        out.line(format_args!("kept from the old one, because they can bear no mark: {}", named(&kept)));
    }
    if !nobodys.is_empty() {
        let keys = named(&nobodys);
        out.line(format_args!("there, but able to bear no mark, so `deploy --adopt` must take them over: {keys}"));
    }
    if !gone.is_empty() {
        out.line(format_args!("not there any more: {}", gone.join(", ")));
    }
    for path in aside {
        out.line(format_args!("the damaged file is kept as {}", path.display()));
    }
    Ok(Exit::Done)
}

/// Things that can bear no mark.
struct Unmarkable {
    /// What the old ledger has and is still there: it stays ours.
    kept: Vec<String>,
    /// What the code has and is there, and of which nobody knows whose it is.
    nobodys: Vec<String>,
}

async fn unmarkable(world: &World<'_>, memory: &Memory, ledger: &mut Ledger) -> Result<Unmarkable, Stop> {
    let known = world.observe(memory, None).await?;
    let graph = &world.session.graph;
    let in_code = graph.ids().map(|id| (graph.key(id), known.facts.get(id)));
    let strays = known.strays.iter().map(|s| (s.key.as_str(), s.seen.as_ref()));
    let mut found = Unmarkable { kept: vec![], nobodys: vec![] };
    for (key, seen) in in_code.chain(strays) {
        let Some(seen) = seen.filter(|seen| seen.owner == Owner::Unmarkable) else { continue };
        match memory.ledger.entries.get(key).filter(|entry| entry.id == seen.id) {
            Some(entry) => {
                ledger.entries.insert(key.to_owned(), entry.clone());
                found.kept.push(key.to_owned());
            }
            None => found.nobodys.push(key.to_owned()),
        }
    }
    Ok(found)
}

fn counted(n: usize) -> String {
    match n {
        0 => "nothing".to_owned(),
        1 => "one thing".to_owned(),
        n => format!("{n} things"),
    }
}
