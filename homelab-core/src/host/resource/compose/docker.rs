//! Which machines may run containers of Docker.
use crate::{
    Handle,
    host::{Computer, Host, Reachable},
};

/// A machine on which Docker can run: a virtual machine, a computer, or a container that may have containers inside.
#[diagnostic::on_unimplemented(
    message = "Docker does not run on `{Self}`",
    label = "a stack needs a virtual machine, a `Computer`, or a container with `.nesting()`",
    note = "a Proxmox container without nesting cannot have containers inside: add `.nesting()` to its declaration"
)]
pub trait RunsDocker: Reachable {}

impl RunsDocker for Computer {}

/// A machine that runs Docker, as a [`ComposeStack`](super::ComposeStack) takes it: made from the handle of a [`RunsDocker`].
#[derive(Clone, Copy, Debug)]
pub struct DockerHost(pub(super) Host);

impl<R: RunsDocker> From<Handle<R>> for DockerHost {
    fn from(machine: Handle<R>) -> Self {
        DockerHost(machine.into())
    }
}
