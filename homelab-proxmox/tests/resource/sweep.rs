//! Failing at every single call, in every way: the next run finishes what was begun.
use crate::fixture::{every, lab, world};
use homelab_core::testing::sweep_every;

#[tokio::test(start_paused = true)]
async fn a_template_and_its_clone_converge_from_anywhere() {
    sweep_every(every(), world, &[&|| lab(|vm| vm)]).await;
}
