//! How long a look at a machine takes: asks it for a hundred facts, on a new connection or on one that is kept.
//!
//! `cargo run -p homelab-core --features ssh --example ssh-facts -- HOST new|kept RUNS`; the host as `~/.ssh/config` (or the file in
//! `SSH_CONFIG`) has it.
use homelab_core::{
    host::{Batch, HostPath, Machine, probe},
    ssh::{SshMachine, Surroundings, Target},
};
use std::{env, error::Error, io::Write, path::PathBuf, time::Instant};

/// 65 digests, 10 links, 10 packages, 5 users, 10 directories.
fn facts() -> Batch {
    let mut batch = Batch::new();
    for n in 0..65 {
        let file = ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/profile", "/etc/services"][n % 5];
        let dots = "/.".repeat(n);
        batch.ask(probe::digest(HostPath::at(&format!("/etc{dots}/{}", &file[5..]))));
    }
    for name in ["awk", "pager", "which", "nawk", "rmt", "builtins.7.gz", "awk.1.gz", "none-1", "none-2", "none-3"] {
        batch.ask(probe::read_link(HostPath::at(&format!("/etc/alternatives/{name}"))));
    }
    for name in ["dpkg", "bash", "dash", "libc6", "coreutils", "grep", "sed", "tar", "gzip", "none"] {
        batch.ask(probe::package(name));
    }
    for name in ["root", "daemon", "bin", "sys", "none"] {
        batch.ask(probe::user(name));
    }
    for path in ["/", "/etc", "/usr", "/var", "/tmp", "/run", "/home", "/opt", "/srv", "/mnt"] {
        batch.ask(probe::stat(HostPath::at(path)));
    }
    batch
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let host = args.next().ok_or("which host?")?;
    let kept = args.next().is_some_and(|how| how == "kept");
    let runs: usize = args.next().map_or(Ok(1), |n| n.parse())?;
    let mut around = Surroundings::of_process();
    around.config.splice(0..0, env::var_os("SSH_CONFIG").map(PathBuf::from));
    let batch = facts();
    let machine = SshMachine::within(Target::named(host), around);
    let mut times = vec![];
    for run in 0..=runs {
        let began = Instant::now();
        let replies = machine.run(&batch).await?;
        // The first is not counted: it fills caches on both sides.
        if run > 0 {
            times.push(began.elapsed());
        }
        if let Some(Err(why)) = replies.into_iter().find(Result::is_err) {
            return Err(why.into());
        }
        if !kept && run < runs {
            machine.disconnect().await;
        }
    }
    times.sort();
    let cost = machine.cost().await;
    let (first, middle, last) = (times[0], times[times.len() / 2], times[times.len() - 1]);
    writeln!(
        std::io::stdout(),
        "{} facts: median {middle:.1?} ({first:.1?}..{last:.1?}), {cost:?}",
        batch.items().len()
    )?;
    Ok(())
}
