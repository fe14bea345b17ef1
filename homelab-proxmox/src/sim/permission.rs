//! Who may do what: roles, inheritance, tokens of separated privileges, and the checks that the schema declares.
use super::answer::Fail;
use super::call::Args;
use super::format;
use super::world::{Identity, Release, World};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Privileges of a path, and whether paths below have them too.
pub(crate) type Privileges = BTreeMap<String, bool>;

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

/// A path in its one spelling; `None` when it holds characters that no path has.
pub(crate) fn normal(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/:".contains(&byte);
    let text = format!("/{}", parts.join("/"));
    text.bytes().all(fits).then_some(text)
}

/// The roles that one access-list identity has on a path: the deepest entries replace inherited ones, a user's beat
/// its groups' (pve-notes section 4).
fn roles(world: &World, kind: &str, id: &str, path: &str) -> BTreeMap<String, bool> {
    let groups: Vec<&str> = world
        .access
        .groups
        .iter()
        .filter(|(_, group)| kind == "user" && group.members.contains(id))
        .map(|(name, _)| name.as_str())
        .collect();
    let mut found: BTreeMap<String, bool> = BTreeMap::new();
    let mut levels = vec!["/".to_owned()];
    let mut so_far = String::new();
    for part in path.split('/').filter(|part| !part.is_empty()) {
        so_far = format!("{so_far}/{part}");
        levels.push(so_far.clone());
    }
    for level in &levels {
        let Some(lines) = world.access.acl.get(level) else { continue };
        let of = |what: &str, ids: &[&str]| -> BTreeMap<String, bool> {
            lines
                .iter()
                .filter(|((kind, who, _), inherit)| {
                    kind == what && ids.contains(&who.as_str()) && (*inherit || level == path)
                })
                .map(|((_, _, role), inherit)| (role.clone(), *inherit))
                .collect()
        };
        let own = of(kind, &[id]);
        let here = if own.is_empty() { of("group", &groups) } else { own };
        if !here.is_empty() {
            found = here;
        }
    }
    if found.contains_key("NoAccess") {
        return BTreeMap::from([("NoAccess".to_owned(), true)]);
    }
    found
}

fn expand(world: &World, roles: BTreeMap<String, bool>) -> Privileges {
    let mut all = Privileges::new();
    for (role, inherit) in roles {
        let list: Vec<String> = match built_in(world.release, &role) {
            Some(list) => list.into_iter().map(str::to_owned).collect(),
            None => world.access.roles.get(&role).into_iter().flatten().cloned().collect(),
        };
        for privilege in list {
            let entry = all.entry(privilege).or_insert(inherit);
            *entry |= inherit;
        }
    }
    all
}

/// What somebody may do on a path. A guest's pool and a storage's pool count as well.
pub(crate) fn on_path(world: &World, who: &Identity, path: &str) -> Privileges {
    let Some(path) = normal(path) else { return Privileges::new() };
    let user = if who.user == "root@pam" {
        expand(world, BTreeMap::from([("Administrator".to_owned(), true)]))
    } else {
        let mut list = expand(world, roles(world, "user", &who.user, &path));
        for pool in pools(world, &path) {
            list.extend(expand(world, roles(world, "user", &who.user, &format!("/pool/{pool}"))));
        }
        list
    };
    let separated =
        who.token.as_ref().is_some_and(|name| world.access.token(&who.user, name).is_some_and(|token| token.privsep));
    if !separated {
        return user;
    }
    let mut own = expand(world, roles(world, "token", &who.full(), &path));
    for pool in pools(world, &path) {
        own.extend(expand(world, roles(world, "token", &who.full(), &format!("/pool/{pool}"))));
    }
    own.retain(|privilege, _| user.contains_key(privilege));
    own
}

