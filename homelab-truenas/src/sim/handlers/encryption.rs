//! Keys of datasets.
use super::{Cx, field, flag};
use crate::sim::{
    fail::Fail,
    world::{self, Dataset, World},
};
use serde_json::{Map, Value, json};

type Row = Map<String, Value>;

/// How a new dataset is encrypted: with a key of its own, as what it is in, or not.
pub(super) fn choose(
    world: &World,
    name: &str,
    above: &Dataset,
    data: &Row,
    made: &mut Dataset,
    at: &str,
) -> Result<(), Fail> {
    let inherits = data.get("inherit_encryption") != Some(&json!(false));
    let wants = flag(data, "encryption");
    if wants && inherits && data.get("inherit_encryption").is_some() {
        return Err(Fail::invalid(&format!("{at}.inherit_encryption"), "Must be disabled when encryption is enabled."));
    }
    if !wants {
        if above.is_encrypted && !inherits {
            return Err(Fail::invalid(
                &format!("{at}.encryption"),
                "Cannot create an unencrypted dataset within an encrypted dataset.",
            ));
        }
        made.is_encrypted = above.is_encrypted;
        return Ok(());
    }
    let options = data.get("encryption_options").and_then(Value::as_object).cloned().unwrap_or_default();
    encrypt(made, &options, at)?;
    let root = world::parent(name).and_then(|parent| world.encryption_root(parent));
    let under_phrase = root
        .and_then(|root| world.datasets.get(&root))
        .is_some_and(|root| root.key_format.as_deref() == Some("passphrase"));
    if under_phrase && made.key_format.as_deref() == Some("hex") {
        return Err(Fail::invalid(
            &format!("{at}.encryption"),
            "A dataset with a key cannot be below one with a passphrase",
        ));
    }
    Ok(())
}

/// Gives a dataset a key of its own.
pub(super) fn encrypt(dataset: &mut Dataset, options: &Row, at: &str) -> Result<(), Fail> {
    let (key, phrase) = (field(options, "key"), field(options, "passphrase"));
    let generates = flag(options, "generate_key");
    match (key.is_empty(), phrase.is_empty()) {
        (true, true) if !generates => {
            return Err(Fail::invalid(
                &format!("{at}.key"),
                "Please provide a key or select generate_key to automatically generate a key when passphrase is not provided.",
            ));
        }
        (false, false) => return Err(Fail::invalid(&format!("{at}.passphrase"), "Must not be provided with a key")),
        (_, true) => {
            dataset.key_format = Some("hex".into());
            dataset.key = if key.is_empty() { "ab".repeat(32) } else { key.into() };
        }
        (true, false) => {
            dataset.key_format = Some("passphrase".into());
            dataset.key = phrase.into();
        }
    }
    dataset.is_encrypted = true;
    Ok(())
}

pub(super) fn lock(cx: &mut Cx<'_>, verb: &str, name: &str, options: &Row) -> Result<Value, Fail> {
    let Some(dataset) = cx.world.datasets.get_mut(name) else { return Err(Fail::missing("PoolDataset", &json!(name))) };
    let Some(format) = dataset.key_format.clone() else {
        return Err(Fail::call("EINVAL", format!("{name} is not encrypted, or not the root of its encryption")));
    };
    if verb == "lock" {
        if format == "hex" {
            return Err(Fail::call("EINVAL", "Only datasets which are encrypted with a passphrase can be locked"));
        }
        dataset.is_locked = true;
        return Ok(json!(true));
    }
    let given = options.get("datasets").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
    let given = given.into_iter().find(|one| field(one, "name") == name);
    let given = given.map(|one| format!("{}{}", field(one, "key"), field(one, "passphrase"))).unwrap_or_default();
    if given != dataset.key {
        return Ok(json!({"unlocked": [], "failed": {name: {"error": "Invalid Key", "skipped": []}}}));
    }
    dataset.is_locked = false;
    Ok(json!({"unlocked": [name], "failed": {}}))
}

pub(super) fn change_key(cx: &mut Cx<'_>, name: &str, options: &Row) -> Result<Value, Fail> {
    let Some(dataset) = cx.world.datasets.get_mut(name) else { return Err(Fail::missing("PoolDataset", &json!(name))) };
    if !dataset.is_encrypted {
        return Err(Fail::invalid("change_key_options", "Dataset is not encrypted"));
    }
    encrypt(dataset, options, "change_key_options")?;
    Ok(Value::Null)
}
