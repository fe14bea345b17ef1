//! Verbs that the sites bring: `status` and `verify` of all of them, and each one's own.
use super::{
    args::Json,
    exit::Exit,
    session::Session,
    stop::{Problem, Stop},
    watch,
    world::World,
};
use crate::{
    SecretValue, Sites, Spelling,
    lock::RunLock,
    store::StoreError,
    verb::{VerbInfo, Words},
};
use clap::{Arg, ArgAction, ArgMatches, Args, Command};
use serde_json::{Map, Value};
use std::{ffi::OsString, sync::Arc};

/// Verbs that the command line has itself, for every site that knows them.
const COMMON: [&str; 2] = ["status", "verify"];

/// Flags that mean the same wherever a verb has them, for the help.
const KNOWN: [(&str, &str); 1] = [("show", "Print the secret itself")];

/// Which systems are asked.
#[derive(Debug, Args)]
pub(super) struct CommonArgs {
    /// A kind of system, or the name of a site
    pub(super) of: Option<String>,
    #[command(flatten)]
    pub(super) json: Json,
}

impl CommonArgs {
    pub(super) fn wanted(&self, name: &str) -> Wanted {
        Wanted { domain: self.of.clone(), name: name.to_owned(), json: self.json.json, ..Wanted::default() }
    }
}

/// The same, and how it is shown.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    pub(super) common: CommonArgs,
    /// Keep looking, and show in place what has changed, until Ctrl-C
    #[arg(long, conflicts_with = "json")]
    pub(super) watch: bool,
}

impl StatusArgs {
    pub(super) fn wanted(&self) -> Wanted {
        Wanted { watch: self.watch, ..self.common.wanted("status") }
    }
}

/// What a person asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    /// `truenas`; all if it is not said.
    pub(super) domain: Option<String>,
    /// `status`, `call`.
    pub(super) name: String,
    /// One of several sites.
    pub(super) site: Option<String>,
    /// What follows.
    pub(super) words: Vec<String>,
    /// Whether a change is agreed to.
    pub(super) yes: bool,
    /// Whether JSON is wanted.
    pub(super) json: bool,
    /// Whether it is asked again and again.
    pub(super) watch: bool,
}

/// Replaces words that stand for a deploy of a part by what they stand for: everything behind them stays as it is.
pub(super) fn spell_out(args: &mut Vec<OsString>, sites: &Sites) {
    let Some(at) = args.iter().skip(1).position(|arg| !arg.to_string_lossy().starts_with('-')).map(|at| at + 1) else {
        return;
    };
    let is = |at: usize, word: &str| args.get(at).is_some_and(|arg| arg == word);
    let Some(found) = sites.spelled_out().find(|s| is(at, s.words[0]) && is(at + 1, s.words[1])) else { return };
    let named = args.get(at + 2).map(|arg| arg.to_string_lossy().into_owned());
    let (part, used) = match named.as_deref() {
        Some("--all") => (found.part.to_owned(), 3),
        Some(name) if !name.starts_with('-') => (format!("{}/{name}", found.part), 3),
        // What it is, is told by the help.
        Some("--help" | "-h") => return,
        _ => (found.part.to_owned(), 2),
    };
    args.splice(at..at + used, ["deploy", "--only", &part].map(OsString::from));
}

