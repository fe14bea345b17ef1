//! A served simulator and a client of it.
use homelab_core::{Connect, Secret, Secrets, env::Env};
use homelab_truenas::{
    Nas,
    sim::{Served, Sim, World},
    site::TrueNas,
};

pub(crate) const KEY: &str = "1-abcdef0123456789abcdef0123456789";

pub(crate) fn world() -> World {
    World::new("nas").key(KEY).disks("WD-", 6, 8 << 40).pace(0.01)
}

pub(crate) struct Stage {
    pub(crate) sim: Sim,
    pub(crate) nas: Nas,
    _served: Served,
}

pub(crate) fn secrets(pairs: &[(&str, &str)]) -> Secrets {
    Secrets::none().and(Env::from_pairs(pairs.iter().copied()))
}

pub(crate) fn way(served: &Served) -> TrueNas {
    TrueNas::at(format!("https://{}", served.address))
        .fingerprint(&served.fingerprint)
        .key(Secret::named("NAS_API_KEY"))
}

pub(crate) async fn stage(world: World) -> Stage {
    let sim = Sim::new(world);
    let served = sim.serve(0).await.unwrap();
    let nas = way(&served).live(&secrets(&[("NAS_API_KEY", KEY)])).await.unwrap();
    Stage { sim, nas, _served: served }
}
