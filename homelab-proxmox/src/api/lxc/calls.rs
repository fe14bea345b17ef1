//! Writing a container: make, change, start, stop, move, remove.
use crate::{
    api::{
        DiskSize,
        qemu::{Change, DestroyOptions, ShutdownOptions},
    },
    client::{
        Params, Pve, Task,
        call::{Call, container_path, guest, path},
    },
    error::Result,
    http::Method,
};
use homelab_core::Permit;

fn post(operation: &'static str, node: &str, vmid: u32, below: &str) -> Call {
    Call::new(Method::Post, operation, guest(node, vmid), container_path(node, vmid, below))
}

impl Pve {
    /// Makes a container with these options of its configuration (and `ostemplate`, `ssh-public-keys` and the like).
    ///
    /// # Errors
    /// If it is refused, such as for a number that is taken.
    pub async fn create_container(&self, permit: &Permit, node: &str, vmid: u32, options: Params) -> Result<Task> {
        let call = Call::new(Method::Post, "create", guest(node, vmid), path(&[&"nodes", &node, &"lxc"]));
        let params = Params::new().set("vmid", vmid);
        let params = options.iter().fold(params, |params, (key, value)| params.set(key, value));
        self.start(permit, call.with(params)).await
    }

    /// Changes a container's configuration and is done when it is answered: there is no other way, so a volume that takes long
    /// to make runs into the server's 30 seconds.
    ///
    /// # Errors
    /// If it is refused, such as for a digest that is no longer true.
    pub async fn configure_container(&self, permit: &Permit, node: &str, vmid: u32, change: &Change) -> Result<()> {
        let call = Call::new(Method::Put, "configure", guest(node, vmid), container_path(node, vmid, "config"));
        self.write(permit, call.with(change.params())).await.map(drop)
    }

    /// Grows a volume, `rootfs` or `mpN`. The same size is refused, and so is a smaller one.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn resize_container(
        &self,
        permit: &Permit,
        node: &str,
        vmid: u32,
        volume: &str,
        size: DiskSize,
        digest: Option<&str>,
    ) -> Result<Task> {
        let object = format!("{volume} of {} to {size}", guest(node, vmid));
        let call = Call::new(Method::Put, "resize", object, container_path(node, vmid, "resize"));
        self.start(permit, call.with(Params::new().set("disk", volume).set("size", size).maybe("digest", digest))).await
    }

    /// Moves a volume to another storage; the old one is removed.
    ///
    /// # Errors
    /// If it is refused: it runs.
    pub async fn move_volume(
        &self,
        permit: &Permit,
        node: &str,
        vmid: u32,
        volume: &str,
        storage: &str,
        digest: Option<&str>,
    ) -> Result<Task> {
        let object = format!("{volume} of {} to {storage}", guest(node, vmid));
        let call = Call::new(Method::Post, "move", object, container_path(node, vmid, "move_volume"));
        let params = Params::new().set("volume", volume).set("storage", storage).flag("delete", true);
        self.start(permit, call.with(params.maybe("digest", digest))).await
    }

    /// Starts a container. The task fails if it runs already.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn start_container(&self, permit: &Permit, node: &str, vmid: u32) -> Result<Task> {
        self.start(permit, post("start", node, vmid, "status/start")).await
    }

    /// Asks a container to shut down.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn shut_container_down(
        &self,
        permit: &Permit,
        node: &str,
        vmid: u32,
        options: ShutdownOptions,
    ) -> Result<Task> {
        self.start(permit, post("shut down", node, vmid, "status/shutdown").with(options.params())).await
    }

    /// Moves a container to another node. One that runs is stopped for it, and started there.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn migrate_container(&self, permit: &Permit, node: &str, vmid: u32, target: &str) -> Result<Task> {
        let object = format!("{} to {target}", guest(node, vmid));
        let call = Call::new(Method::Post, "migrate", object, container_path(node, vmid, "migrate"));
        self.start(permit, call.with(Params::new().set("target", target).flag("restart", true))).await
    }

    /// Removes a stopped container with its volumes.
    ///
    /// # Errors
    /// If it is refused: it runs, is protected, or is a member of high availability.
    pub async fn destroy_container(
        &self,
        permit: &Permit,
        node: &str,
        vmid: u32,
        options: DestroyOptions,
    ) -> Result<Task> {
        let call = Call::new(Method::Delete, "destroy", guest(node, vmid), container_path(node, vmid, ""));
        self.start(permit, call.with(options.params())).await
    }
}