/// The command line with the verbs of the sites.
pub(super) fn commands(line: Command, sites: &Sites) -> Command {
    // Two sites of a kind have the same verbs.
    let mut verbs: Vec<VerbInfo> = vec![];
    for verb in sites.verbs().filter(|verb| !COMMON.contains(&verb.name)) {
        if !verbs.iter().any(|known| known.domain == verb.domain && known.name == verb.name) {
            verbs.push(verb);
        }
    }
    let spelled: Vec<&Spelling> = sites.spelled_out().collect();
    let domains = verbs.iter().map(|verb| verb.domain).chain(spelled.iter().map(|spelling| spelling.words[0]));
    let mut domains: Vec<&'static str> = domains.collect();
    domains.sort_unstable();
    domains.dedup();
    domains.into_iter().fold(line, |line, domain| {
        let command = Command::new(domain).subcommand_required(true).arg_required_else_help(true);
        let command =
            verbs.iter().filter(|verb| verb.domain == domain).fold(command, |c, verb| c.subcommand(one(verb)));
        let mut own: Vec<&&Spelling> = spelled.iter().filter(|spelling| spelling.words[0] == domain).collect();
        own.dedup_by_key(|spelling| spelling.words[1]);
        let command = own.into_iter().fold(command, |command, spelling| {
            let deploys = format!("It is `deploy --only {}/NAME`, and takes its flags.", spelling.part);
            let name = Arg::new("name").value_name("NAME").help("Which; all without one, or with `--all`");
            command.subcommand(Command::new(spelling.words[1]).about(spelling.about).after_help(deploys).arg(name))
        });
        let about = about(&command);
        line.subcommand(command.about(about))
    })
}

/// What a word says of the verbs behind it: what the only one does, or their names.
fn about(command: &Command) -> String {
    let verbs: Vec<&Command> = command.get_subcommands().collect();
    match verbs.as_slice() {
        [only] => format!("{}: {}", only.get_name(), only.get_about().map(ToString::to_string).unwrap_or_default()),
        verbs => verbs.iter().map(|verb| verb.get_name()).collect::<Vec<_>>().join(", "),
    }
}

fn one(verb: &VerbInfo) -> Command {
    let flag = |name: &'static str, help: &'static str| Arg::new(name).long(name).action(ArgAction::SetTrue).help(help);
    let (follows, _) = split(verb.words);
    let command = Command::new(verb.name)
        .about(verb.about)
        .arg(Arg::new("words").hide(follows.is_empty()).value_name(follows).num_args(0..))
        .arg(Arg::new("site").long("site").value_name("SITE").help("Which site, if the lab has several"))
        .arg(flag("yes", "Agree to a change").short('y'))
        .arg(flag("json", "Print JSON"));
    flags(verb.words).fold(command, |command, name| {
        let help = KNOWN.iter().find(|(known, _)| *known == name).map_or("", |(_, help)| help);
        command.arg(flag(name, help))
    })
}

/// What a verb says of what follows it: words, and then its flags.
fn split(words: &'static str) -> (&'static str, &'static str) {
    let (before, flags) = words.split_at(words.find("[--").unwrap_or(words.len()));
    (before.trim_end(), flags)
}

