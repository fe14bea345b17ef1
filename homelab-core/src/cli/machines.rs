//! `ping`, `exec`, `ssh`, `inventory`: the machines of the lab that can be logged in to.
use super::{
    args::{ExecArgs, InventoryArgs},
    exit::Exit,
    session::Session,
    stop::{Problem, Stop, did_you_mean},
    world::World,
};
use crate::{
    Failure, Mode, Permit,
    engine::Machine,
    host::{Batch, Command, HOSTS, Hosts, Spot, System, probe},
    plan::similar,
    report::Plain,
};
use futures_util::future::join_all;
use serde::Serialize;
use std::{
    os::unix::process::CommandExt,
    time::{Duration, Instant, SystemTime},
};

/// How far clocks may be apart until it is told, in seconds: certificates and one-time passwords bear that much.
const CLOCK: u64 = 30;

/// What is known of a machine after a look.
#[derive(Serialize)]
struct Row {
    machine: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    millis: Option<f64>,
    /// The machine's clock less ours, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    clock: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    hint: Option<String>,
}

/// Asks every machine, all at once, twice: the second time tells how long an answer takes once one is logged in.
pub(super) fn ping(session: &Session<'_>, json: bool) -> Result<Exit, Stop> {
    let rows = session.block_on(async |interrupt| {
        let world = session.connect(interrupt).await?;
        let machines = machines(&world).await;
        let hosts = world.providers.get(HOSTS).ok();
        Ok(join_all(machines.into_iter().map(|machine| row(machine, hosts))).await)
    })?;
    let all_well = rows.iter().all(|row| row.error.is_none());
    if json {
        session.print_json(&rows);
    } else {
        show(session, &rows);
    }
    Ok(if all_well { Exit::Done } else { Exit::Refused })
}

fn show(session: &Session<'_>, rows: &[Row]) {
    let out = &session.console.out;
    if rows.is_empty() {
        return out.line("no machine of this lab can be logged in to");
    }
    let wide = |cell: fn(&Row) -> &str| rows.iter().map(|r| cell(r).chars().count()).max().unwrap_or(0);
    let (name, at) = (wide(|r| &r.machine), wide(|r| r.at.as_deref().unwrap_or("-")));
    for row in rows {
        let head = format!("{:name$}  {:at$}", row.machine, row.at.as_deref().unwrap_or("-"));
        let palette = out.palette();
        let rest = match (&row.error, &row.system, row.millis) {
            (None, Some(system), Some(millis)) => {
                let clock = match row.clock {
                    Some(apart) if apart.unsigned_abs() > CLOCK => {
                        palette.paint("33", format!("clock {apart:+} s from ours"))
                    }
                    _ => "clock right".into(),
                };
                format!("{}  {millis:.1} ms  {system}  {clock}", palette.paint("32", "up"))
            }
            (Some(error), ..) => format!("{}  {error}", palette.paint("31", "down")),
            _ => palette.paint("2", "not made, or off"),
        };
        out.line(format_args!("{head}  {rest}"));
        if let Some(hint) = &row.hint {
            out.line(format_args!("    hint: {hint}"));
        }
    }
}

async fn row(machine: Machine, hosts: Option<&Hosts>) -> Row {
    let mut row =
        Row { machine: machine.key, at: None, system: None, millis: None, clock: None, error: None, hint: None };
    let spot = match machine.spot {
        Ok(Some(spot)) => spot,
        Ok(None) => return row,
        Err(failure) => {
            (row.error, row.hint) = (Some(failure.message), failure.hint);
            return row;
        }
    };
    row.at = Some(spot.to_string());
    match asked(&spot, hosts).await {
        Ok((system, took)) => {
            let os = |field: &str| system.os.get(field).cloned().unwrap_or_default();
            row.system =
                Some(format!("{} {} {}, Linux {}", system.hostname, os("ID"), os("VERSION_ID"), system.release));
            row.millis = Some(took.as_secs_f64() * 1000.0);
            row.clock = Some(apart(&system));
        }
        Err(failure) => (row.error, row.hint) = (Some(failure.message), failure.hint),
    }
    row
}

/// A machine's clock less ours, in seconds.
fn apart(system: &System) -> i64 {
    let ours = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
    system.clock.cast_signed() - ours.cast_signed()
}

/// What is wrong with a machine's clock, if it is.
pub(super) fn clock(system: &System) -> Option<Problem> {
    let apart = apart(system);
    let wrong = || {
        Problem::new(format!("its clock is {apart:+} s from ours")).hint(
            "look which of the two is wrong with `timedatectl`; `timedatectl set-ntp true` sets a clock by the network, and \
             `TimeSync::on(..)` keeps it so",
        )
    };
    (apart.unsigned_abs() > CLOCK).then(wrong)
}

