//! The least that a token must be allowed for a lab, computed from what the lab declares.
use homelab_core::{Graph, tree::Tree};
use std::collections::BTreeSet;

/// What the guests of every lab need: to be seen, made, changed, started and stopped.
const GUESTS: [&str; 9] = [
    "VM.Allocate",
    "VM.Audit",
    "VM.Config.CPU",
    "VM.Config.Disk",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.PowerMgmt",
    "SDN.Use",
];

/// The privileges of a role that lets a token deploy, change and destroy this lab on `/`, and no more; sorted. `release` is the
/// major release of Proxmox VE, 8 or 9: they differ in how the guest agent is asked (pve-notes section 4).
///
/// What only root may do is not in it: no role holds that. The plan says so where a lab needs it.
#[must_use]
pub fn privileges(graph: &Graph, release: u32) -> BTreeSet<&'static str> {
    let mut all = BTreeSet::new();
    for resource in graph.resources() {
        let spec = resource.spec();
        let has = |field: &str| spec.get(field).is_some_and(|value| !is_empty(value));
        match resource.kind() {
            "proxmox/template" => {
                all.extend(GUESTS);
                all.extend(["VM.Config.HWType", "Datastore.AllocateSpace", "Datastore.AllocateTemplate"]);
                all.extend(["Sys.Audit", "Sys.AccessNetwork"]);
                if has("installer") {
                    all.insert("VM.Config.CDROM");
                }
                if has("recipe") {
                    all.insert("VM.Config.Cloudinit");
                    if spec.get("agent") == Some(&Tree::Bool(true)) {
                        all.extend(agent(release));
                    }
                }
            }
            "proxmox/vm" => {
                all.extend(GUESTS);
                all.extend(["VM.Config.HWType", "Datastore.AllocateSpace", "VM.Migrate"]);
                if has("clone_of") {
                    all.insert("VM.Clone");
                }
                if spec.get("agent") != Some(&Tree::Bool(false)) {
                    all.extend(agent(release));
                }
                if has("startup") {
                    all.insert("Sys.Modify");
                }
                if has("cdroms") {
                    all.insert("VM.Config.CDROM");
                }
                if has("hostpci") || has("usb") {
                    all.insert("Mapping.Use");
                }
            }
            "proxmox/container" => {
                all.extend(GUESTS);
                all.extend(["Datastore.AllocateSpace", "VM.Migrate"]);
                if has("startup") {
                    all.insert("Sys.Modify");
                }
                if release >= 9 && spec.get("unprivileged") == Some(&Tree::Bool(false)) {
                    all.insert("Sys.Modify");
                }
            }
            "proxmox/container-template" => {
                all.extend(["Datastore.Audit", "Datastore.AllocateTemplate"]);
                if has("file") {
                    all.extend(["Sys.Audit", "Sys.AccessNetwork"]);
                }
            }
            "proxmox/empty-drive" => all.extend(["VM.Audit", "VM.Config.CDROM"]),
            "proxmox/iso" => {
                all.extend(["Datastore.Audit", "Datastore.AllocateTemplate", "Sys.Audit", "Sys.AccessNetwork"]);
            }
            "proxmox/pci-mapping" | "proxmox/usb-mapping" => {
                all.extend(["Mapping.Modify", "Sys.Audit"]);
            }
            "proxmox/storage" => all.extend(["Datastore.Allocate", "Datastore.Audit"]),
            "proxmox/pool" => all.extend(["Pool.Allocate", "Pool.Audit", "VM.Allocate", "VM.Audit"]),
            "proxmox/role" => all.extend(["Sys.Audit", "Sys.Modify"]),
            "proxmox/node-reboot" => {
                all.extend(["Sys.Audit", "Sys.Modify", "Sys.PowerMgmt", "VM.Audit", "VM.PowerMgmt"])
            }
            "proxmox/cluster-node" | "proxmox/qdevice" => all.extend(["Sys.Audit"]),
            "proxmox/node-network" => all.extend(["Sys.Audit", "Sys.Modify", "VM.Audit"]),
            "proxmox/user" => all.extend(["User.Modify", "Realm.AllocateUser"]),
            "proxmox/group" => all.extend(["Group.Allocate"]),
            "proxmox/token" => all.extend(["User.Modify", "Sys.Audit"]),
            "proxmox/realm" => all.extend(["Realm.Allocate", "Sys.Audit"]),
            "proxmox/backup-job" => all.extend(["Sys.Modify", "Sys.Audit", "Datastore.Audit"]),
            "proxmox/replication" if release >= 9 => all.extend(["VM.Replicate", "VM.Audit"]),
            "proxmox/replication" => all.extend(["Datastore.Allocate", "VM.Audit"]),
            "proxmox/ha-resource" | "proxmox/ha-group" | "proxmox/ha-rule" => {
                all.extend(["Sys.Console", "Sys.Audit"]);
            }
            "proxmox/ip-set" | "proxmox/security-group" | "proxmox/cluster-firewall" | "proxmox/node-firewall" => {
                all.extend(["Sys.Modify", "Sys.Audit"]);
            }
            "proxmox/guest-firewall" => all.extend(["VM.Audit", "VM.Config.Network"]),
            "proxmox/access" => all.extend(["Permissions.Modify", "Sys.Audit"]),
            _ => {}
        }
    }
    if all.contains("Datastore.AllocateSpace") {
        // Whoever may put something on a storage may see what is on it.
        all.remove("Datastore.Audit");
    }
    all
}

/// Asking the guest agent for addresses and the host key, and for what cloud-init did.
fn agent(release: u32) -> &'static [&'static str] {
    if release >= 9 { &["VM.GuestAgent.Audit", "VM.GuestAgent.FileRead"] } else { &["VM.Monitor"] }
}

fn is_empty(value: &Tree) -> bool {
    match value {
        Tree::Null => true,
        Tree::Map(map) => map.iter().next().is_none(),
        Tree::List(list) => list.is_empty(),
        _ => false,
    }
}
