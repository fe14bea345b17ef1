//! Users and groups, as the programs of Debian's `passwd` package keep them.
use super::{Call, done, fails, options, says};
use crate::{
    host::{
        Action, HostPath, Output, Ownership,
        facts::{Group, User},
    },
    sim::world::World,
};

/// useradd and its kin.
pub(super) fn run(world: &mut World, program: &str, call: &Call<'_>) -> Output {
    let args = call.args();
    match program {
        "useradd" => useradd(world, &args),
        "usermod" => usermod(world, &args),
        "userdel" => userdel(world, &args),
        "groupadd" => groupadd(world, &args),
        "groupmod" => groupmod(world, &args),
        "groupdel" => groupdel(world, &args),
        "gpasswd" => gpasswd(world, &args),
        "chpasswd" => match String::from_utf8_lossy(call.stdin).split_once(':') {
            Some((user, _)) if world.users.contains_key(user) => done(),
            _ => fails(1, "chpasswd: (line 1, user ) password not changed"),
        },
        _ => id(world, &args),
    }
}

const VALUED: [&str; 6] = ["--uid", "--gid", "--groups", "--home-dir", "--shell", "--comment"];
const MODIFIED: [&str; 6] = ["--uid", "--gid", "--groups", "--home", "--shell", "--comment"];

fn free_id(taken: &dyn Fn(u32) -> bool, system: bool) -> u32 {
    // As in Debian's login.defs: SYS_UID_MAX downwards, UID_MIN upwards.
    if system { (100..=999).rev().find(|n| !taken(*n)) } else { (1000..60_000).find(|n| !taken(*n)) }.unwrap_or(65_000)
}

fn group_id(world: &World, name: &str) -> Option<u32> {
    let number = name.parse().ok().filter(|gid| world.groups.values().any(|g| g.gid == *gid));
    world.groups.get(name).map(|g| g.gid).or(number)
}

fn join(world: &mut World, user: &str, groups: &str) -> Result<(), Output> {
    for group in groups.split(',').filter(|g| !g.is_empty()) {
        let Some(group) = world.groups.get_mut(group) else {
            return Err(fails(6, format!("usermod: group '{group}' does not exist")));
        };
        if !group.members.iter().any(|m| m == user) {
            group.members.push(user.to_owned());
        }
    }
    Ok(())
}

fn useradd(world: &mut World, args: &[&str]) -> Output {
    let (flags, names) = options(args, &VALUED);
    let [name] = names.as_slice() else { return fails(2, "Usage: useradd [options] LOGIN") };
    let value = |flag: &str| flags.iter().find(|(f, _)| *f == flag).map(|(_, v)| *v);
    if world.users.contains_key(*name) {
        return fails(9, format!("useradd: user '{name}' already exists"));
    }
    let odd = |b: u8| !(b.is_ascii_alphanumeric() || b"-_.$".contains(&b));
    if name.bytes().any(odd) || name.starts_with('-') {
        return fails(3, format!("useradd: invalid user name '{name}': use --badname to ignore"));
    }
    let system = value("--system").is_some();
    let uid = match value("--uid").map(str::parse::<u32>) {
        None => free_id(&|n| world.users.values().any(|u| u.uid == n), system),
        Some(Ok(uid)) if world.users.values().any(|u| u.uid == uid) => {
            return fails(4, format!("useradd: UID {uid} is not unique"));
        }
        Some(Ok(uid)) => uid,
        Some(Err(_)) => return fails(3, "useradd: invalid user ID"),
    };
    if let Some(missing) =
        value("--groups").into_iter().flat_map(|g| g.split(',')).find(|g| !world.groups.contains_key(*g))
    {
        return fails(6, format!("useradd: group '{missing}' does not exist"));
    }
    let gid = match value("--gid") {
        Some(group) => match group_id(world, group) {
            Some(gid) => gid,
            None => return fails(6, format!("useradd: group '{group}' does not exist")),
        },
        None if world.groups.contains_key(*name) => {
            return fails(
                9,
                format!("useradd: group {name} exists - if you want to add this user to that group, use -g."),
            );
        }
        None => {
            let taken = |n: u32| world.groups.values().any(|g| g.gid == n);
            let gid = if taken(uid) { free_id(&taken, system) } else { uid };
            world.groups.insert((*name).into(), Group { name: (*name).into(), gid, members: vec![] });
            gid
        }
    };
    let home = value("--home-dir").map_or_else(|| format!("/home/{name}"), str::to_owned);
    let user = User {
        name: (*name).into(),
        uid,
        gid,
        comment: value("--comment").unwrap_or_default().into(),
        home: home.clone(),
        shell: value("--shell").unwrap_or("/bin/sh").into(),
    };
    world.users.insert((*name).into(), user);
    if value("--create-home").is_some() && !world.files.is_there(&home) {
        make_home(world, &home, uid, gid);
    }
    match join(world, name, value("--groups").unwrap_or_default()) {
        Ok(()) => done(),
        Err(output) => output,
    }
}

fn make_home(world: &mut World, home: &str, uid: u32, gid: u32) {
    let Ok(path) = HostPath::new(home) else { return };
    let owner = Some(Ownership::of(uid.to_string(), gid.to_string()));
    let _refused = world.files.root(&Action::MakeDir { path, mode: 0o700, owner });
}

