//! Serves a simulated Proxmox VE over HTTPS on loopback, for people and for other programs.
//!
//! `pve-sim [--world parity|lab] [--port N] [--release 8.4|9.2] [--pace instant|realistic|FACTOR] [--dir DIR]`
//!
//! It prints the URL, the file of the certificate and the token of a full administrator, and serves until it is killed.
//! With `--dir` the world is kept there and goes on at the next start.
#![expect(clippy::print_stdout, reason = "the output is what this program is for")]
use homelab_proxmox::sim::{NodeSpec, Pace, Release, Sim, World};
use std::error::Error;
use std::path::PathBuf;

/// The token of the served world. It opens nothing but this simulator.
const TOKEN: (&str, &str) = ("root@pam!sim", "00000000-0000-4000-8000-000000000001");

struct Options {
    world: String,
    port: u16,
    release: Option<Release>,
    pace: Pace,
    dir: Option<PathBuf>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options =
        Options { world: "parity".to_owned(), port: 0, release: None, pace: Pace::scaled(0.05), dir: None };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--world" => options.world = value,
            "--port" => options.port = value.parse()?,
            "--release" if value == "8.4" => options.release = Some(Release::V8_4),
            "--release" if value == "9.2" => options.release = Some(Release::V9_2),
            "--pace" if value == "instant" => options.pace = Pace::instant(),
            "--pace" if value == "realistic" => options.pace = Pace::realistic(),
            "--pace" => options.pace = Pace::scaled(value.parse()?),
            "--dir" => options.dir = Some(PathBuf::from(value)),
            _ => return Err(format!("{name} {value} is unknown; see the head of examples/pve-sim.rs").into()),
        }
    }
    Ok(options)
}

fn world(options: &Options) -> Result<World, Box<dyn Error>> {
    let world = match options.world.as_str() {
        "parity" => World::parity(),
        "lab" => World::cluster("lab").with_node("din", NodeSpec::default()).with_node("grogu", NodeSpec::default()),
        other => return Err(format!("there is no world '{other}': parity or lab").into()),
    };
    let world = world.pace(options.pace).with_token(TOKEN.0, TOKEN.1);
    Ok(match options.release {
        Some(release) => world.release(release),
        None => world,
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let world = world(&options)?;
    let dir =
        options.dir.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("pve-sim-{}", std::process::id())));
    let sim = match &options.dir {
        Some(dir) => Sim::persistent(dir, world)?,
        None => Sim::new(world),
    };
    let served = sim.serve_keeping(options.port, &dir).await?;
    println!("base        {}/api2/json", served.url);
    println!("certificate {}", dir.join("certificate.pem").display());
    println!("fingerprint {}", served.fingerprint);
    println!("token       {}={}", TOKEN.0, TOKEN.1);
    std::future::pending::<()>().await;
    Ok(())
}
