//! `secret`: what is set and where, and the encrypted store.
use super::{
    args::SecretVerb,
    exit::Exit,
    import,
    session::Session,
    stop::{Problem, Stop, did_you_mean},
};
use crate::{
    SecretValue,
    lock::RunLock,
    plan::similar,
    secret::{OnePassword, SecretError, is_name, names_of},
    store::StoreError,
    units::to_the_minute,
};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    fs,
    io::Read,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

pub(super) fn run(session: &Session<'_>, verb: &SecretVerb) -> Result<Exit, Stop> {
    match verb {
        SecretVerb::List(json) => list(session, json.json),
        SecretVerb::Set { name } => set(session, name),
        SecretVerb::Get { name, show } => get(session, name, *show),
        SecretVerb::Remove { name } => remove(session, name),
        SecretVerb::Import { file } => import(session, file),
    }
}

/// One line of the list.
#[derive(Serialize)]
struct Row {
    /// All its names, the first first.
    names: Vec<String>,
    #[serde(flatten)]
    set: Option<Place>,
}

/// Where a secret is set.
#[derive(Serialize)]
#[serde(tag = "in", rename_all = "snake_case")]
enum Place {
    Environment {
        one_password: bool,
    },
    File {
        path: PathBuf,
        one_password: bool,
    },
    Store {
        since: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        made_by: Option<String>,
        one_password: bool,
    },
}

impl Place {
    fn find(session: &Session<'_>, names: &[String]) -> Option<Place> {
        if let Some(found) = session.env.find(names.iter().map(String::as_str)) {
            let one_password = OnePassword::is_reference(found.value.expose());
            return Some(match found.origin {
                crate::env::Origin::Process => Place::Environment { one_password },
                crate::env::Origin::File(path) => Place::File { path, one_password },
            });
        }
        let vault = session.secrets.vault()?;
        let kept = names.iter().find_map(|name| vault.kept(name))?;
        let one_password = vault.get(&kept.name).is_some_and(|value| OnePassword::is_reference(value.expose()));
        Some(Place::Store { since: kept.at, made_by: kept.by, one_password })
    }

    fn in_words(&self) -> String {
        let (place, one_password) = match self {
            Place::Environment { one_password } => ("from the environment".to_owned(), one_password),
            Place::File { path, one_password } => (format!("from {}", path.display()), one_password),
            Place::Store { since, made_by, one_password } => {
                let by = made_by.as_ref().map(|key| format!(", made by {key}")).unwrap_or_default();
                (format!("in the store since {}{by}", to_the_minute(since)), one_password)
            }
        };
        if *one_password { format!("{place}, a reference to 1Password") } else { place }
    }
}

/// The names that the lab's code has and those in the store; those of one secret together.
fn names(session: &Session<'_>) -> BTreeSet<Vec<String>> {
    let split = |names: &str| names_of(names).map(str::to_owned).collect::<Vec<_>>();
    let credentials = session.sites.credentials().map(|secret| split(&secret.to_string()));
    let specs = session.graph.resources().flat_map(|r| r.spec().secrets()).map(split);
    let mut names: BTreeSet<Vec<String>> = credentials.chain(specs).collect();
    for kept in session.secrets.vault().iter().flat_map(|vault| vault.list()) {
        if !names.iter().flatten().any(|name| *name == kept.name) {
            names.insert(vec![kept.name]);
        }
    }
    names
}

fn list(session: &Session<'_>, json: bool) -> Result<Exit, Stop> {
    let rows = names(session).into_iter().map(|names| Row { set: Place::find(session, &names), names });
    let rows: Vec<Row> = rows.collect();
    if json {
        session.print_json(&rows);
        return Ok(Exit::Done);
    }
    let out = &session.console.out;
    let width = rows.iter().map(|row| row.names.join(" or ").len()).max().unwrap_or(0);
    for row in &rows {
        let place = row.set.as_ref().map_or("not set".to_owned(), Place::in_words);
        let place = if row.set.is_some() { place } else { out.palette().paint("2", place) };
        out.line(format_args!("{:width$}  {place}", row.names.join(" or ")));
    }
    if rows.is_empty() {
        out.line("the lab asks for no secrets, and the store is empty");
    }
    Ok(Exit::Done)
}

fn get(session: &Session<'_>, name: &str, show: bool) -> Result<Exit, Stop> {
    check(name)?;
    let all = names(session);
    let alike = all.iter().find(|names| names.iter().any(|n| n == name)).cloned().unwrap_or(vec![name.to_owned()]);
    let Some(place) = Place::find(session, &alike) else {
        let known = all.iter().flatten().map(String::as_str);
        let missing = SecretError::Missing { names: alike.join(" or ") };
        let hint = match similar(name, known.filter(|known| *known != name)) {
            alike if alike.is_empty() || all.iter().flatten().any(|n| n == name) => missing.hint(),
            alike => did_you_mean(&alike),
        };
        return Err(Stop::usage(missing.to_string(), hint));
    };
    if show {
        session.console.out.reveal(&session.secrets.resolve_printed(&alike.join(" or "))?);
    } else {
        session.console.out.line(format_args!("{name} is {}; `--show` prints it", place.in_words()));
    }
    Ok(Exit::Done)
}

