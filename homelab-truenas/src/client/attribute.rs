//! Which field a complaint is about: the NAS has two vocabularies for it (notes section 3).

/// The field that a complaint is about, without what only its author needs: the name of the parameter, of the model, of the
/// member of a union. `data.topology.data.0.RAIDZ2.disks` is `topology.data.0.disks`, `pool_create.topology` is `topology`.
#[must_use]
pub fn field_of(attribute: &str) -> String {
    let plain = without_labels(attribute);
    let mut parts: Vec<&str> = plain.split('.').filter(|part| !part.is_empty()).collect();
    // The first is the parameter's name, or that of the method with underscores.
    if parts.len() > 1 || parts.first().is_some_and(|first| is_stage(first)) {
        parts.remove(0);
    }
    parts.retain(|part| !is_label(part));
    parts.join(".")
}

/// `pool_create`, `sharingsmb_update`: how plugins name themselves.
fn is_stage(part: &str) -> bool {
    ["create", "update", "delete", "setperm", "setacl", "chown", "options", "data"]
        .iter()
        .any(|verb| part == *verb || part.strip_suffix(verb).is_some_and(|rest| rest.ends_with('_')))
}

/// The class, or the tag, of a member of a union. Fields are written in small letters.
fn is_label(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_uppercase()) || part.starts_with("constrained-")
}

/// Cuts out labels with brackets in them, which have dots of their own: `literal[0,None]`, `list[function-after[check(), X]]`.
fn without_labels(attribute: &str) -> String {
    let (mut out, mut depth) = (String::new(), 0_usize);
    for symbol in attribute.chars() {
        match symbol {
            '[' => {
                if depth == 0 {
                    out.truncate(out.rfind('.').map_or(0, |dot| dot + 1));
                }
                depth += 1;
            }
            ']' => depth = depth.saturating_sub(1),
            symbol if depth == 0 => out.push(symbol),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::field_of;

    #[test]
    fn both_vocabularies_lead_to_our_field() {
        for (attribute, field) in [
            ("data.topology.log.0.type", "topology.log.0.type"),
            ("data.topology.data.0.RAIDZ2.disks", "topology.data.0.disks"),
            ("data.PoolDatasetCreateVolume.volsize", "volsize"),
            ("pool_create.topology", "topology"),
            ("sharingsmb_create.name", "name"),
            ("data.quota.constrained-int", "quota"),
            ("data.quota.literal[0,None]", "quota"),
            ("data.recordsize.is-instance[_NotRequired]", "recordsize"),
            ("filesystem_acl.dacl.list[function-after[check_ace_valid(), NFS4ACE]].0.perms", "dacl.0.perms"),
            ("data.options.DEFAULT_SHARE.aapl_name_mangling", "options.aapl_name_mangling"),
            ("", ""),
            ("data", ""),
            ("id", "id"),
        ] {
            assert_eq!(field_of(attribute), field, "{attribute}");
        }
    }
}