fn usermod(world: &mut World, args: &[&str]) -> Output {
    let (flags, names) = options(args, &MODIFIED);
    let [name] = names.as_slice() else { return fails(2, "Usage: usermod [options] LOGIN") };
    let value = |flag: &str| flags.iter().find(|(f, _)| *f == flag).map(|(_, v)| *v);
    let Some(mut user) = world.users.get(*name).cloned() else {
        return fails(6, format!("usermod: user '{name}' does not exist"));
    };
    if let Some(uid) = value("--uid").and_then(|v| v.parse().ok()) {
        if world.users.values().any(|u| u.uid == uid && u.name != *name) {
            return fails(4, format!("usermod: UID '{uid}' already exists"));
        }
        user.uid = uid;
    }
    if let Some(group) = value("--gid") {
        let Some(gid) = group_id(world, group) else {
            return fails(6, format!("usermod: group '{group}' does not exist"));
        };
        user.gid = gid;
    }
    if let Some(home) = value("--home") {
        if value("--move-home").is_some() && world.files.is_there(&user.home) && !world.files.is_there(home) {
            world.files.unlink(&user.home);
            make_home(world, home, user.uid, user.gid);
        }
        user.home = home.into();
    }
    user.shell = value("--shell").map_or(user.shell, str::to_owned);
    user.comment = value("--comment").map_or(user.comment, str::to_owned);
    if let Some(groups) = value("--groups") {
        if value("--append").is_none() {
            world.groups.values_mut().for_each(|g| g.members.retain(|m| m != name));
        }
        if let Err(output) = join(world, name, groups) {
            return output;
        }
    }
    world.users.insert((*name).into(), user);
    done()
}

fn userdel(world: &mut World, args: &[&str]) -> Output {
    let (flags, names) = options(args, &[]);
    let [name] = names.as_slice() else { return fails(2, "Usage: userdel [options] LOGIN") };
    let Some(user) = world.users.remove(*name) else {
        return fails(6, format!("userdel: user '{name}' does not exist"));
    };
    // USERGROUPS_ENAB: a group of the same name with nobody else in it goes along.
    world.groups.values_mut().for_each(|g| g.members.retain(|m| m != name));
    if world.groups.get(*name).is_some_and(|g| g.gid == user.gid) {
        world.groups.remove(*name);
    }
    if flags.iter().any(|(f, _)| *f == "--remove") {
        world.files.unlink(&user.home);
    }
    done()
}

fn groupadd(world: &mut World, args: &[&str]) -> Output {
    let (flags, names) = options(args, &["--gid"]);
    let [name] = names.as_slice() else { return fails(2, "Usage: groupadd [options] GROUP") };
    let value = |flag: &str| flags.iter().find(|(f, _)| *f == flag).map(|(_, v)| *v);
    if world.groups.contains_key(*name) {
        return fails(9, format!("groupadd: group '{name}' already exists"));
    }
    let taken = |n: u32| world.groups.values().any(|g| g.gid == n);
    let gid = match value("--gid").and_then(|v| v.parse().ok()) {
        Some(gid) if taken(gid) => return fails(4, format!("groupadd: GID '{gid}' already exists")),
        Some(gid) => gid,
        None => free_id(&taken, value("--system").is_some()),
    };
    world.groups.insert((*name).into(), Group { name: (*name).into(), gid, members: vec![] });
    done()
}

fn groupmod(world: &mut World, args: &[&str]) -> Output {
    let (flags, names) = options(args, &["--gid"]);
    let [name] = names.as_slice() else { return fails(2, "Usage: groupmod [options] GROUP") };
    let gid = flags.iter().find(|(f, _)| *f == "--gid").and_then(|(_, v)| v.parse().ok());
    if let Some(gid) = gid.filter(|gid| world.groups.values().any(|g| g.gid == *gid && g.name != *name)) {
        return fails(4, format!("groupmod: GID '{gid}' already exists"));
    }
    let Some(group) = world.groups.get_mut(*name) else {
        return fails(6, format!("groupmod: group '{name}' does not exist"));
    };
    group.gid = gid.unwrap_or(group.gid);
    done()
}

fn groupdel(world: &mut World, args: &[&str]) -> Output {
    let [name] = args else { return fails(2, "Usage: groupdel [options] GROUP") };
    let Some(gid) = world.groups.get(*name).map(|g| g.gid) else {
        return fails(6, format!("groupdel: group '{name}' does not exist"));
    };
    if let Some(user) = world.users.values().find(|u| u.gid == gid) {
        return fails(8, format!("groupdel: cannot remove the primary group of user '{}'", user.name));
    }
    world.groups.remove(*name);
    done()
}

fn gpasswd(world: &mut World, args: &[&str]) -> Output {
    let ["--delete", user, group] = args else { return fails(2, "Usage: gpasswd [option] GROUP") };
    let Some(found) = world.groups.get_mut(*group) else {
        return fails(3, format!("gpasswd: group '{group}' does not exist in /etc/group"));
    };
    if !found.members.iter().any(|m| m == user) {
        return fails(3, format!("gpasswd: user '{user}' is not a member of '{group}'"));
    }
    found.members.retain(|m| m != user);
    done()
}

fn id(world: &World, args: &[&str]) -> Output {
    let (["-nG", name] | ["-nG", "--", name]) = args else { return fails(1, "id: this is not understood") };
    let Some(user) = world.users.get(*name) else { return fails(1, format!("id: '{name}': no such user")) };
    let mut groups: Vec<&str> = world.groups.values().filter(|g| g.gid == user.gid).map(|g| g.name.as_str()).collect();
    groups.extend(world.groups.values().filter(|g| g.members.iter().any(|m| m == name)).map(|g| g.name.as_str()));
    groups.dedup();
    says(format!("{}\n", groups.join(" ")))
}
