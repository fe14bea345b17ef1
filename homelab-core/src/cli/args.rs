//! The command line as it is written: verbs, flags, help.
use super::{
    exit,
    extra::{CommonArgs, StatusArgs, Wanted},
};
use crate::plan::{Goal, Selection, Wishes};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Plans, deploys and looks after this lab, which is written in Rust.
///
/// The lab's code says what there should be; every verb compares that with what is there. Without any credentials everything runs
/// against simulated systems, in the sandbox.
#[derive(Debug, Parser)]
#[command(after_help = exit::TABLE, max_term_width = 100, disable_help_subcommand = true)]
pub(super) struct Line {
    #[command(flatten)]
    pub(super) globals: Globals,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Globals {
    /// Use simulated systems, whatever credentials there are
    #[arg(long, global = true, conflicts_with = "live")]
    pub(super) sandbox: bool,
    /// Use the real systems; an error if credentials are missing
    #[arg(long, global = true)]
    pub(super) live: bool,
    /// When to print in colour; `auto` is on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: When,
    /// Say more: where the state lies, what stays as it is, all lines of a failure
    #[arg(short, long, global = true)]
    pub(super) verbose: bool,
    /// Where the lab keeps what it remembers [default: HOMELAB_STATE, else `.homelab` at the root of the project]
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Show what deploy would do; changes nothing
    #[command(after_help = "\
Examples:
  plan                                    what would be done
  plan --only proxmox/vm/web              ... for one guest and what it needs
  plan --out friday.plan                  ... kept, to be carried out by `deploy friday.plan`
  plan --detailed-exitcode                exit code 2 if anything would be done")]
    Plan(PlanArgs),
    /// The plan, with exit code 2 if anything differs
    #[command(after_help = "Example:\n  drift || mail -s 'the lab has drifted' me")]
    Drift(PlanArgs),
    /// Make the world as the lab says
    #[command(after_help = "\
Examples:
  deploy                                  show the plan, ask, carry it out
  deploy --yes --only stacks              one group, without asking
  deploy friday.plan                      exactly this plan, or nothing if anything moved meanwhile
  deploy --allow-destroy truenas/pool/old let go of one protected thing, by name

Ctrl-C once: what runs is finished, nothing new is begun. Twice: what runs is left to the next run.")]
    Deploy(DeployArgs),
    /// Delete everything that the lab owns, in reverse order
    #[command(after_help = "\
Examples:
  destroy                                 show what goes, ask for the lab's name, delete it
  destroy --only proxmox/vm/web           one guest and what needs it")]
    Destroy(DestroyArgs),
    /// Draw the lab: arrows run from a resource to what needs it
    #[command(after_help = "\
Examples:
  graph --out lab.svg                     a picture; the format follows the file's name
  graph --format mermaid                  for Markdown")]
    Graph(GraphArgs),
    /// Tell all about one resource: what it needs, what needs it, where it is declared, what would change and why
    #[command(after_help = "Example:\n  why proxmox/vm/web")]
    Why(WhyArgs),
    /// List the resources of the lab and what the ledger knows of them
    List(Json),
    /// Print what is observed of the resources: addresses, numbers, names
    #[command(after_help = "\
Examples:
  output                                  everything
  output proxmox/vm/web                   of one resource
  ssh root@$(output proxmox/vm/web.ip)    one bare value, for scripts")]
    Output(OutputArgs),
    /// Look at what the program needs: memory, credentials, keys, machines; with the way out for each
    Doctor,
    /// Ask every machine of the lab whether it answers, how fast, and what it is
    Ping(Json),
    /// Run a command on a machine of the lab
    #[command(after_help = "\
Examples:
  exec web -- uptime
  exec host/computer/din -- systemctl status ssh")]
    Exec(ExecArgs),
    /// Log in to a machine of the lab
    Ssh {
        /// The machine: its key, or its name
        host: String,
    },
    /// Print the machines of the lab for other tools
    #[command(after_help = "Example:\n  inventory --ansible > hosts.ini")]
    Inventory(InventoryArgs),
    /// Print the beginning of a module that declares a resource
    #[command(after_help = "\
Example:
  new vm web > lab/src/web.rs             then call it from `lab()`")]
    New {
        /// What: `vm`; an unknown word lists what there is
        what: String,
        /// Its name
        name: String,
    },
    /// Tell how the systems are: health, room, last backups
    #[command(after_help = "\
Examples:
  status                                  of all systems that can tell
  status truenas                          of one kind, or of one site by its name")]
    Status(StatusArgs),
    /// Check that the systems do what they are there for, beyond what a plan compares
    #[command(after_help = "Example:\n  verify truenas")]
    Verify(CommonArgs),
    /// A verb that a site brings
    #[command(skip)]
    Extra(Wanted),
    /// What the lab remembers: its ledger
    #[command(subcommand)]
    State(State),
    /// Secrets: what is set and where, and the encrypted store
    #[command(
        subcommand,
        long_about = "\
Secrets: what is set and where, and the encrypted store.

A secret is looked for in the environment, in the file .env, and in the lab's store, a file of age in its state directory, in \
this order. The store is opened by the identity in HOMELAB_AGE_IDENTITY, else ~/.config/homelab/identity.txt, which is made when \
it is first needed: keep a copy of it. A value op://VAULT/ITEM/FIELD, in any of them, is read from 1Password. The sandbox has a \
store of its own (--sandbox)."
    )]
    Secret(SecretVerb),
    /// The simulated systems
    #[command(subcommand)]
    Sandbox(SandboxVerb),
    /// Print a completion script for a shell
    #[command(after_help = "Example:\n  source <(lab completions bash)")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(super) struct Json {
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// What part of the lab, and what is allowed there.
#[derive(Debug, Args)]
pub(super) struct Scope {
    /// Only these, and what they need (destroy: what needs them): keys, kinds, groups, `*` in a part of one
    #[arg(long, value_name = "SELECTOR", value_delimiter = ',')]
    pub(super) only: Vec<String>,
    /// All but these
    #[arg(long, value_name = "SELECTOR", value_delimiter = ',')]
    pub(super) except: Vec<String>,
    /// Take over what exists already and was not made by this lab
    #[arg(long)]
    pub(super) adopt: bool,
    /// Let go of this one although it is protected or holds data; can be given more than once
    #[arg(long, value_name = "KEY")]
    pub(super) allow_destroy: Vec<String>,
}

