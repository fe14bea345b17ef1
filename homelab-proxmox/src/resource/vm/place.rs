//! Where a guest comes into being, and how it gets to another node.
use super::{
    Source, Spec,
    edits::{Around, Memo},
    review::MAKING,
};
use crate::{
    Pve,
    api::qemu::{CloneOptions, MigrateOptions, QemuConfig},
    client::Params,
    resource::work::{self, At, done},
};
use homelab_core::{Apply, Failure};

impl Spec {
    /// Makes the guest, marked as ours and as unfinished. It is not configured yet if it is a clone.
    pub(super) async fn make(&self, cx: &Apply<'_, Pve>, around: &Around<'_>) -> Result<At, Failure> {
        match self.clone_of {
            Some(source) => self.clone_it(cx, source).await,
            None => self.create(cx, around).await,
        }
    }

    async fn create(&self, cx: &Apply<'_, Pve>, around: &Around<'_>) -> Result<At, Failure> {
        let nothing = QemuConfig::default();
        let edits = self.edits(&nothing, around);
        let own = self.blank_options();
        let own: Params = own.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        let options = edits.params().iter().fold(own, |all, (key, value)| all.set(key, value));
        let node = self.node.name;
        let make = |vmid| {
            let description =
                self.mark_notes(vmid, &nothing, cx.mark(), Memo { unfinished: Some(MAKING), ..Memo::default() });
            cx.create(cx.permit(), node, vmid, options.clone().set("description", description))
        };
        let (vmid, task) = work::numbered(cx, self.vmid, self.node, make).await?;
        done(cx, "creates it", Ok(task)).await?;
        Ok(At::vm(vmid, node))
    }

    async fn clone_it(&self, cx: &Apply<'_, Pve>, source: Source) -> Result<At, Failure> {
        let template: u32 = cx.get(&source.vmid.into())?;
        let on: String = cx.get(&source.node.into())?;
        let login: Option<String> = cx.get(&source.login.into()).ok();
        let memo = Memo { unfinished: Some(MAKING), login: login.as_deref(), host_key: None };
        if let Some(refusal) = self.too_small(cx.get(&source.disk.into()).ok()) {
            return Err(Failure::new(format!("{} was not cloned: {}", self.name, refusal.text))
                .hint(refusal.hint.unwrap_or_default()));
        }
        let linked = source.linked == Some(true);
        let there = on == self.node.name || self.reaches(cx, template, &on, linked).await?;
        let nothing = QemuConfig::default();
        let options = CloneOptions {
            name: Some(self.name.clone()),
            full: Some(!linked),
            storage: self.declared_storage().filter(|_| !linked && there).map(str::to_owned),
            target: (there && on != self.node.name).then(|| self.node.name.to_owned()),
            ..CloneOptions::default()
        };
        let (on_node, options) = (on.as_str(), &options);
        let make = async |vmid| {
            let description = self.mark_notes(vmid, &nothing, cx.mark(), memo).to_string();
            let options = CloneOptions { description: Some(description), ..options.clone() };
            cx.clone_guest(cx.permit(), on_node, template, vmid, &options).await
        };
        let (vmid, task) = work::numbered(cx, self.vmid, self.node, make).await?;
        done(cx, &format!("clones {template}"), Ok(task)).await?;
        Ok(At::vm(vmid, if there { self.node.name } else { &on }))
    }

    /// Whether the template can be cloned to our node directly: all its disks, and ours, are on storage that both nodes see.
    async fn reaches(&self, cx: &Apply<'_, Pve>, template: u32, on: &str, linked: bool) -> Result<bool, Failure> {
        let config = cx.config(on, template).await?;
        let storages = cx.storages(on).await?;
        let shared = |name: &str| storages.iter().any(|s| s.storage.as_deref() == Some(name) && s.shared);
        let all = config.volumes().all(|(_, volume)| shared(&volume.storage));
        if linked && !all {
            return Err(Failure::new(format!(
                "a linked clone of template {template} cannot be on {}: the template's disks are on {on} alone",
                self.node.name
            ))
            .hint("leave out `.linked()`, or put a template on that node too"));
        }
        Ok(all && self.declared_storage().is_none_or(shared))
    }

    /// The storage of the disk with the system, if it is declared.
    fn declared_storage(&self) -> Option<&'static str> {
        self.disks.get(&super::state::BOOT)?.as_set()?.storage
    }

    /// Moves the guest to our node: while it runs if it runs, with the disks that only its node has.
    pub(super) async fn migrate(&self, cx: &Apply<'_, Pve>, at: &mut At, config: &QemuConfig) -> Result<(), Failure> {
        let target = self.node.name;
        let running = work::is_up(cx, at).await?;
        let storages = cx.storages(&at.node).await?;
        let local: Vec<&str> = config
            .volumes()
            .map(|(_, volume)| volume.storage.as_str())
            .filter(|name| !storages.iter().any(|s| s.storage.as_deref() == Some(name) && s.shared))
            .collect();
        let there = cx.storages(target).await?;
        let missing = local.iter().find(|name| !there.iter().any(|s| s.storage.as_deref() == Some(name)));
        let options = MigrateOptions {
            target: target.to_owned(),
            online: running,
            with_local_disks: running && !local.is_empty(),
            target_storage: missing.map(|_| self.disk_storage().to_owned()),
        };
        let task = cx.migrate(cx.permit(), &at.node, at.vmid, &options).await;
        done(cx, &format!("moves it to {target}"), task).await?;
        at.node = target.to_owned();
        Ok(())
    }
}
