//! Verifies a name server and says what it found: what `verify pi` does, for one server and without a lab.
//!
//! `verify SERVER [--public NAME] [--local NAME=IP] [--blocked NAME] [--signed NAME] [--bogus NAME] [--unbound SERVER] [--clock SECONDS]`
//!
//! `--clock` gives the server's own clock, where it cannot be asked for it. Exits with 1 if anything failed.
use homelab_core::{host::Machine, sim::SimMachine};
use homelab_pi::{dns::Prober, verify::Verify};
use std::{env, error::Error, net::SocketAddr, process::ExitCode, sync::Arc};

/// The clock of a fresh simulated machine.
const FRESH: u64 = 1_750_000_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let server: SocketAddr = args.next().ok_or("which server? 127.0.0.1:53")?.parse()?;
    let mut verify = Verify::of(server);
    while let Some(option) = args.next() {
        let value = args.next().ok_or_else(|| format!("{option} needs a value"))?;
        verify = match option.as_str() {
            "--public" => verify.public(value),
            "--blocked" => verify.blocked(value),
            "--signed" => verify.signed(value),
            "--bogus" => verify.bogus(value),
            "--local" => {
                let (name, ip) = value.split_once('=').ok_or("--local NAME=IP")?;
                verify.local(name, [ip.parse()?])
            }
            "--unbound" => verify.unbound(Prober::new(value.parse()?)),
            "--clock" => verify.machine(clock(value.parse()?)),
            other => return Err(format!("what is {other}?").into()),
        };
    }
    let report = verify.run().await;
    #[allow(clippy::print_stdout, reason = "this is what the program is for")]
    {
        println!("{report}");
    }
    Ok(if report.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A stand-in for the machine, of which nothing is known but its clock.
fn clock(seconds: u64) -> Arc<dyn Machine> {
    let machine = SimMachine::new("server");
    machine.pass(seconds.saturating_sub(FRESH));
    Arc::new(machine)
}