fn pools<'w>(world: &'w World, path: &str) -> Vec<&'w str> {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    world
        .pools
        .iter()
        .filter(|(_, pool)| match parts.as_slice() {
            ["vms", id] => id.parse().is_ok_and(|id: u32| pool.vms.contains(&id)),
            ["storage", id] => pool.storage.iter().any(|storage| storage == id),
            _ => false,
        })
        .map(|(name, _)| name.as_str())
        .collect()
}

/// The schema names 9.2's privileges; 8.4 has one for all that concerns a running guest's inside.
fn in_release<'p>(release: Release, privileges: &[&'p str]) -> Vec<&'p str> {
    let mut names: Vec<&str> = privileges.to_vec();
    if release == Release::V8_4 {
        for name in &mut names {
            if name.starts_with("VM.GuestAgent.") {
                *name = "VM.Monitor";
            }
        }
        names.dedup();
    }
    names
}

/// Demands all of these privileges.
pub(crate) fn need(world: &World, who: &Identity, path: &str, privileges: &[&str]) -> Result<(), Fail> {
    if who.is_root() {
        return Ok(());
    }
    let privileges = &in_release(world.release, privileges);
    let shown = normal(path).unwrap_or_default();
    let have = on_path(world, who, path);
    match privileges.iter().find(|privilege| !have.contains_key(**privilege)) {
        Some(missing) => Err(Fail::Forbidden(format!("{shown}, {missing}"))),
        None => Ok(()),
    }
}

/// Demands one of these privileges.
pub(crate) fn need_any(world: &World, who: &Identity, path: &str, privileges: &[&str]) -> Result<(), Fail> {
    let privileges = &in_release(world.release, privileges);
    let have = on_path(world, who, path);
    if who.is_root() || privileges.iter().any(|privilege| have.contains_key(*privilege)) {
        return Ok(());
    }
    Err(Fail::Forbidden(format!("{}, {}", normal(path).unwrap_or_default(), privileges.join("|"))))
}

/// The check that a method of the schema declares.
pub(crate) fn declared(world: &World, who: &Identity, check: Option<&Value>, args: &Args) -> Result<(), Fail> {
    if who.is_root() {
        return Ok(());
    }
    let Some(check) = check else { return Err(Fail::Forbidden("user != root@pam".to_owned())) };
    if check["user"].as_str().is_some_and(|user| matches!(user, "all" | "world")) {
        return Ok(());
    }
    match check.get("check") {
        Some(tree) => evaluate(world, who, tree, args),
        None => Err(Fail::Forbidden(String::new())),
    }
}

fn evaluate(world: &World, who: &Identity, tree: &Value, args: &Args) -> Result<(), Fail> {
    let Some(parts) = tree.as_array() else { return Err(Fail::Forbidden(String::new())) };
    let text = |place: usize| parts.get(place).and_then(Value::as_str).unwrap_or_default();
    let privileges = |place: usize| -> Vec<&str> {
        parts.get(place).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    };
    match text(0) {
        "and" => parts[1..].iter().try_for_each(|part| evaluate(world, who, part, args)),
        "or" => {
            if parts[1..].iter().any(|part| evaluate(world, who, part, args).is_ok()) {
                Ok(())
            } else {
                Err(Fail::Forbidden(String::new()))
            }
        }
        "perm" => {
            let options: Vec<&Value> = parts.iter().skip(3).collect();
            let word = |name: &str| options.iter().position(|option| option.as_str() == Some(name));
            if let Some(place) = word("require_param") {
                let name = options.get(place + 1).and_then(|name| name.as_str()).unwrap_or_default();
                if !args.has(name) {
                    return Err(Fail::Forbidden(String::new()));
                }
            }
            let path = fill(text(1), args);
            if word("any").is_some() {
                need_any(world, who, &path, &privileges(2))
            } else {
                need(world, who, &path, &privileges(2))
            }
        }
        "perm-modify" => modify_acl(world, who, &fill(text(1), args)),
        "userid-param" => {
            let user = args.text("userid");
            if !format::is_userid(user) {
                return Err(Fail::die(format!("value '{user}' does not look like a valid user name")));
            }
            let realm = user.rsplit('@').next().unwrap_or_default();
            match text(1) {
                "self" if who.full() == user => Ok(()),
                "self" => Err(Fail::Forbidden(String::new())),
                privilege => need(world, who, &format!("/access/realm/{realm}"), &[privilege]),
            }
        }
        "userid-group" => {
            let groups = (text(2) == "groups_param").then(|| text(3));
            user_groups(world, who, &privileges(1), args, groups)
        }
        _ => Err(Fail::Forbidden(String::new())),
    }
}