pub(super) async fn asked(spot: &Spot, hosts: Option<&Hosts>) -> Result<(System, Duration), Failure> {
    let hosts = hosts.ok_or_else(no_hosts)?;
    let mut batch = Batch::new();
    let system = batch.ask(probe::system());
    hosts.ask(spot, &batch).await?;
    let began = Instant::now();
    let replies = hosts.ask(spot, &batch).await?;
    Ok((system.of(&replies)?, began.elapsed()))
}

fn no_hosts() -> Failure {
    Failure::unusable("this lab's sites do not say how machines are logged in to")
        .hint("add `.with(HOSTS, Ssh)` to the sites that `main` hands to the command line")
}

pub(super) async fn machines(world: &World<'_>) -> Vec<Machine> {
    world.engine(&Plain::new(world.session.console.err.clone())).machines().await
}

/// The machine that a person names: by its key, or by its name alone.
async fn find(world: &World<'_>, name: &str) -> Result<Spot, Stop> {
    let graph = &world.session.graph;
    let machines = machines(world).await;
    let named = |m: &&Machine| m.key == name || graph.resource(&m.key).is_some_and(|r| r.name() == name);
    let Some(machine) = machines.iter().find(named) else {
        let keys = machines.iter().map(|m| m.key.as_str());
        return Err(Stop::usage(
            format!("no machine of this lab is called `{name}`"),
            did_you_mean(&similar(name, keys)),
        ));
    };
    match &machine.spot {
        Ok(Some(spot)) => Ok(spot.clone()),
        Ok(None) => Err(Stop::new(
            Exit::Refused,
            Problem::new(format!("{} is not made yet, or is off", machine.key)).hint("`deploy` makes and starts it"),
        )),
        Err(failure) => Err(failure.clone().into()),
    }
}

/// Runs a command on a machine and says what it says; with its status, if that can be told from ours.
pub(super) fn exec(session: &Session<'_>, args: &ExecArgs) -> Result<Exit, Stop> {
    let output = session.block_on(async |interrupt| {
        let world = session.connect(interrupt).await?;
        let spot = find(&world, &args.host).await?;
        let hosts = world.providers.get(HOSTS).map_err(|_| Stop::from(no_hosts()))?;
        let (program, rest) = args.command.split_first().unwrap_or((&args.host, &[]));
        // Whoever types a command has agreed to it.
        let permit = Permit::granted();
        let mut batch = Batch::new();
        let said = batch.run(&permit, Command::new(program).args(rest));
        let replies = hosts.run(&permit, &spot, &batch).await.map_err(Stop::from)?;
        said.of(&replies).map_err(|why| Stop::from(Failure::from(why)))
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    session.console.out.text(text(&output.stdout));
    session.console.err.text(text(&output.stderr));
    if output.is_success() {
        return Ok(Exit::Done);
    }
    Err(Stop::new(
        Exit::Refused,
        Problem::new(format!("`{}` ended with status {}", args.command.join(" "), output.status)),
    ))
}

/// Logs in with the system's own ssh, to where the lab says.
pub(super) fn ssh(session: &Session<'_>, host: &str) -> Result<Exit, Stop> {
    if session.mode == Mode::Sandbox {
        let why = "a simulated machine has no terminal to log in to";
        return Err(Stop::usage(why, format!("`exec {host} -- COMMAND` runs a command on it")));
    }
    let spot = session.block_on(async |interrupt| find(&session.connect(interrupt).await?, host).await)?;
    let why = std::process::Command::new("ssh").args(spot.terminal()).exec();
    Err(Stop::new(Exit::Refused, Problem::new(format!("cannot start ssh: {why}")).hint("install OpenSSH's client")))
}

/// How Ansible enters a container through its node.
const PCT: &str = "community.proxmox.proxmox_pct_remote";

/// The machines as Ansible wants them: a way out.
pub(super) fn inventory(session: &Session<'_>, _: &InventoryArgs) -> Result<Exit, Stop> {
    let machines = session.block_on(async |interrupt| Ok(machines(&session.connect(interrupt).await?).await))?;
    let out = &session.console.out;
    out.line("[lab]");
    for machine in machines {
        let Ok(Some(spot)) = machine.spot else {
            out.line(format_args!("# {} is not made yet, or does not answer", machine.key));
            continue;
        };
        let name = session.graph.resource(&machine.key).map_or("", |r| r.name()).to_owned();
        let user = spot.login.as_ref().map(|user| format!(" ansible_user={user}")).unwrap_or_default();
        let inside = spot.container.map(|number| format!(" ansible_connection={PCT} proxmox_vmid={number}"));
        out.line(format_args!("{name} ansible_host={}{user}{}", spot.address, inside.unwrap_or_default()));
    }
    Ok(Exit::Done)
}
