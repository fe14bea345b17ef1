//! Property strings (`virtio=AA:..,bridge=vmbr0,tag=7`), read and printed as the server does, driven by the schema.
use super::check;
use super::schema::{Format, Prop, SCHEMA};
use super::world::Release;
use crate::http::Method;
use std::collections::BTreeMap;

/// The keys of one property string.
pub(crate) type Keys = BTreeMap<String, String>;

/// Splits and judges a property string; the error is what follows `invalid format - `.
pub(crate) fn parse(release: Release, format: &BTreeMap<String, Prop>, text: &str, path: &str) -> Result<Keys, String> {
    let keys = split(format, text)?;
    check::fields(release, format, &keys, path)?;
    Ok(keys)
}

/// Splits a property string without judging the values.
fn split(format: &BTreeMap<String, Prop>, text: &str) -> Result<Keys, String> {
    let (mut keys, mut unnamed) = (Keys::new(), false);
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        match part.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                let mut key = key.to_owned();
                // A name is compared as it is written; what an alias stands for may be overwritten.
                if keys.contains_key(&key) {
                    return Err(format!("duplicate key in comma-separated list property: {key}\n"));
                }
                if let Some(alias) = format.get(&key).and_then(|prop| prop.alias.clone()) {
                    if let Some(other) = format.get(&key).and_then(|prop| prop.key_alias.clone()) {
                        if keys.contains_key(&other) {
                            return Err(format!("key alias '{other}' is already defined\n"));
                        }
                        keys.insert(other, key);
                    }
                    key = alias;
                }
                let value = boolean(format.get(&key), value);
                keys.insert(key, value);
            }
            Some(_) => return Err("missing key in comma-separated list property\n".to_owned()),
            None => {
                let default = format.iter().find(|(_, prop)| prop.default_key == 1);
                let Some((name, _)) = default else {
                    return Err("value without key, but schema does not define a default key\n".to_owned());
                };
                if unnamed || keys.get(name).is_some_and(|value| value != "0") {
                    return Err(format!("duplicate key in comma-separated list property: {name}\n"));
                }
                unnamed = true;
                keys.insert(name.clone(), part.to_owned());
            }
        }
    }
    Ok(keys)
}

/// Inside property strings, and only behind a name there, `on` and `yes` are booleans.
fn boolean(prop: Option<&Prop>, value: &str) -> String {
    if prop.is_some_and(|prop| prop.kind() == "boolean") {
        match value.to_ascii_lowercase().as_str() {
            "1" | "on" | "yes" | "true" => return "1".to_owned(),
            "0" | "off" | "no" | "false" => return "0".to_owned(),
            _ => {}
        }
    }
    value.to_owned()
}

const QEMU: &str = "/nodes/{node}/qemu";
const LXC: &str = "/nodes/{node}/lxc";

/// The keys of a guest's option that is known to be valid; empty when it is no property string.
pub(crate) fn keys(release: Release, lxc: bool, option: &str, text: &str) -> Keys {
    option_format(release, lxc, option).and_then(|format| split(format, text).ok()).unwrap_or_default()
}

/// The key that may omit its name, for a guest's option.
fn option_format(release: Release, lxc: bool, option: &str) -> Option<&'static BTreeMap<String, Prop>> {
    let template = if lxc { LXC } else { QEMU };
    match &SCHEMA.param_of(release, Method::Post, template, option)?.format {
        Some(Format::Fields(fields)) => Some(fields),
        Some(Format::Named(name)) => SCHEMA.fields(name),
        None => None,
    }
}

/// Prints a container's mount point: the volume, where it is mounted, the rest.
pub(crate) fn print_mount(keys: &Keys) -> String {
    let mut keys = keys.clone();
    let volume = keys.remove("volume").unwrap_or_default();
    let mount = keys.remove("mp").map(|mp| format!(",mp={mp}")).unwrap_or_default();
    let mut text = format!("{volume}{mount}");
    for (key, value) in keys {
        text.push_str(&format!(",{key}={value}"));
    }
    text
}

/// Prints a QEMU network device: `virtio=MAC,bridge=..`.
pub(crate) fn print_net(keys: &Keys) -> String {
    let mut keys = keys.clone();
    let model = keys.remove("model").unwrap_or_default();
    let mac = keys.remove("macaddr").unwrap_or_default();
    let mut text = format!("{model}={mac}");
    for (key, value) in keys {
        text.push_str(&format!(",{key}={value}"));
    }
    text
}

/// Prints every key with its name, sorted, as containers' networks are.
pub(crate) fn print_named(keys: &Keys, first: &str) -> String {
    let mut parts = Vec::new();
    if let Some(value) = keys.get(first) {
        parts.push(format!("{first}={value}"));
    }
    parts.extend(keys.iter().filter(|(key, _)| *key != first).map(|(key, value)| format!("{key}={value}")));
    parts.join(",")
}