/// Rights over a user come from the groups path, or from a group that the user is in; `groups` is what the groups named
/// in the call are for.
fn user_groups(world: &World, who: &Identity, wanted: &[&str], args: &Args, groups: Option<&str>) -> Result<(), Fail> {
    let user = args.text("userid");
    let existing = groups != Some("create");
    if existing && !world.access.users.contains_key(user) {
        return Err(Fail::die(format!("no such user ('{user}')")));
    }
    if need_any(world, who, "/access/groups", wanted).is_ok() {
        return Ok(());
    }
    let on = |group: &str| {
        world.access.groups.contains_key(group)
            && need_any(world, who, &format!("/access/groups/{group}"), wanted).is_ok()
    };
    if groups.is_some() {
        let named: Vec<&str> = format::list(args.text("groups")).collect();
        if named.is_empty() {
            return Err(Fail::Forbidden(format!("/access/groups, {}", wanted.join("|"))));
        }
        if let Some(group) = named.iter().find(|group| !on(group)) {
            return Err(Fail::Forbidden(format!("/access/groups/{group}, {}", wanted.join("|"))));
        }
    }
    let through = |(name, group): (&String, &super::world::Group)| group.members.contains(user) && on(name);
    if !existing || world.access.groups.iter().any(through) {
        return Ok(());
    }
    Err(Fail::Forbidden(String::new()))
}

/// Changing the access list of a path: Permissions.Modify, or being allowed to allocate what the path is about.
pub(crate) fn modify_acl(world: &World, who: &Identity, path: &str) -> Result<(), Fail> {
    let path = normal(path).unwrap_or_default();
    let below = |begin: &str| path.strip_prefix(begin).is_some_and(|rest| !rest.is_empty());
    let mut wanted = vec!["Permissions.Modify"];
    if below("/storage/") {
        wanted.push("Datastore.Allocate");
    } else if below("/vms/") {
        wanted.push("VM.Allocate");
    } else if below("/pool/") {
        wanted.push("Pool.Allocate");
    }
    need_any(world, who, &path, &wanted)
}

fn fill(template: &str, args: &Args) -> String {
    let mut text = template.to_owned();
    for (key, values) in args.iter() {
        text = text.replace(&format!("{{{key}}}"), &values.join(""));
    }
    while let (Some(start), Some(end)) = (text.find('{'), text.find('}')) {
        text.replace_range(start..=end, "");
    }
    text
}

/// The paths of which an overview of rights tells: the great ones, those of the access list with what is above them,
/// and what is in pools.
pub(crate) fn paths(world: &World) -> BTreeSet<String> {
    let fixed = ["/", "/access", "/access/groups", "/nodes", "/pool", "/sdn", "/storage", "/vms"];
    let mut all: BTreeSet<String> = fixed.iter().map(|path| (*path).to_owned()).collect();
    for path in world.access.acl.keys() {
        let mut so_far = String::new();
        for part in path.split('/').filter(|part| !part.is_empty()) {
            so_far = format!("{so_far}/{part}");
            all.insert(so_far.clone());
        }
    }
    for pool in world.pools.values() {
        all.extend(pool.vms.iter().map(|vmid| format!("/vms/{vmid}")));
        all.extend(pool.storage.iter().map(|id| format!("/storage/{id}")));
    }
    all
}
