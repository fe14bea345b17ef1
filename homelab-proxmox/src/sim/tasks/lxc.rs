//! Creating containers.
use super::super::answer::Fail;
use super::super::props;
use super::super::world::{Identity, Texts, World, format_size};
use super::disk::{self, New, Spec};
use super::{Job, Locks, Task, moving};

fn missing(world: &World, vmid: u32, template: &str) -> Result<(), Fail> {
    let node = world.guests.get(&vmid).map(|guest| guest.node.clone()).unwrap_or_default();
    if world.volume(&node, template).is_some() {
        return Ok(());
    }
    Err(Fail::die(format!("unable to create CT {vmid} - volume '{template}' does not exist")))
}

/// The template must be there; unpacking takes a while.
pub(super) fn begin(world: &mut World, vmid: u32, template: &str, disks: &[(String, Spec)]) -> Result<u64, Fail> {
    missing(world, vmid, template)?;
    Ok(world.pace.ms(6_000) + world.pace.ms(500) * disks.len() as u64)
}

/// Makes a container's volumes, and returns their options as they are stored.
pub(crate) fn make_volumes(
    world: &mut World,
    task: Option<&mut Task>,
    node: &str,
    vmid: u32,
    options: &Texts,
    disks: &[(String, Spec)],
) -> Result<Texts, Fail> {
    let mut made = Texts::new();
    let mut task = task;
    for (key, spec) in disks {
        let value = options.get(key).cloned().unwrap_or_default();
        let mut keys = props::keys(world.release, true, key, &value);
        if let Spec::New { storage, bytes } = spec {
            let new = New { node, vmid, storage, bytes: *bytes, format: "raw", os: None, role: "" };
            let volid = disk::allocate(world, task.as_deref_mut(), &new)?;
            moving::relabel(world, node, &volid);
            keys.insert("volume".to_owned(), volid);
            keys.insert("size".to_owned(), format_size(*bytes));
        } else if let Spec::Volume(volid) = spec
            && let Some(size) = world.size_text(node, volid)
        {
            keys.insert("size".to_owned(), size);
        }
        let text = props::print_mount(&keys);
        made.insert(key.clone(), text);
    }
    Ok(made)
}

pub(super) fn finish(
    world: &mut World,
    task: &mut Task,
    vmid: u32,
    template: &str,
    options: Texts,
    disks: &[(String, Spec)],
    start: bool,
) -> Result<(), Fail> {
    missing(world, vmid, template)?;
    let node = world.guests.get(&vmid).map(|guest| guest.node.clone()).unwrap_or_default();
    let made = make_volumes(world, Some(task), &node, vmid, &options, disks)?;
    let file = template.rsplit('/').next().unwrap_or_default();
    task.say(format!("extracting archive '{}'", disk::path_of(world, template)));
    let known =
        ["debian", "ubuntu", "alpine", "archlinux", "centos", "fedora", "opensuse", "gentoo", "nixos", "devuan"];
    let mut config = options;
    config.extend(made);
    let guessed = known.into_iter().find(|name| file.starts_with(name)).unwrap_or("debian");
    config.entry("ostype".to_owned()).or_insert_with(|| guessed.to_owned());
    config.entry("arch".to_owned()).or_insert_with(|| "amd64".to_owned());
    config.entry("hostname".to_owned()).or_insert_with(|| format!("CT{vmid}"));
    for (key, value) in [("memory", "512"), ("swap", "512")] {
        config.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    if let Some(guest) = world.guests.get_mut(&vmid) {
        guest.config = config;
    }
    if start {
        let who = Identity { user: task.who.user.clone(), token: task.who.token.clone() };
        let from = world.now + world.pace.ms(500);
        let job = Job::Start { vmid, skiplock: false };
        world.start_task_at(from, &node, "vzstart", &vmid.to_string(), &who, Locks::alone(vmid), job);
    }
    Ok(())
}
