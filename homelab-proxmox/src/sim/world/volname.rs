//! Reading the names of volumes, and who may use one.
use super::super::answer::Fail;
use super::super::check::matches_whole;
use super::super::permission;
use super::{Identity, World};

/// What the name of a volume says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VolumeName {
    /// `images`, `rootdir`, `iso`, `vztmpl`, `backup`, `snippets` or `import`.
    pub(crate) kind: &'static str,
    /// The guest that it belongs to.
    pub(crate) owner: Option<u32>,
    /// `raw`, `qcow2`, .., as the name has it.
    pub(crate) format: String,
}

impl World {
    /// Takes a volume id apart: the storage must be there, and the name one that its kind of storage gives.
    pub(crate) fn volume_name(&self, volid: &str) -> Result<VolumeName, Fail> {
        let parts = volid.split_once(':').filter(|(id, _)| is_storage_id(id));
        let (id, name) = parts.ok_or_else(|| Fail::die(format!("unable to parse volume ID '{volid}'")))?;
        let kind = self.storage(id)?.get("type").map(String::as_str).unwrap_or_default();
        match kind {
            "lvm" | "lvmthin" => numbered(name, &["vm", "base"][..if kind == "lvm" { 1 } else { 2 }], "lvm"),
            "zfspool" | "zfs" => {
                let own = name.rsplit_once('/').map_or(name, |(_, own)| own);
                numbered(own, &["vm", "base", "subvol", "basevol"], "zfs")
            }
            "rbd" => numbered(name.rsplit_once('/').map_or(name, |(_, own)| own), &["vm", "base"], "rbd"),
            _ => file_name(name),
        }
    }

    /// Refuses a volume to who may not use it; `vmid` is the guest that it is wanted for.
    pub(crate) fn volume_access(
        &self,
        who: &Identity,
        vmid: Option<u32>,
        volid: &str,
        kind: Option<&str>,
    ) -> Result<(), Fail> {
        if volid.split_once(':').is_none_or(|(id, _)| !is_storage_id(id)) {
            let at = "at /usr/share/perl5/PVE/Storage.pm line 502.";
            let text = format!("Only root can pass arbitrary filesystem paths. {at}");
            return if who.is_root() { Ok(()) } else { Err(Fail::die(text)) };
        }
        let name = self.volume_name(volid)?;
        if kind.is_some_and(|kind| kind != name.kind && (kind != "rootdir" || name.kind != "images")) {
            let kind = kind.unwrap_or_default();
            return Err(Fail::die(format!("unable to use volume {volid} - content type needs to be '{kind}'")));
        }
        let path = format!("/storage/{}", volid.split(':').next().unwrap_or_default());
        let need = |path: &str, privilege: &str| permission::need(self, who, path, &[privilege]);
        if need(&path, "Datastore.Allocate").is_ok() {
            return Ok(());
        }
        match (name.kind, name.owner) {
            ("iso" | "vztmpl" | "import", _) => {
                permission::need_any(self, who, &path, &["Datastore.AllocateSpace", "Datastore.Audit"])
            }
            (_, Some(owner)) if vmid == Some(owner) => Ok(()),
            ("backup", Some(owner)) => {
                need(&path, "Datastore.AllocateSpace")?;
                need(&format!("/vms/{owner}"), "VM.Backup")
            }
            ("images" | "rootdir", Some(owner)) => {
                need(&path, "Datastore.Audit")?;
                need(&format!("/vms/{owner}"), "VM.Config.Disk")
            }
            _ => Err(Fail::die(format!("missing privileges to access {volid}"))),
        }
    }
}

/// Whether a text may be a storage's id.
pub(crate) fn is_storage_id(id: &str) -> bool {
    matches_whole(r"(?i)[a-z][a-z0-9\-_.]*[a-z0-9]", id)
}

fn numbered(name: &str, stems: &[&str], what: &str) -> Result<VolumeName, Fail> {
    let mut parts = name.splitn(3, '-');
    let (stem, owner, rest) = (parts.next(), parts.next().and_then(|owner| owner.parse().ok()), parts.next());
    if stem.is_some_and(|stem| stems.contains(&stem))
        && owner.is_some()
        && rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
    {
        let tree = stem.is_some_and(|stem| stem.ends_with("vol"));
        let format = if tree { "subvol" } else { "raw" }.to_owned();
        return Ok(VolumeName { kind: "images", owner, format });
    }
    Err(Fail::die(format!("unable to parse {what} volume name '{name}'")))
}

/// The name of a guest's disk that is a file.
fn disk_file(name: &str) -> Result<String, Fail> {
    let end = name.rsplit_once('.').filter(|(stem, end)| {
        !stem.is_empty()
            && !name.contains(|letter: char| letter == '/' || letter.is_whitespace())
            && ["raw", "qcow2", "vmdk", "subvol"].contains(end)
    });
    end.map(|(_, end)| end.to_owned()).ok_or_else(|| Fail::die(format!("unable to parse volume filename '{name}'")))
}

fn file_name(name: &str) -> Result<VolumeName, Fail> {
    let parts: Vec<&str> = name.split('/').collect();
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    if let [base, base_file, own, file] = parts.as_slice()
        && number(base).is_some()
        && let Some(owner) = number(own)
    {
        disk_file(base_file)?;
        return Ok(VolumeName { kind: "images", owner: Some(owner), format: disk_file(file)? });
    }
    if let Some((own, file)) = name.split_once('/')
        && let Some(owner) = number(own)
        && !file.is_empty()
    {
        return Ok(VolumeName { kind: "images", owner: Some(owner), format: disk_file(file)? });
    }
    let known = |kind, pattern: &str| matches_whole(pattern, name).then_some(kind);
    let kind = known("iso", r"(?i)iso/[^/]+\.(iso|img)")
        .or_else(|| known("vztmpl", r"(?i)vztmpl/[^/]+\.tar\.(gz|xz|zst|bz2)"))
        .or_else(|| known("rootdir", r"rootdir/\d+"))
        .or_else(|| known("backup", r"backup/[^/]+\.(tgz|(tar|vma)(\.(gz|lzo|zst|bz2))?)"))
        .or_else(|| known("snippets", "snippets/[^/]+"))
        .or_else(|| known("import", r"import/[a-zA-Z0-9_. +\-]+\.(ova|ovf|qcow2|raw|vmdk)"))
        .or_else(|| known("import", r"import/[a-zA-Z0-9_. +\-]+\.ova/[a-zA-Z0-9_. +\-]+\.(qcow2|raw|vmdk)"));
    let kind = kind.ok_or_else(|| Fail::die(format!("unable to parse directory volume name '{name}'")))?;
    let end = name.rsplit('.').next().unwrap_or_default();
    let format = match kind {
        "import" if parts.len() == 3 => format!("ova+{end}"),
        "import" => end.to_owned(),
        _ => "raw".to_owned(),
    };
    let owner = match kind {
        "backup" => ["qemu", "lxc", "openvz"]
            .iter()
            .find_map(|what| number(parts[1].strip_prefix(&format!("vzdump-{what}-"))?.split('-').next()?)),
        "rootdir" => number(parts[1]),
        _ => None,
    };
    Ok(VolumeName { kind, owner, format })
}
