//! Serves a simulated TrueNAS on loopback: `cargo run -p homelab-truenas --features sim --example truenas-sim -- [PORT] [--shapes-only]`.
//!
//! It has 30 disks and one administrator. With `--shapes-only` parameters are judged and what only the state of the world forbids is
//! told as a failed call: so recordings of calls are replayed against it.
use homelab_truenas::sim::{DiskSpec, Sim, World};
use std::{env, error::Error, future::pending};

const KEY: &str = "1-sandbox0000000000000000000000000000";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let port = arguments.iter().find_map(|one| one.parse().ok()).unwrap_or(0);
    let mut world = World::new("nas").key(KEY).disks("WD-", 24, 8 << 40).disks("ST-", 4, 16 << 40).pace(0.05);
    world = world.disk(DiskSpec::ssd("NVME-1", 400 << 30)).disk(DiskSpec::ssd("NVME-2", 400 << 30));
    if arguments.iter().any(|one| one == "--shapes-only") {
        world = world.shapes_only();
    }
    let served = Sim::new(world).serve(port).await?;
    #[expect(clippy::print_stdout, reason = "an example speaks to whoever runs it")]
    {
        println!("wss://{}/api/v25.10.0", served.address);
        println!("key: truenas_admin:{KEY}");
        println!("fingerprint: {}", served.fingerprint);
    }
    pending::<()>().await;
    Ok(())
}
