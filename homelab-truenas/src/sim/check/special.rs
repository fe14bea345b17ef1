//! What models check beyond their schema: names, addresses, masks, how fields go together (notes section 12).
use super::{Bad, cron};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// A check of one field: how pydantic calls the type in a union, and what is wrong with a value.
pub(super) struct Special {
    pub(super) label: &'static str,
    pub(super) check: fn(&Value) -> Option<String>,
    /// Whether a list is checked, and complained about, as a whole.
    pub(super) whole: bool,
}

macro_rules! special {
    ($name:ident, $label:literal, $check:expr) => {
        static $name: Special = Special { label: $label, check: |value| on_text(value, $check), whole: false };
    };
}

special!(ADDRESS, "function-after[_validate_ipaddr(), constrained-str]", |text| {
    text.parse::<IpAddr>().is_err().then(|| "value is not a valid IPv4 or IPv6 address".into())
});
special!(HOSTNAME, "constrained-str", |text| {
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
        && text.ends_with(|c: char| c.is_ascii_alphanumeric());
    (!fits).then(|| {
        "Assertion failed, Hostname can only contain letters, numbers, periods, and dashes and must end with a letter or number"
            .into()
    })
});
special!(DOMAIN, "constrained-str", |text| {
    let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
    (!fits).then(|| "Assertion failed, Domain can only contain letters, numbers, periods, and dashes".into())
});
special!(NAMING, "constrained-str", naming);
special!(SHARE_NAME, "constrained-str", share_name);
static SERVER_SHARE: Special = Special {
    label: "list[constrained-str]",
    check: |value| {
        let fits =
            |text: &&str| text.split_once('\\').is_some_and(|(server, share)| !server.is_empty() && !share.is_empty());
        let wrong = value.as_array()?.iter().filter_map(Value::as_str).find(|text| !fits(text))?;
        Some(format!("Value error, {wrong}: DFS proxy must be of format SERVER\\SHARE"))
    },
    whole: true,
};
special!(PRIVATE_NAMING, "constrained-str", |text| {
    let wrong = text.match_indices('%').any(|(at, _)| !["%U", "%D"].iter().any(|v| text[at..].starts_with(v)));
    (wrong || !text.contains("%U")).then(|| "Value error, dataset naming schema may only contain %U and %D".into())
});
special!(NETBIOS, "constrained-str", netbios);
special!(MASK, "function-after[validate_unix_perm(), constrained-str]", |text| {
    let octal = u32::from_str_radix(text, 8).is_ok_and(|mode| mode <= 0o777);
    (!octal).then(|| "Value error, Not a valid integer. Must be between 000 and 777".into())
});
special!(USER_NAME, "constrained-str", |text| name(text, true));
special!(GROUP_NAME, "constrained-str", |text| name(text, false));
special!(TARGET_NAME, "constrained-str", |text| {
    let fits = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:".contains(c));
    (!fits).then(|| {
        "Assertion failed, Name can only contain lowercase alphanumeric charactersplus dot (.), dash (-), and colon (:)".into()
    })
});
special!(SID, "function-after[validate_sid(), constrained-str]", |text| {
    let parts: Vec<&str> = text.split('-').collect();
    let fits = parts.len() >= 3 && parts[0] == "S" && parts[1..].iter().all(|part| part.parse::<u64>().is_ok());
    (!fits).then(|| "Assertion failed, SID is malformed. See MS-DTYP Section 2.4 for SID type specifications.".into())
});
special!(TIME, "constrained-str", |text| {
    let clock = text.split_once(':').is_some_and(|(hour, minute)| {
        let number = |text: &str, most: u32| text.len() == 2 && text.parse::<u32>().is_ok_and(|n| n <= most);
        number(hour, 23) && number(minute, 59)
    });
    (!clock).then(|| "Value error, Time should be in 24 hour format like \"18:00\"".into())
});

