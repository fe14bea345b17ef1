//! A firewall's options.
use super::{Scope, digest, done, firewall, fresh, typed};
use crate::http::Method;
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::format::list;
use crate::sim::schema::SCHEMA;
use serde_json::{Value, json};

pub(super) fn read(call: &mut Call<'_>, scope: &Scope, template: &str) -> Answer {
    let options = firewall(call, scope)?.options.clone();
    let mut map = typed(call, template, &options);
    map.insert("digest".to_owned(), json!(digest(&options)));
    Ok(Value::Object(map).into())
}

pub(super) fn update(call: &mut Call<'_>, scope: &Scope, template: &str) -> Answer {
    let now = digest(&firewall(call, scope)?.options);
    fresh(call, &now)?;
    let beside = ["node", "vmid", "delete", "digest"];
    let mut set = call.args.texts(&beside);
    let delete: Vec<String> = list(call.args.text("delete")).map(str::to_owned).collect();
    let known = |option: &str| {
        !beside.contains(&option) && SCHEMA.param_of(call.world.release, Method::Put, template, option).is_some()
    };
    if let Some(option) = delete.iter().find(|option| !known(option)) {
        return Err(Fail::param("delete", format!("no such option '{option}'")));
    }
    // The cluster's switch keeps the moment when it is given as more than one: the guard against locking oneself out.
    if let Some(enable) = set.get_mut("enable").filter(|text| text.parse::<u64>().is_ok_and(|number| number > 1)) {
        *enable = call.world.seconds().to_string();
    }
    let firewall = firewall(call, scope)?;
    for key in delete {
        firewall.options.remove(&key);
    }
    firewall.options.extend(set);
    done()
}
