//! What a world holds beside guests and volumes: definitions, one a line.
use crate::sim::World;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Mappings, storages, pools, interfaces, users and what they may, firewall, jobs, high availability. No secret.
pub(super) fn definitions(world: &World) -> BTreeSet<String> {
    let mut all = Lines(BTreeSet::new());
    for (kind, mappings) in &world.mappings {
        all.put(&format!("{kind} mapping"), mappings);
    }
    all.put("storage", &world.storages);
    all.put("pool", &world.pools);
    for (name, node) in world.all_nodes() {
        all.put(&format!("option of {name}"), &node.config);
        all.put(&format!("interface of {name}"), &node.network);
        all.put(&format!("staged interface of {name}"), node.staged.as_ref().unwrap_or(&BTreeMap::new()));
    }
    for (name, user) in &world.access.users {
        all.put("user", &BTreeMap::from([(name, (user.enable, user.expire, &user.texts))]));
        let tokens = user.tokens.iter().map(|(id, token)| (id, (token.privsep, token.expire, &token.comment)));
        all.put(&format!("token of {name}"), &tokens.collect::<BTreeMap<_, _>>());
    }
    all.put("group", &world.access.groups);
    all.put("role", &world.access.roles);
    // In which order the rights on a path were given means nothing.
    let rights = world.access.acl.iter().map(|(path, rights)| {
        let mut rights: Vec<_> = rights.iter().collect();
        rights.sort_unstable();
        (path, rights)
    });
    all.put("access to", &rights.collect::<BTreeMap<_, _>>());
    all.put("realm", &world.access.realms);
    all.put("option of the firewall", &world.firewall.options);
    all.put("security group", &world.firewall.groups);
    all.put("IP set", &world.firewall.ipsets);
    all.put("alias", &world.firewall.aliases);
    all.put("firewall of guest", &world.guest_firewalls);
    all.put("backup job", &world.jobs);
    all.put("replication job", &world.replications);
    all.put("group of high availability", &world.ha.groups);
    all.put("resource of high availability", &world.ha.resources);
    all.put("rule of high availability", &world.ha.rules);
    all.0
}

struct Lines(BTreeSet<String>);

impl Lines {
    fn put<K: std::fmt::Display, V: Serialize>(&mut self, what: &str, items: &BTreeMap<K, V>) {
        for (name, item) in items {
            let text = serde_json::to_string(item).unwrap_or_default();
            // What is there and says nothing is as good as absent.
            if !["null", "{}", "[]", "\"\""].contains(&text.as_str()) {
                self.0.insert(format!("{what} {name}: {text}"));
            }
        }
    }
}
