//! The boot loader's configuration.

/// What the boot loader starts unless somebody chooses something else. Paths are relative to the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The kernel.
    pub linux: String,
    /// The initial ram disk.
    pub initrd: String,
    /// The directory of the device trees, if it has one.
    pub fdtdir: Option<String>,
    /// The kernel's parameters.
    pub append: String,
}

impl Entry {
    /// The system that is started: `init=/nix/store/../init` among the parameters.
    #[must_use]
    pub fn system(&self) -> Option<&str> {
        let init = self.append.split_whitespace().find_map(|word| word.strip_prefix("init="))?;
        init.strip_suffix("/init")
    }
}

/// The entry that `DEFAULT` names.
#[must_use]
pub fn default_entry(conf: &str) -> Option<Entry> {
    let words = |line: &str| -> Option<(String, String)> {
        let (key, rest) = line.trim().split_once(char::is_whitespace)?;
        Some((key.to_ascii_uppercase(), rest.trim().to_owned()))
    };
    let lines: Vec<(String, String)> = conf.lines().filter_map(words).collect();
    let default = &lines.iter().find(|(key, _)| key == "DEFAULT")?.1;
    let at = lines.iter().position(|(key, label)| key == "LABEL" && label == default)?;
    let mut entry = Entry::default();
    for (key, value) in lines[at + 1..].iter().take_while(|(key, _)| key != "LABEL") {
        match key.as_str() {
            "LINUX" => entry.linux.clone_from(value),
            "INITRD" => entry.initrd.clone_from(value),
            "FDTDIR" => entry.fdtdir = Some(value.clone()),
            "APPEND" => entry.append.clone_from(value),
            _ => {}
        }
    }
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_of_the_boot_loader_is_the_entry_of_its_label() {
        let conf = "# Generated\n\nDEFAULT nixos-default\n\nMENU TITLE x\nTIMEOUT 50\n\nLABEL nixos-default\n  MENU LABEL NixOS - Default\n  \
                    LINUX ../nixos/aaa-Image\n  INITRD ../nixos/bbb-initrd\n  APPEND init=/nix/store/ccc-nixos-system/init console=tty0\n  FDTDIR \
                    ../nixos/ddd-dtbs\n\nLABEL nixos-12-default\n  APPEND init=/nix/store/old/init\n";
        let entry = default_entry(conf).unwrap();
        assert_eq!(entry.system(), Some("/nix/store/ccc-nixos-system"));
        assert_eq!((entry.linux.as_str(), entry.fdtdir.as_deref()), ("../nixos/aaa-Image", Some("../nixos/ddd-dtbs")));
        assert_eq!(default_entry("DEFAULT other\nLABEL nixos-default\n  APPEND init=/nix/store/x/init"), None);
        assert_eq!(default_entry(""), None);
    }
}
