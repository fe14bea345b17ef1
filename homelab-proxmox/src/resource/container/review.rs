//! What a person must know of a planned change, and what forbids it; and what only root may do.
use super::{ContainerState, Spec, parts::MountSpec};
use crate::resource::credential;
use homelab_core::{
    Field,
    plan::{Action, Change, Note},
};

/// The word in the mark of a container that waits for a restart.
pub(super) const RESTART: &str = "restart";
/// The word in the mark of a container that was made and not yet seen up.
pub(super) const MAKING: &str = "making";

impl Spec {
    pub(super) fn review(&self, now: Option<&ContainerState>, action: Action, changes: &[Change]) -> Vec<Note> {
        match (now, action) {
            (_, Action::Delete) => vec![],
            (None, _) | (Some(_), Action::Replace) => self.review_making(changes),
            (Some(now), _) => self.review_changing(now, action, changes),
        }
    }

    fn review_making(&self, changes: &[Change]) -> Vec<Note> {
        let because = self.privileged_because.as_deref();
        let mut notes: Vec<Note> = because
            .into_iter()
            .map(|why| Note::info(format!("privileged: its root is root of the node, because {why}")))
            .collect();
        let on = changes.iter().find(|change| change.field == "template.node").and_then(|change| change.to.as_str());
        if let Some(on) = on.filter(|on| *on != self.node.name) {
            let here = self.node.name;
            notes.push(Note::refused(format!("its template is on {on}, and it shall be made on {here}")).hint(
                format!(
                    "fetch the template to {here} too: `ContainerTemplate::appliance(..).on({})`",
                    here.to_uppercase()
                ),
            ));
        }
        notes
    }

    fn review_changing(&self, now: &ContainerState, action: Action, changes: &[Change]) -> Vec<Note> {
        let mut notes = Vec::new();
        if now.template {
            notes.push(
                Note::refused(format!("{} is a template, and no container that could run", now.vmid))
                    .hint("give this one another number"),
            );
        }
        for change in changes {
            notes.extend(self.forbidden(now, change));
            if change.field == "node" {
                let how = if now.running { "; it is stopped for that, and started there" } else { "" };
                notes.push(Note::info(format!("it is moved from {} to {}{how}", now.node, self.node.name)));
            }
        }
        if action != Action::Adopt && now.unfinished.as_deref() == Some(MAKING) {
            notes.push(Note::info("it was made by a run that did not see it come up"));
        }
        notes.extend(self.restart(now, changes));
        notes
    }

    fn forbidden(&self, now: &ContainerState, change: &Change) -> Option<Note> {
        if change.field == "root.size" {
            let wanted = self.root?.size?;
            return (wanted < now.root.size).then(|| {
                Note::refused(format!("its root has {} and cannot shrink to {wanted}", now.root.size))
                    .hint(format!("declare {} or more", now.root.size))
            });
        }
        let rest = change.field.strip_prefix("mounts.")?;
        let (path, mount) = now.mounts.iter().find(|(path, _)| {
            rest.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })?;
        match self.mounts.get(path)? {
            Field::Cleared if mount.data => {
                let size = mount.size.unwrap_or_default();
                Some(Note::refused(format!("{path} holds data: {size}")).hint(
                    "declare it as a `.scratch_volume(..)` first: what holds no data can be taken away by the run after",
                ))
            }
            Field::Set(wanted) => {
                if wanted.source.as_set().is_some() != mount.source.is_some() {
                    return Some(
                        Note::refused(format!("{path} cannot change between a volume and a directory of the node"))
                            .hint("mount the other one at another path, copy what is there, then take the first away"),
                    );
                }
                let (wanted, is) = (wanted.size?, mount.size?);
                (change.field.ends_with(".size") && wanted < is).then(|| {
                    Note::refused(format!("{path} has {is} and cannot shrink to {wanted}"))
                        .hint(format!("declare {is} or more"))
                })
            }
            _ => None,
        }
    }

    fn restart(&self, now: &ContainerState, changes: &[Change]) -> Option<Note> {
        if !now.running || !self.running {
            return None;
        }
        let mut fields: Vec<&str> = changes.iter().map(|change| change.field.as_str()).collect();
        fields.retain(|field| needs_restart(field, now.mounts.keys().map(String::as_str)));
        fields.dedup();
        let waits = now.unfinished.as_deref() == Some(RESTART);
        let why = match (fields.is_empty(), waits) {
            (true, false) => return None,
            (true, true) => "for changes that wait for one".to_owned(),
            (false, _) => format!("for {}, which a running container cannot take", fields.join(", ")),
        };
        Some(if self.terms.restarts {
            Note::reboot(format!("it is shut down and started, {why}"))
        } else {
            Note::info(format!("a restart is left to you, {why}"))
        })
    }

    /// What is still to be done that no token may do, and whether we may.
    pub(super) fn credentials(&self, now: Option<&ContainerState>, root: bool) -> Vec<Note> {
        let mut what = Vec::new();
        for (path, mount) in self.mounts.iter().filter_map(|(path, mount)| Some((path, mount.as_set()?))) {
            let Field::Set(source) = &mount.source else { continue };
            let is = now.and_then(|now| now.mounts.get(path));
            let same = |mount: &MountSpec| {
                is.is_some_and(|is| is.source.as_ref() == Some(source) && mount.read_only == Some(is.read_only))
            };
            if !same(mount) {
                what.push(format!("to mount its node's directory {source}"));
            }
        }
        for (path, device) in self.devices.iter().filter_map(|(path, device)| Some((path, device.as_set()?))) {
            let is = now.and_then(|now| now.devices.get(path));
            if is.is_none_or(|is| device.gid.is_some_and(|gid| is.gid != Some(gid))) {
                what.push(format!("to give it its node's device {path}"));
            }
        }
        let has = |name: &String| now.and_then(|now| now.features.as_ref()).is_some_and(|all| all.contains(name));
        let new: Vec<&str> =
            self.features.as_set().into_iter().flatten().filter(|name| !has(name)).map(String::as_str).collect();
        if !new.is_empty() {
            what.push(format!("to give it the feature {}", new.join(", ")));
        } else if !self.unprivileged && self.nesting == Some(true) && now.is_none_or(|now| !now.nesting) {
            what.push("to let a privileged container nest".to_owned());
        }
        credential::root_ticket(&what, root)
    }
}

/// Whether a running container takes a change of this field only when it is started again.
pub(super) fn needs_restart<'a>(field: &str, mut mounts: impl Iterator<Item = &'a str>) -> bool {
    match field.split('.').next().unwrap_or_default() {
        "nesting" | "features" | "resolvers" | "search_domain" | "devices" => true,
        "root" => field == "root.storage",
        "mounts" => {
            let rest = field.strip_prefix("mounts.").unwrap_or_default();
            let there =
                mounts.any(|path| rest.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
            // One that is not there yet is mounted at once; sizes grow, and what is data is ours to remember.
            there && !field.ends_with(".size") && !field.ends_with(".data")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_running_container_takes_at_once_needs_no_restart() {
        let mounts = ["/data"];
        for field in [
            "nesting",
            "features",
            "resolvers",
            "devices./dev/dri/renderD128",
            "root.storage",
            "mounts./data",
            "mounts./data.backup",
        ] {
            assert!(needs_restart(field, mounts.into_iter()), "{field}");
        }
        for field in [
            "name",
            "cores",
            "memory",
            "root.size",
            "mounts./data.size",
            "mounts./new",
            "nics.net0.address",
            "tags",
            "mounts./database",
        ] {
            assert!(!needs_restart(field, mounts.into_iter()), "{field}");
        }
    }
}
