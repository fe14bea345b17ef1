//! Rights over a guest's options that depend on their values: devices of the host, drives, tags.
use super::answer::Fail;
use super::format::list;
use super::permission;
use super::props::{self, Keys};
use super::world::{Identity, World};

/// Whose rights over which guest are asked for.
#[derive(Clone, Copy)]
pub(crate) struct Rights<'a> {
    pub(crate) world: &'a World,
    pub(crate) who: &'a Identity,
    pub(crate) vmid: u32,
    /// The pool that a guest being made will be in.
    pub(crate) pool: Option<&'a str>,
}

impl Rights<'_> {
    /// Demands all of these privileges on the guest, or on the pool that it will be in.
    pub(crate) fn need(self, privileges: &[&str]) -> Result<(), Fail> {
        if let Some(pool) = self.pool
            && permission::need(self.world, self.who, &format!("/pool/{pool}"), privileges).is_ok()
        {
            return Ok(());
        }
        permission::need(self.world, self.who, &format!("/vms/{}", self.vmid), privileges)
    }

    /// Demands one of these privileges.
    pub(crate) fn need_any(self, privileges: &[&str]) -> Result<(), Fail> {
        if let Some(pool) = self.pool
            && permission::need_any(self.world, self.who, &format!("/pool/{pool}"), privileges).is_ok()
        {
            return Ok(());
        }
        permission::need_any(self.world, self.who, &format!("/vms/{}", self.vmid), privileges)
    }

    fn mapping(self, path: &str) -> Result<(), Fail> {
        permission::need(self.world, self.who, &format!("/mapping/{path}"), &["Mapping.Use"])
    }

    /// A device of the host: real ones are root's, mapped ones need Mapping.Use. Serial ports are told apart by `verb`.
    pub(crate) fn device(self, option: &str, value: &str, verb: &str) -> Result<(), Fail> {
        if self.who.is_root() {
            return Ok(());
        }
        let keys = props::keys(self.world.release, false, option, value);
        let key = |name: &str| keys.get(name).map(String::as_str);
        let number = stem(option).len() < option.len();
        match stem(option) {
            "serial" if number => {
                if value != "socket" {
                    return Err(Fail::die(format!("only root can {verb} '{option}' config for real devices")));
                }
                self.need(&["VM.Config.HWType"])
            }
            "usb" if number => {
                self.need(&["VM.Config.HWType"])?;
                match (key("host"), key("mapping")) {
                    (Some(host), _) if host.eq_ignore_ascii_case("spice") => Ok(()),
                    (Some(_), _) => Err(Fail::die(format!("only root can set '{option}' config for real devices"))),
                    (None, Some(mapping)) => self.mapping(&format!("usb/{mapping}")),
                    _ => Err(Fail::die("either 'host' or 'mapping' must be set.")),
                }
            }
            "hostpci" if number => {
                match (key("host"), key("mapping")) {
                    (Some(_), _) => {
                        return Err(Fail::die(format!("only root can set '{option}' config for non-mapped devices")));
                    }
                    (None, Some(mapping)) => self.mapping(&format!("pci/{mapping}"))?,
                    _ => return Err(Fail::die("either 'host' or 'mapping' must be set.")),
                }
                self.need(&["VM.Config.HWType"])?;
                match key("romfile") {
                    Some(_) => Err(Fail::param(option, "only root@pam can set 'romfile' option")),
                    None => Ok(()),
                }
            }
            "rng" if number => {
                self.need(&["VM.Config.HWType"])?;
                if key("source") == Some("/dev/hwrng") { self.mapping("hwrng") } else { Ok(()) }
            }
            "virtiofs" if number => {
                self.need(&["VM.Config.Disk"])?;
                self.mapping(&format!("dir/{}", key("dirid").unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    /// A drive: cloud-init's, a CD, or a disk.
    pub(crate) fn drive(self, keys: &Keys) -> Result<(), Fail> {
        let file = keys.get("file").map(String::as_str).unwrap_or_default();
        if is_cloudinit(file) {
            self.need(&["VM.Config.Cloudinit", "VM.Config.CDROM"])
        } else if keys.get("media").map(String::as_str) == Some("cdrom") {
            self.need(&["VM.Config.CDROM"])
        } else {
            self.need(&["VM.Config.Disk"])
        }
    }

    /// Tags: those that come or go must be free, or the caller may change the whole system.
    pub(crate) fn tags(self, old: &str, new: &str) -> Result<(), Fail> {
        self.need(&["VM.Config.Options"])?;
        if permission::need(self.world, self.who, "/", &["Sys.Modify"]).is_ok() {
            return Ok(());
        }
        let style = |name: &str| {
            let text = self.world.options.get("user-tag-access").map(String::as_str).unwrap_or_default();
            let part =
                text.split(',').find_map(|part| part.trim().strip_prefix(&format!("{name}=")).map(str::to_owned));
            part.unwrap_or_default()
        };
        let allow = style("user-allow");
        let registered = self.world.options.get("registered-tags").cloned().unwrap_or_default();
        let mut known: Vec<String> = Vec::new();
        if matches!(allow.as_str(), "list" | "existing") {
            known.extend(list(&style("user-allow-list")).map(str::to_owned));
        }
        if allow == "existing" {
            let seen = self.world.guests.values().filter_map(|guest| guest.get("tags"));
            seen.for_each(|tags| known.extend(list(tags).map(str::to_owned)));
        }
        let free = matches!(allow.as_str(), "" | "free");
        let (old, new): (Vec<&str>, Vec<&str>) = (list(old).collect(), list(new).collect());
        let changed = new.iter().filter(|tag| !old.contains(tag)).chain(old.iter().filter(|tag| !new.contains(tag)));
        for tag in changed {
            let privileged = list(&registered).any(|other| other == *tag);
            if privileged || (!free && !known.iter().any(|other| other == tag)) {
                return Err(Fail::Forbidden(format!("/, Sys.Modify for modifying tag '{tag}'")));
            }
        }
        Ok(())
    }
}

/// Whether a volume is a cloud-init drive, there or asked for.
pub(crate) fn is_cloudinit(file: &str) -> bool {
    let name = file.split_once(':').map_or(file, |(_, name)| name);
    name == "cloudinit"
        || name.rsplit('/').next().is_some_and(|name| name.starts_with("vm-") && name.contains("-cloudinit"))
}

fn stem(option: &str) -> &str {
    option.trim_end_matches(|letter: char| letter.is_ascii_digit())
}