fn set(session: &Session<'_>, name: &str) -> Result<Exit, Stop> {
    check(name)?;
    let value = if session.can_answer {
        let typed = (session.ask_hidden)(&format!("Value of {name} (it is not shown): "));
        typed.map_err(|e| Stop::usage(format!("cannot ask for the value of {name}: {e}"), "pipe it in"))?
    } else {
        read_all(session)?.to_string()
    };
    let value = Zeroizing::new(value);
    let value = value.strip_suffix('\n').unwrap_or(&value);
    let value = value.strip_suffix('\r').unwrap_or(value);
    if value.is_empty() {
        return Err(Stop::usage(
            format!("the value of {name} is empty"),
            "type it on a terminal, or pipe it in: `... | lab secret set NAME`",
        ));
    }
    keep(session, "secret set", &[(name.to_owned(), value.into())])
}

fn remove(session: &Session<'_>, name: &str) -> Result<Exit, Stop> {
    check(name)?;
    let kept = session.secrets.vault().and_then(|vault| vault.kept(name));
    let Some(kept) = kept else {
        let all = session.secrets.vault().map(crate::secret::Vault::list).unwrap_or_default();
        let near = similar(name, all.iter().map(|kept| kept.name.as_str()));
        let hint = match session.env.find([name]) {
            Some(found) => format!("it comes from {}: remove it there", found.origin),
            None if near.is_empty() => "`secret list` shows what there is".to_owned(),
            None => did_you_mean(&near),
        };
        return Err(Stop::usage(format!("the store has no secret {name}"), hint));
    };
    let _lock = RunLock::take(&session.state.lock(), "secret remove").map_err(StoreError::from)?;
    session.secrets.forget_named(name)?;
    session.console.out.line(format_args!("{name} is removed from the store"));
    if let Some(key) = kept.by {
        session.console.warn(&format!("{key} made it, and what it opens is still there"));
    }
    Ok(Exit::Done)
}

fn import(session: &Session<'_>, file: &Path) -> Result<Exit, Stop> {
    let (text, shown) = if file == Path::new("-") {
        (read_all(session)?, "standard input".to_owned())
    } else {
        let path = session.dir.join(file);
        let text = fs::read_to_string(&path).map_err(|e| {
            Stop::usage(format!("cannot read {}: {e}", path.display()), "name a text file, or `-` for standard input")
        })?;
        (Zeroizing::new(text), path.display().to_string())
    };
    let found = import::parse(&text).map_err(|wrong| Stop::usage(format!("{shown}: {}", wrong.message), wrong.hint))?;
    keep(session, "secret import", &found)
}

/// Keeps them, and says what was done by name.
fn keep(session: &Session<'_>, verb: &str, values: &[(String, SecretValue)]) -> Result<Exit, Stop> {
    session.state.create()?;
    let _lock = RunLock::take(&session.state.lock(), verb).map_err(StoreError::from)?;
    let (secrets, out) = (&session.secrets, &session.console.out);
    let before: Vec<bool> =
        values.iter().map(|(name, _)| secrets.vault().is_some_and(|vault| vault.kept(name).is_some())).collect();
    let made = secrets.keep_all(values.iter().map(|(name, value)| (name.as_str(), value)), None)?;
    for ((name, _), was_there) in values.iter().zip(before) {
        out.line(format_args!("{name} is {} in the store", if was_there { "replaced" } else { "kept" }));
        if let Some(found) = session.env.find([name.as_str()]) {
            session.console.warn(&format!("{name} is also set in {}, which comes first", found.origin));
        }
        let known = names(session);
        let others = known.iter().flatten().map(String::as_str).filter(|other| other != name);
        let near = similar(name, others);
        let asked = session.asks_for(name);
        if !asked && !near.is_empty() {
            session
                .console
                .warn(&format!("no resource of this lab says that it needs {name}; {}", did_you_mean(&near)));
        }
    }
    if let Some(warning) = secrets.new_identity().filter(|_| made) {
        session.console.warn(&warning);
    }
    Ok(Exit::Done)
}

impl Session<'_> {
    /// Whether the lab's code names a secret.
    fn asks_for(&self, name: &str) -> bool {
        self.sites.credentials().any(|secret| secret.names().any(|n| n == name))
            || self.graph.resources().any(|r| r.spec().secrets().iter().any(|s| names_of(s).any(|n| n == name)))
    }
}

fn check(name: &str) -> Result<(), Stop> {
    if is_name(name) {
        return Ok(());
    }
    Err(Stop::usage(
        "that cannot be the name of a secret",
        "a name is made of letters, digits and `_`; the value is typed or piped in, so that no history keeps it",
    ))
}

/// All of standard input.
fn read_all(session: &Session<'_>) -> Result<Zeroizing<String>, Stop> {
    let mut text = Zeroizing::new(String::new());
    let read = session.stdin.take().map(|mut stdin| stdin.read_to_string(&mut text)).transpose();
    read.map_err(|e| {
        Stop::new(Exit::Usage, Problem::new(format!("cannot read standard input: {e}")).hint("it must be UTF-8 text"))
    })?;
    Ok(text)
}
