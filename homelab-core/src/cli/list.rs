//! `list`: what the lab declares, and what the ledger knows of it. Looks at nothing else.
use super::{exit::Exit, session::Session, stop::Stop};
use crate::{store::Memory, units::to_the_minute};
use serde::Serialize;
use std::collections::BTreeMap;

/// One line of the list.
#[derive(Serialize)]
struct Row {
    key: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    site: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    protected: bool,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
}

/// What the ledger and the journal say.
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// The ledger has it.
    Made,
    /// The ledger does not have it.
    NotMade,
    /// An interrupted run began something with it.
    Begun,
}

pub(super) fn run(session: &Session<'_>, json: bool) -> Result<Exit, Stop> {
    let rows = rows(session, &session.peek()?);
    if json {
        session.print_json(&rows);
        return Ok(Exit::Done);
    }
    let width = rows.iter().map(|r| r.key.chars().count()).max().unwrap_or(0);
    let mut groups: BTreeMap<(bool, &str), Vec<&Row>> = BTreeMap::new();
    for row in &rows {
        let heading = match (&row.at, &row.group) {
            (None, _) => "not in the code any more",
            (Some(_), group) => group.as_deref().unwrap_or("in no group"),
        };
        groups.entry((row.at.is_none(), heading)).or_default().push(row);
    }
    let out = &session.console.out;
    let palette = out.palette();
    for ((_, heading), mut rows) in groups {
        out.line(palette.paint("1", heading));
        rows.sort_by_key(|r| (&r.kind, &r.key));
        for row in rows {
            let since = row.since.as_deref().map(|at| format!(" since {}", to_the_minute(at))).unwrap_or_default();
            let state = match row.state {
                State::Made => palette.paint("32", format!("made{since}")),
                State::NotMade => palette.paint("2", "not made"),
                State::Begun => palette.paint("33", "begun by a run that did not end"),
            };
            let protected = if row.protected { ", protected" } else { "" };
            out.line(format_args!("  {:width$}  at {}, {state}{protected}", row.key, row.site));
        }
    }
    if rows.is_empty() {
        out.line("the lab is empty");
    }
    Ok(Exit::Done)
}

fn rows(session: &Session<'_>, memory: &Memory) -> Vec<Row> {
    let begun = |key: &str| memory.maybe.iter().any(|m| m.key == key);
    let state = |key: &str| match (begun(key), memory.ledger.entries.contains_key(key)) {
        (true, _) => State::Begun,
        (false, true) => State::Made,
        (false, false) => State::NotMade,
    };
    let since = |key: &str| memory.ledger.entries.get(key).map(|e| e.at.clone());
    let declared = session.graph.resources().map(|r| Row {
        key: r.key().to_owned(),
        kind: r.kind().to_owned(),
        group: r.group().map(str::to_owned),
        site: r.site().to_owned(),
        at: Some(format!("{}:{}", r.declared_at().file(), r.declared_at().line())),
        protected: r.is_protected(),
        state: state(r.key()),
        since: since(r.key()),
    });
    let left = memory.ledger.entries.iter().filter(|(key, _)| session.graph.resource(key).is_none());
    let left = left.map(|(key, entry)| Row {
        key: key.clone(),
        kind: entry.kind.clone(),
        group: None,
        site: entry.site.clone(),
        at: None,
        protected: entry.protected,
        state: state(key),
        since: Some(entry.at.clone()),
    });
    declared.chain(left).collect()
}
