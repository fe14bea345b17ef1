//! SMB shares as they were before 25.10: flat fields, and purposes under other names (truenas-notes section 5 and the schemas).
use crate::resource::row::Fields;
use serde_json::{Map, Value};

/// Purposes: what 25.10 calls them, and what they were called. Of two old names for one the first is written.
const PURPOSES: [(&str, &str); 6] = [
    ("TIMEMACHINE_SHARE", "TIMEMACHINE"),
    ("TIMEMACHINE_SHARE", "ENHANCED_TIMEMACHINE"),
    ("MULTIPROTOCOL_SHARE", "MULTI_PROTOCOL_NFS"),
    ("PRIVATE_DATASETS_SHARE", "PRIVATE_DATASETS"),
    ("TIME_LOCKED_SHARE", "WORM_DROPBOX"),
    ("LEGACY_SHARE", "NO_PRESET"),
];
/// Fields that have another name now, and the old one.
const FIELDS: [(&str, &str); 2] = [("readonly", "ro"), ("access_based_share_enumeration", "abe")];
/// Fields that are options of a purpose now.
const OPTIONS: [&str; 4] = ["timemachine_quota", "hostsallow", "hostsdeny", "aapl_name_mangling"];

/// A share of 25.10 in the old words.
pub(super) fn write(mut body: Fields) -> Fields {
    for (new, old) in FIELDS {
        body.shift_remove(new).and_then(|value| body.insert(old.to_owned(), value));
    }
    if let Some(Value::Object(options)) = body.shift_remove("options") {
        body.extend(options.into_iter().filter(|(name, _)| OPTIONS.contains(&name.as_str())));
    }
    rename(&mut body, |purpose| PURPOSES.iter().find(|(new, _)| *new == purpose).map(|(_, old)| *old));
    body
}

/// An old share in the words of 25.10; one that is not old stays as it is.
pub(super) fn read(mut row: Fields) -> Fields {
    if row.contains_key("options") {
        return row;
    }
    for (new, old) in FIELDS {
        row.shift_remove(old).and_then(|value| row.insert(new.to_owned(), value));
    }
    let options: Map<String, Value> =
        OPTIONS.iter().filter_map(|name| Some(((*name).to_owned(), row.shift_remove(*name)?))).collect();
    row.insert("options".to_owned(), options.into());
    rename(&mut row, |purpose| PURPOSES.iter().find(|(_, old)| *old == purpose).map(|(new, _)| *new));
    row
}

fn rename(fields: &mut Fields, other: impl Fn(&str) -> Option<&'static str>) {
    if let Some(Value::String(purpose)) = fields.get_mut("purpose")
        && let Some(name) = other(purpose)
    {
        name.clone_into(purpose);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(value: &Value) -> Fields {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn a_share_in_old_words_is_read_as_it_was_written() {
        let share = fields(&json!({"name": "Macs", "purpose": "TIMEMACHINE_SHARE", "readonly": false,
            "access_based_share_enumeration": true, "options": {"timemachine_quota": 1_u64 << 40, "hostsallow": ["10.0.0.0/8"]}}));
        let old = write(share.clone());
        assert_eq!(
            Value::from(old.clone()),
            json!({"name": "Macs", "purpose": "TIMEMACHINE", "ro": false, "abe": true, "timemachine_quota": 1_u64 << 40,
                "hostsallow": ["10.0.0.0/8"]})
        );
        assert_eq!(read(old), share);
    }

    #[test]
    fn what_has_one_name_in_both_keeps_it_and_a_new_share_is_left_alone() {
        let share = fields(&json!({"purpose": "DEFAULT_SHARE", "options": {}}));
        assert_eq!(Value::from(write(share.clone())), json!({"purpose": "DEFAULT_SHARE"}));
        assert_eq!(read(share.clone()), share);
    }

    #[test]
    fn a_part_of_a_share_that_is_changed_has_no_other_fields() {
        assert_eq!(Value::from(write(fields(&json!({"readonly": true})))), json!({"ro": true}));
    }
}
