//! Writing a QEMU guest: make, clone, change, start, stop, move, remove.
use super::{Change, CloneOptions, DestroyOptions, MigrateOptions, MoveOptions, ShutdownOptions, Slot};
use crate::{
    api::DiskSize,
    client::{
        Params, Pve, Task,
        call::{Call, guest, guest_path, path},
    },
    error::Result,
    http::Method,
};
use homelab_core::Permit;

fn post(operation: &'static str, node: &str, vmid: u32, below: &str) -> Call {
    Call::new(Method::Post, operation, guest(node, vmid), guest_path(node, vmid, below))
}

fn put(operation: &'static str, node: &str, vmid: u32, below: &str) -> Call {
    Call::new(Method::Put, operation, guest(node, vmid), guest_path(node, vmid, below))
}

impl Pve {
    /// Makes a guest with these options of its configuration (and `pool`, `start` and the like).
    ///
    /// # Errors
    /// If it is refused, such as for a number that is taken.
    pub async fn create(&self, permit: &Permit, node: &str, vmid: u32, options: Params) -> Result<Task> {
        let call = Call::new(Method::Post, "create", guest(node, vmid), path(&[&"nodes", &node, &"qemu"]));
        let params = Params::new().set("vmid", vmid);
        let params = options.iter().fold(params, |params, (key, value)| params.set(key, value));
        self.start(permit, call.with(params)).await
    }

    /// Clones the guest or template `source` of `node` to the new guest `newid`. MAC addresses and ids are drawn anew.
    ///
    /// # Errors
    /// If it is refused, such as for a number that is taken.
    pub async fn clone_guest(
        &self,
        permit: &Permit,
        node: &str,
        source: u32,
        newid: u32,
        options: &CloneOptions,
    ) -> Result<Task> {
        let object = format!("{} to {newid}", guest(node, source));
        let call = Call::new(Method::Post, "clone", object, guest_path(node, source, "clone"));
        self.start(permit, call.with(options.params(newid))).await
    }

    /// Changes a guest's configuration and is done when it is answered. For changes that make or import disks use
    /// [`reconfigure`](Pve::reconfigure): this call would run into the server's 30 seconds.
    ///
    /// # Errors
    /// If it is refused, such as for a digest that is no longer true.
    pub async fn configure(&self, permit: &Permit, node: &str, vmid: u32, change: &Change) -> Result<()> {
        self.write(permit, put("configure", node, vmid, "config").with(change.params())).await.map(drop)
    }

    /// Changes a guest's configuration in a task.
    ///
    /// # Errors
    /// If it is refused, such as for a digest that is no longer true.
    pub async fn reconfigure(&self, permit: &Permit, node: &str, vmid: u32, change: &Change) -> Result<Task> {
        self.start(permit, post("configure", node, vmid, "config").with(change.params())).await
    }