impl Scope {
    pub(super) fn wishes(&self, goal: Goal) -> Wishes {
        Wishes {
            goal,
            selection: Selection::new(self.only.clone(), self.except.clone()),
            adopt: self.adopt,
            allow_destroy: self.allow_destroy.iter().cloned().collect(),
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Keep the plan in this file, for `deploy FILE`
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Exit with 2 if anything would be done
    #[arg(long)]
    pub(super) detailed_exitcode: bool,
    /// Plan to delete everything that the lab owns
    #[arg(long)]
    pub(super) destroy: bool,
    #[command(flatten)]
    pub(super) scope: Scope,
    #[command(flatten)]
    pub(super) json: Json,
}

/// How a plan is carried out.
#[derive(Debug, Args)]
pub(super) struct Manner {
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
    /// How many steps run at once; those inside one machine count as one
    #[arg(long, value_name = "N", default_value_t = crate::engine::PARALLEL as u16, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) parallel: u16,
    /// Print what happens as JSON, one object a line
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DeployArgs {
    /// A plan that `plan --out` kept
    #[arg(conflicts_with_all = ["only", "except", "adopt", "allow_destroy"])]
    pub(super) planfile: Option<PathBuf>,
    #[command(flatten)]
    pub(super) scope: Scope,
    #[command(flatten)]
    pub(super) manner: Manner,
}

#[derive(Debug, Args)]
pub(super) struct DestroyArgs {
    #[command(flatten)]
    pub(super) scope: Scope,
    #[command(flatten)]
    pub(super) manner: Manner,
}

#[derive(Debug, Args)]
pub(super) struct GraphArgs {
    /// What to draw [default: by the name of --out, else dot]
    #[arg(long)]
    pub(super) format: Option<Format>,
    /// Write it to this file
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Graphviz
    Dot,
    /// A diagram in Markdown
    Mermaid,
    /// A picture
    Svg,
    /// Nodes and edges, for programs
    Json,
}

#[derive(Debug, Args)]
pub(super) struct ExecArgs {
    /// The machine: its key, or its name
    pub(super) host: String,
    /// The program and its arguments; no shell takes them apart
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(super) command: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct InventoryArgs {
    /// As an inventory of Ansible
    #[arg(long, required = true)]
    pub(super) ansible: bool,
}

#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// The resource: `proxmox/vm/web`
    pub(super) key: String,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Debug, Args)]
pub(super) struct OutputArgs {
    /// A resource, or one field of it
    #[arg(value_name = "KEY[.FIELD]")]
    pub(super) what: Option<String>,
    #[command(flatten)]
    pub(super) json: Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum State {
    /// Print the ledger: what the lab owns, and where
    Show(Json),
    /// Drop a resource from the ledger; the thing itself stays as it is
    #[command(after_help = "\
A thing that bears the lab's mark and is still in the code is recognised again by the next run.

Example:
  state forget proxmox/vm/old")]
    Forget {
        /// The resource: `proxmox/vm/old`
        key: String,
    },
    /// Make a lost or damaged ledger anew from the marks that the things themselves bear
    Rebuild(Json),
}

impl Verb {
    /// Whether it connects to the systems.
    pub(super) fn looks(&self) -> bool {
        matches!(
            self,
            Verb::Plan(_)
                | Verb::Drift(_)
                | Verb::Deploy(_)
                | Verb::Destroy(_)
                | Verb::Why(_)
                | Verb::Output(_)
                | Verb::Doctor
                | Verb::Ping(_)
                | Verb::Exec(_)
                | Verb::Ssh { .. }
                | Verb::Inventory(_)
                | Verb::State(State::Rebuild(_))
        )
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum SecretVerb {
    /// List the secrets that the lab asks for and those in the store: where each is set and since when, never a value
    List(Json),
    /// Keep a value in the store, encrypted; it is asked for, or read from standard input
    #[command(after_help = "\
Examples:
  secret set PROXMOX_TOKEN_SECRET
  pass show proxmox | lab secret set PROXMOX_TOKEN_SECRET")]
    Set {
        /// Its name
        name: String,
    },
    /// Tell where a secret is set; print it only with --show
    Get {
        /// Its name
        name: String,
        /// Print the value
        #[arg(long)]
        show: bool,
    },
    /// Remove a secret from the store
    Remove {
        /// Its name
        name: String,
    },
    /// Keep all secrets of a file: variables of Ansible (YAML, not encrypted), or lines NAME=value
    #[command(after_help = "\
A nested variable is named with its outer ones: `proxmox: {token: x}` is proxmox_token.

Example:
  ansible-vault view group_vars/all/vault.yml | lab secret import -")]
    Import {
        /// The file; `-` is standard input
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum SandboxVerb {
    /// Throw the simulated systems away, and what the lab remembers of them
    Reset,
}
