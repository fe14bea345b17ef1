//! Ctrl-C, as a run hears of it.
use tokio::sync::watch;

/// The hearing side of Ctrl-C: how often it was pressed.
#[derive(Clone, Debug)]
pub struct Interrupt(pub(super) watch::Receiver<u8>);

/// The pressing side.
#[derive(Debug)]
pub struct Interrupter(watch::Sender<u8>);

impl Interrupt {
    /// A pair of both sides.
    #[must_use]
    pub fn pair() -> (Interrupter, Interrupt) {
        let (sender, receiver) = watch::channel(0);
        (Interrupter(sender), Interrupt(receiver))
    }

    /// Waits for the first press, from whenever. For the parts of a verb that can simply be given up: use a clone, so that
    /// [`Engine::carry_out`](super::Engine::carry_out) hears of the press too.
    pub async fn pressed(&mut self) {
        if self.0.wait_for(|n| *n > 0).await.is_err() {
            // The pressing side is gone: nobody will.
            std::future::pending().await
        }
    }
}

impl Interrupter {
    /// Ctrl-C: the first lets what runs finish, the second leaves it for the next run.
    pub fn press(&self) {
        self.0.send_modify(|n| *n = n.saturating_add(1));
    }
}