/// The flags of a verb, without the dashes.
fn flags(words: &'static str) -> impl Iterator<Item = &'static str> {
    split(words).1.split_whitespace().map(|flag| flag.trim_matches(['[', ']', '-']))
}

/// What was asked for, if it is a verb of a site.
pub(super) fn wanted(matches: &ArgMatches, sites: &Sites) -> Option<Wanted> {
    let (domain, inner) = matches.subcommand()?;
    let (name, given) = inner.subcommand()?;
    let verb = sites.verbs().find(|verb| verb.domain == domain && verb.name == name)?;
    let given_flags = flags(verb.words).filter(|flag| given.get_flag(flag)).map(|flag| format!("--{flag}"));
    Some(Wanted {
        domain: Some(domain.to_owned()),
        name: name.to_owned(),
        site: given.get_one::<String>("site").cloned(),
        words: given.get_many::<String>("words").into_iter().flatten().cloned().chain(given_flags).collect(),
        yes: given.get_flag("yes"),
        json: given.get_flag("json"),
        watch: false,
    })
}

/// Runs a verb at every site that is meant; those of a domain alone need to be one.
pub(super) fn run(session: &Session<'_>, wanted: &Wanted) -> Result<Exit, Stop> {
    let verbs = meant(session, wanted)?;
    // What changes something may keep something in the lab's store.
    let _lock = match wanted.yes {
        true => {
            session.state.create()?;
            Some(RunLock::take(&session.state.lock(), &wanted.name).map_err(StoreError::from)?)
        }
        false => None,
    };
    session.block_on(async |interrupt| {
        let world = session.connect(interrupt).await?;
        if wanted.watch {
            return watch::until_pressed(session, &world.interrupt, async || round(&world, wanted, &verbs).await).await;
        }
        let Round { lines, reveal, wrong, values } = round(&world, wanted, &verbs).await?;
        if !wanted.json {
            lines.iter().for_each(|line| session.console.out.line(line));
        }
        reveal.iter().for_each(|secret| session.console.out.reveal(secret));
        wrong.iter().for_each(|line| session.console.warn(line));
        if wanted.json {
            // Of one site its own; of several each by its name.
            let only = if verbs.len() == 1 { values.values().next().cloned() } else { None };
            session.print_json(&only.unwrap_or_else(|| values.into()));
        }
        Ok(if wrong.is_empty() { Exit::Done } else { Exit::Unsound })
    })
}

/// What all that were asked have to say.
#[derive(Default)]
pub(super) struct Round {
    pub(super) lines: Vec<String>,
    reveal: Vec<SecretValue>,
    pub(super) wrong: Vec<String>,
    values: Map<String, Value>,
}

/// Asks each of them once. What they say meanwhile is told at once.
async fn round(world: &World<'_>, wanted: &Wanted, verbs: &[VerbInfo]) -> Result<Round, Stop> {
    let session = world.session;
    let mut round = Round::default();
    for verb in verbs {
        let (say, mut heard) = tokio::sync::mpsc::unbounded_channel();
        let (secrets, graph) = (session.secrets.clone(), Arc::clone(&session.graph));
        let words = Words::new(wanted.words.clone(), wanted.yes, secrets, graph, say);
        let doing = async {
            let mut doing = std::pin::pin!(session.sites.run_verb(verb, &world.providers, words));
            loop {
                tokio::select! {
                    biased;
                    Some(line) = heard.recv() => session.console.err.line(line),
                    said = &mut doing => {
                        while let Ok(line) = heard.try_recv() {
                            session.console.err.line(line);
                        }
                        return Ok(said?);
                    }
                }
            }
        };
        let said = super::world::unless_pressed(&world.interrupt, doing).await?;
        round.lines.extend(said.lines);
        round.reveal.extend(said.reveal);
        round.wrong.extend(said.wrong.iter().map(|line| format!("{}: {line}", verb.site)));
        round.values.insert(verb.site.to_owned(), said.value);
    }
    Ok(round)
}

fn meant(session: &Session<'_>, wanted: &Wanted) -> Result<Vec<VerbInfo>, Stop> {
    let fits = |verb: &VerbInfo| {
        verb.name == wanted.name
            && wanted.domain.as_deref().is_none_or(|domain| domain == verb.domain || domain == verb.site)
            && wanted.site.as_deref().is_none_or(|site| site == verb.site)
    };
    let all: Vec<VerbInfo> = session.sites.verbs().collect();
    let verbs: Vec<VerbInfo> = all.iter().copied().filter(fits).collect();
    let usage = |text: String, hint: String| Stop::new(Exit::Usage, Problem::new(text).hint(hint));
    let known = |of: fn(&VerbInfo) -> &'static str| {
        let mut names: Vec<&str> = all.iter().filter(|verb| verb.name == wanted.name).map(of).collect();
        names.sort_unstable();
        names.dedup();
        names.join(", ")
    };
    match verbs.len() {
        0 => {
            let text = format!("no site of this lab can be asked for `{}`", wanted.name);
            let domains = known(|verb| verb.domain);
            let hint = if domains.is_empty() {
                "its sites have no such verb".to_owned()
            } else {
                format!("there is: {domains}")
            };
            Err(usage(text, hint))
        }
        1 => Ok(verbs),
        _ if COMMON.contains(&wanted.name.as_str()) => Ok(verbs),
        _ => Err(usage(
            format!("several sites can be asked for `{}`", wanted.name),
            format!("say which: `--site` and one of {}", known(|verb| verb.site)),
        )),
    }
}
