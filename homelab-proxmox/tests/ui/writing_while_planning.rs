//! Starting a guest where one may only look.
use homelab_core::{Failure, Look};
use homelab_proxmox::Pve;

async fn look(cx: &Look<'_, Pve>) -> Result<(), Failure> {
    cx.start_guest("din", 201).await?;
    Ok(())
}

fn main() {
    let _ = look;
}
