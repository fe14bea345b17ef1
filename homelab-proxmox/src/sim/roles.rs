//! Built-in roles and the privileges that they give.
use super::world::Release;

const USER: &[&str] =
    &["VM.Audit", "VM.Backup", "VM.Config.CDROM", "VM.Config.Cloudinit", "VM.Console", "VM.PowerMgmt"];
const VM_MORE: &[&str] = &[
    "VM.Allocate",
    "VM.Clone",
    "VM.Config.CPU",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Migrate",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];
const AUDIT: &[&str] = &["Datastore.Audit", "Mapping.Audit", "Pool.Audit", "SDN.Audit", "Sys.Audit", "VM.Audit"];
const ADMIN_MORE: &[&str] = &[
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Group.Allocate",
    "Mapping.Use",
    "Pool.Allocate",
    "Realm.AllocateUser",
    "SDN.Allocate",
    "SDN.Use",
    "Sys.Console",
    "Sys.Syslog",
    "User.Modify",
];
const ROOT_MORE: &[&str] = &[
    "Mapping.Modify",
    "Permissions.Modify",
    "Realm.Allocate",
    "Sys.AccessNetwork",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
];
const AGENT: &[&str] = &[
    "VM.GuestAgent.Audit",
    "VM.GuestAgent.FileRead",
    "VM.GuestAgent.FileSystemMgmt",
    "VM.GuestAgent.FileWrite",
    "VM.GuestAgent.Unrestricted",
];

/// What 8.4 calls VM.Monitor is several privileges since 9.0 (pve-notes section 4).
fn vm_admin(release: Release) -> Vec<&'static str> {
    let mut list = [USER, VM_MORE].concat();
    match release {
        Release::V8_4 => list.push("VM.Monitor"),
        Release::V9_2 => list.extend(AGENT.iter().chain(&["VM.Replicate"])),
    }
    list
}

/// The privileges of a built-in role.
pub(crate) fn built_in(release: Release, role: &str) -> Option<Vec<&'static str>> {
    let admin = || [&vm_admin(release)[..], AUDIT, ADMIN_MORE].concat();
    let mut list = match role {
        "NoAccess" => Vec::new(),
        "Administrator" => [&admin()[..], ROOT_MORE].concat(),
        "PVEAdmin" => admin(),
        "PVEAuditor" => AUDIT.to_vec(),
        "PVEVMUser" => [USER, if release == Release::V9_2 { &AGENT[..1] } else { &[] }].concat(),
        "PVEVMAdmin" => vm_admin(release),
        "PVETemplateUser" => vec!["VM.Audit", "VM.Clone"],
        "PVEDatastoreUser" => vec!["Datastore.AllocateSpace", "Datastore.Audit"],
        "PVEDatastoreAdmin" => {
            vec!["Datastore.Allocate", "Datastore.AllocateSpace", "Datastore.AllocateTemplate", "Datastore.Audit"]
        }
        "PVEPoolUser" => vec!["Pool.Audit"],
        "PVEPoolAdmin" => vec!["Pool.Allocate", "Pool.Audit"],
        "PVESysAdmin" => vec!["Sys.Audit", "Sys.Console", "Sys.Syslog"],
        "PVEUserAdmin" => vec!["Group.Allocate", "Realm.AllocateUser", "User.Modify"],
        "PVESDNUser" => vec!["SDN.Audit", "SDN.Use"],
        "PVESDNAdmin" => vec!["SDN.Allocate", "SDN.Audit", "SDN.Use"],
        "PVEMappingUser" => vec!["Mapping.Audit", "Mapping.Use"],
        "PVEMappingAdmin" => vec!["Mapping.Audit", "Mapping.Modify", "Mapping.Use"],
        "PVEMappingAuditor" => vec!["Mapping.Audit"],
        _ => return None,
    };
    list.sort_unstable();
    list.dedup();
    Some(list)
}

/// Every built-in role.
pub(crate) const BUILT_IN: &[&str] = &[
    "Administrator",
    "NoAccess",
    "PVEAdmin",
    "PVEAuditor",
    "PVEDatastoreAdmin",
    "PVEDatastoreUser",
    "PVEMappingAdmin",
    "PVEMappingAuditor",
    "PVEMappingUser",
    "PVEPoolAdmin",
    "PVEPoolUser",
    "PVESDNAdmin",
    "PVESDNUser",
    "PVESysAdmin",
    "PVETemplateUser",
    "PVEUserAdmin",
    "PVEVMAdmin",
    "PVEVMUser",
];

/// Whether the release knows a privilege; another one in a role is a 400.
pub(crate) fn exists(release: Release, privilege: &str) -> bool {
    built_in(release, "Administrator").is_some_and(|list| list.contains(&privilege))
}
