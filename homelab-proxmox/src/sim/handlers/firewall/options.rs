//! A firewall's options.
use super::{Scope, digest, done, firewall, fresh, typed};
use crate::sim::answer::Answer;
use crate::sim::call::Call;
use crate::sim::format::list;
use serde_json::{Value, json};

pub(super) fn read(call: &mut Call<'_>, scope: &Scope, template: &str) -> Answer {
    let options = firewall(call, scope)?.options.clone();
    let mut map = typed(call, template, &options);
    map.insert("digest".to_owned(), json!(digest(&options)));
    Ok(Value::Object(map).into())
}

pub(super) fn update(call: &mut Call<'_>, scope: &Scope) -> Answer {
    let now = digest(&firewall(call, scope)?.options);
    fresh(call, &now)?;
    let set = call.args.texts(&["node", "vmid", "delete", "digest"]);
    let delete: Vec<String> = list(call.args.text("delete")).map(str::to_owned).collect();
    let firewall = firewall(call, scope)?;
    for key in delete {
        firewall.options.remove(&key);
    }
    firewall.options.extend(set);
    done()
}