/// The check of a model's field, if it has one.
pub(super) fn field(model: &str, name: &str) -> Option<&'static Special> {
    let found = match (model, name) {
        ("IscsiPortalIP", "ip") => &ADDRESS,
        (model, "address") if model.ends_with("Alias") => &ADDRESS,
        (
            "NetWorkConfigurationUpdate",
            "ipv4gateway" | "ipv6gateway" | "nameserver1" | "nameserver2" | "nameserver3",
        ) => &ADDRESS,
        ("NetWorkConfigurationUpdate", "hostname") => &HOSTNAME,
        ("NetWorkConfigurationUpdate", "domain") => &DOMAIN,
        (_, "naming_schema") if model.starts_with("PoolSnapshotTask") || model.starts_with("Replication") => &NAMING,
        (_, "also_include_naming_schema") => &NAMING,
        ("SmbShareCreate" | "SmbShareUpdate", "name") => &SHARE_NAME,
        ("ExternalOpt", "remote_path") => &SERVER_SHARE,
        ("PrivateDatasetOpt", "dataset_naming_schema") => &PRIVATE_NAMING,
        ("SMBUpdateArgs", "netbiosname" | "workgroup" | "netbiosalias") => &NETBIOS,
        ("SMBUpdateArgs", "filemask" | "dirmask") | ("FilesystemSetpermArgs", "mode") => &MASK,
        ("UserCreate" | "UserUpdate", "username") => &USER_NAME,
        ("GroupCreate" | "GroupUpdate", "name") => &GROUP_NAME,
        ("IscsiTargetCreate" | "IscsiTargetUpdate", "name") => &TARGET_NAME,
        ("PrivilegeCreate" | "PrivilegeUpdate", "ds_groups") => &SID,
        ("PoolSnapshotTaskCron" | "ReplicationTimeCronModel", "begin" | "end") => &TIME,
        _ => return None,
    };
    Some(found)
}

/// Models that are checked as a whole, which shows in the labels of unions.
pub(super) fn is_checked(model: &str) -> bool {
    ["NFS4ACE", "POSIXACE"].contains(&model)
}

/// What is wrong with a model whose fields are right.
pub(super) fn whole(model: &str, fields: &Map<String, Value>) -> Option<String> {
    let given = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    if ["minute", "hour", "dom", "month", "dow"].iter().any(|name| fields.contains_key(*name))
        && ["Cron", "Schedule"].iter().any(|part| model.contains(part))
    {
        return cron::wrong(fields);
    }
    match model {
        "NFS4ACE" | "POSIXACE" => {
            let who = fields.get("tag").and_then(Value::as_str).is_some_and(|tag| ["USER", "GROUP"].contains(&tag));
            let text = "Value error, Numeric ID \"id\" or account name \"who\" must be specified";
            (who && !given("id") && !given("who")).then(|| text.into())
        }
        "SMBShareAclEntry" => {
            let named = ["ae_who_sid", "ae_who_id", "ae_who_str"].iter().any(|name| given(name));
            let text = "Value error, You must set one of the following fields to identify the user or group that this ACL entry applies to: ae_who_sid, ae_who_id, ae_who_str";
            (!named).then(|| text.into())
        }
        "FilesystemSetpermArgs" => {
            let strips = fields.get("options").and_then(|options| options.get("stripacl")) == Some(&Value::Bool(true));
            let text =
                "Value error, Payload must either explicitly specify permissions or contain the stripacl option.";
            (!given("mode") && !strips).then(|| text.into())
        }
        "SmbShareCreate" | "SmbShareUpdate" => {
            let is = |name: &str, text: &str| fields.get(name).and_then(Value::as_str) == Some(text);
            let text = "Value error, You must set `path` to \"EXTERNAL\" for external shares.";
            (is("purpose", "EXTERNAL_SHARE") && given("path") && !is("path", "EXTERNAL")).then(|| text.into())
        }
        _ => None,
    }
}

/// Purposes as they were called before 25.10, and what became of them.
const OLD_PURPOSES: [(&str, &str); 3] = [
    ("TIMEMACHINE", "TIMEMACHINE_SHARE"),
    ("ENHANCED_TIMEMACHINE", "TIMEMACHINE_SHARE"),
    ("WORM_DROPBOX", "TIME_LOCKED_SHARE"),
];
/// Fields of a share before 25.10 that are taken and dropped if a purpose is given.
const OLD_SHARE_FIELDS: [&str; 19] = [
    "path_suffix",
    "home",
    "timemachine",
    "timemachine_quota",
    "recyclebin",
    "guestok",
    "hostsallow",
    "hostsdeny",
    "aapl_name_mangling",
    "acl",
    "durablehandle",
    "shadowcopy",
    "streams",
    "fsrvp",
    "auxsmbconf",
    "afp",
    "cluster_volname",
    "vuid",
    "ro_abe",
];