    /// Grows a disk to `size`; the same size is no error, a smaller one fails the task. The guest grows its file system
    /// itself.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn resize(
        &self,
        permit: &Permit,
        node: &str,
        vmid: u32,
        disk: Slot,
        size: DiskSize,
        digest: Option<&str>,
    ) -> Result<Task> {
        let object = format!("{disk} of {} to {size}", guest(node, vmid));
        let call = Call::new(Method::Put, "resize", object, guest_path(node, vmid, "resize"));
        self.start(permit, call.with(Params::new().set("disk", disk).set("size", size).maybe("digest", digest))).await
    }

    /// Moves a disk to another storage.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn move_disk(
        &self,
        permit: &Permit,
        node: &str,
        vmid: u32,
        options: &MoveOptions,
        digest: Option<&str>,
    ) -> Result<Task> {
        let object = format!("{} of {} to {}", options.disk, guest(node, vmid), options.storage);
        let call = Call::new(Method::Post, "move", object, guest_path(node, vmid, "move_disk"));
        self.start(permit, call.with(options.params(digest))).await
    }

    /// Detaches disks; their volumes stay as `unusedN`. Detaching an `unusedN`, or anything with `destroy`, destroys the
    /// volume.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn unlink(&self, permit: &Permit, node: &str, vmid: u32, disks: &[Slot], destroy: bool) -> Result<()> {
        let list = disks.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let call = Call::new(
            Method::Put,
            "detach",
            format!("{list} of {}", guest(node, vmid)),
            guest_path(node, vmid, "unlink"),
        );
        self.write(permit, call.with(Params::new().set("idlist", list).switch("force", destroy))).await.map(drop)
    }

    /// Turns a stopped guest into a template, for good.
    ///
    /// # Errors
    /// If it is refused: it runs, or is a template already.
    pub async fn make_template(&self, permit: &Permit, node: &str, vmid: u32) -> Result<Task> {
        self.start(permit, post("make a template of", node, vmid, "template")).await
    }

    /// Starts a guest. The task fails if it runs already.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn start_guest(&self, permit: &Permit, node: &str, vmid: u32) -> Result<Task> {
        self.start(permit, post("start", node, vmid, "status/start")).await
    }

    /// Pulls the plug. Stopping a stopped guest is no error.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn stop_guest(&self, permit: &Permit, node: &str, vmid: u32) -> Result<Task> {
        self.start(permit, post("stop", node, vmid, "status/stop")).await
    }

    /// Asks a guest to shut down. Its configuration is locked until it has (pve-notes section 14).
    ///
    /// # Errors
    /// If it is refused.
    pub async fn shutdown(&self, permit: &Permit, node: &str, vmid: u32, options: ShutdownOptions) -> Result<Task> {
        self.start(permit, post("shut down", node, vmid, "status/shutdown").with(options.params())).await
    }

    /// Restarts a guest so that pending changes are applied, which a restart from within does not do.
    ///
    /// # Errors
    /// If it is refused: the guest is stopped.
    pub async fn reboot(&self, permit: &Permit, node: &str, vmid: u32, timeout: Option<u32>) -> Result<Task> {
        let call = post("reboot", node, vmid, "status/reboot");
        self.start(permit, call.with(Params::new().maybe("timeout", timeout))).await
    }

    /// Moves a guest to another node.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn migrate(&self, permit: &Permit, node: &str, vmid: u32, options: &MigrateOptions) -> Result<Task> {
        let object = format!("{} to {}", guest(node, vmid), options.target);
        let call = Call::new(Method::Post, "migrate", object, guest_path(node, vmid, "migrate"));
        self.start(permit, call.with(options.params())).await
    }

    /// Removes a stopped guest with its disks.
    ///
    /// # Errors
    /// If it is refused: it runs, is protected, or is a member of high availability.
    pub async fn destroy(&self, permit: &Permit, node: &str, vmid: u32, options: DestroyOptions) -> Result<Task> {
        let call = Call::new(Method::Delete, "destroy", guest(node, vmid), guest_path(node, vmid, ""));
        self.start(permit, call.with(options.params())).await
    }

    /// Has the agent of a guest run a program. A program that is not there is answered with 596 after 5 seconds. Needs
    /// `VM.GuestAgent.Unrestricted`, `VM.Monitor` on 8.
    ///
    /// # Errors
    /// If the agent does not answer.
    pub async fn agent_exec(&self, permit: &Permit, node: &str, vmid: u32, command: &[&str]) -> Result<u32> {
        #[derive(serde::Deserialize)]
        struct Started {
            #[serde(deserialize_with = "crate::api::scalar")]
            pid: u32,
        }
        let object = format!("{} in {}", command.join(" "), guest(node, vmid));
        let call = Call::new(Method::Post, "run through the agent", object, guest_path(node, vmid, "agent/exec"));
        let params = command.iter().fold(Params::new(), |params, word| params.set("command", word));
        let call = call.with(params);
        let (operation, object) = (call.operation, call.object.clone());
        let data = self.write(permit, call).await?;
        let started: Result<Started, _> = serde_json::from_value(data);
        Ok(started.map_err(|e| crate::Error::new(operation, object, crate::Cause::Answer(e.to_string()), 1))?.pid)
    }

    /// Writes the cloud-init settings to the guest's drive now; otherwise that is done at its next start.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn regenerate_cloud_init(&self, permit: &Permit, node: &str, vmid: u32) -> Result<()> {
        self.write(permit, put("write the cloud-init drive of", node, vmid, "cloudinit")).await.map(drop)
    }
}