/// What is done to parameters before they are judged.
pub(super) fn before(method: &str, params: &mut [Value]) -> Result<(), Bad> {
    let at = match method {
        "sharing.smb.create" => 0,
        "sharing.smb.update" => 1,
        _ => return Ok(()),
    };
    let Some(fields) = params.get_mut(at).and_then(Value::as_object_mut) else { return Ok(()) };
    let Some(purpose) = fields.get("purpose").cloned() else {
        let text = "Value error, You must set `purpose` if you set `options`.";
        return match fields.contains_key("options") {
            true => Err(Bad::Params(vec![("data".into(), text.into())])),
            false => Ok(()),
        };
    };
    let renamed = OLD_PURPOSES.iter().find(|(old, _)| purpose == *old);
    let purpose = renamed.map_or(purpose, |(_, new)| json!(new));
    fields.insert("purpose".into(), purpose.clone());
    for (old, new) in [("ro", "readonly"), ("abe", "access_based_share_enumeration")] {
        if let Some(value) = fields.remove(old) {
            fields.insert(new.into(), value);
        }
    }
    OLD_SHARE_FIELDS.iter().for_each(|field| drop(fields.shift_remove(*field)));
    match fields.entry("options").or_insert_with(|| json!({})) {
        Value::Object(options) => drop(options.insert("purpose".into(), purpose)),
        _ => return Err(Bad::Crash("'NoneType' object does not support item assignment")),
    }
    Ok(())
}

/// What is wrong with a text of a format.
pub(super) fn format(format: &str, text: &str) -> Option<String> {
    match format {
        "email" if !text.contains('@') => {
            Some("value is not a valid email address: An email address must have an @-sign.".into())
        }
        "uri" if !text.contains("://") => Some("Input should be a valid URL, relative URL without a base".into()),
        "ipvanyinterface" => {
            let address = text.split('/').next().unwrap_or_default();
            address.parse::<IpAddr>().is_err().then(|| "value is not a valid IPv4 or IPv6 interface".into())
        }
        _ => None,
    }
}

/// The few patterns that the API has.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        ".*:.*" => text.contains(':'),
        "^[a-z]([-a-z0-9]*[a-z0-9])?$" => {
            text.starts_with(|c: char| c.is_ascii_lowercase())
                && text.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        }
        _ => true,
    }
}

/// Applies a check to a text.
fn on_text(value: &Value, check: fn(&str) -> Option<String>) -> Option<String> {
    value.as_str().and_then(check)
}

fn naming(text: &str) -> Option<String> {
    if text.contains("%s") {
        return None;
    }
    let missing = ["%Y", "%m", "%d", "%H", "%M"].into_iter().find(|part| !text.contains(part))?;
    Some(format!("Value error, {missing} must be present in snapshot naming schema"))
}

fn share_name(text: &str) -> Option<String> {
    const INVALID: &str = "%<>*?|/\\+=;:\",[]";
    if text.is_empty() {
        return Some("Value error, Share name must contain at least one character".into());
    }
    let bad: Vec<String> = text.chars().filter(|c| INVALID.contains(*c)).map(String::from).collect();
    if !bad.is_empty() {
        return Some(format!(
            "Value error, {text}: share name contains the following invalid characters: {}",
            bad.join(", ")
        ));
    }
    if text.chars().any(char::is_control) {
        return Some(format!("Value error, {text}: share name contains unicode control characters"));
    }
    if ["global", "printers", "homes", "ipc$"].contains(&text.to_lowercase().as_str()) {
        return Some(format!("Value error, {text}: is a reserved share name"));
    }
    (text.chars().count() > 80)
        .then(|| format!("Value error, {text}: share name must not exceed 80 characters in length"))
}

fn netbios(text: &str) -> Option<String> {
    const RESERVED: [&str; 12] = [
        "anonymous",
        "authenticated user",
        "batch",
        "builtin",
        "creator group",
        "creator owner",
        "dialup",
        "gateway",
        "interactive",
        "internet",
        "local",
        "network",
    ];
    if RESERVED.contains(&text.to_lowercase().as_str()) {
        return Some(format!(
            "Value error, NetBIOS names may not be one of following reserved names: {}",
            RESERVED.join(", ")
        ));
    }
    let fits = (1..=15).contains(&text.chars().count())
        && !text.chars().all(|c| c.is_ascii_digit())
        && !text.chars().any(|c| ". \\/:*?\"<>|".contains(c));
    let words = "Value error, Invalid NetBIOS name. NetBIOS names must be between 1 and 15 characters in length and may not contain";
    (!fits).then(|| words.into())
}

/// The name of a user or a group.
fn name(text: &str, is_user: bool) -> Option<String> {
    let valid = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c) || (is_user && c == '$');
    let first = text.chars().next()?;
    if is_user && text.chars().count() > 32 {
        return Some("Value error, Cannot exceed 32 charaters in length".into());
    }
    if first == '-' || (is_user && first.is_ascii_digit()) {
        return Some(format!("Value error, Cannot start with \"'{first}'\""));
    }
    if is_user && text.ends_with('$') {
        return Some("Value error, Cannot end with '$'".into());
    }
    (!text.chars().all(valid)).then(|| "Value error, Valid characters are: letters, digits, '_', '-', '.'".into())
}
