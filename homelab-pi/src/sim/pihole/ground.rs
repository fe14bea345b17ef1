//! The machine that a simulated Pi-hole runs on: whether it is up, and what its system's configuration makes of it.
use super::world::{List, World};
use crate::unbound::ADDRESS;
use serde_json::{Value, json};

/// The machine, as its name service depends on it.
pub(crate) trait Ground: Send + Sync {
    /// The system that runs, as a path of the store; nothing while it answers no names.
    fn system(&self) -> Option<String>;
    /// What that system says that it is.
    fn description(&self) -> Value;
}

/// Settings that a container's environment forces, so that its API cannot change them.
const FORCED: [&str; 8] = [
    "dns.upstreams",
    "dns.hosts",
    "dns.cnameRecords",
    "dns.listeningMode",
    "dns.dnssec",
    "dns.blocking.active",
    "database.maxDBdays",
    "database.DBinterval",
];

impl World {
    /// Takes the configuration of a system: its settings are those of the generated files, whatever was there. Lists are added to those
    /// that are there; NixOS's module takes none away. What is data (rules, groups, clients) stays.
    pub(super) fn configured(&mut self, description: &Value, now: u64) {
        let map = |field: &str| description[field].as_object().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let hosts: Vec<String> = map("records").iter().map(|(name, ip)| format!("{} {name}", text(ip))).collect();
        let cnames: Vec<String> = map("cnames").iter().map(|(alias, of)| format!("{alias},{}", text(of))).collect();
        let in_container = !description["container"].is_null();
        self.config["dns"]["upstreams"] = json!([format!("{}#{}", ADDRESS.ip(), ADDRESS.port())]);
        self.config["dns"]["hosts"] = json!(hosts);
        self.config["dns"]["cnameRecords"] = json!(cnames);
        self.config["dns"]["listeningMode"] = json!(text(&description["listen"]).to_uppercase());
        self.config["dns"]["blocking"]["active"] = json!(true);
        self.config["database"]["maxDBdays"] = description["history_days"].clone();
        for clock in ["ipv4", "ipv6", "sync"] {
            self.config["ntp"][clock]["active"] = json!(false);
        }
        self.config["misc"]["readOnly"] = json!(!in_container);
        self.forced = if in_container { FORCED.map(str::to_owned).into() } else { vec![] };
        for (address, list) in map("lists") {
            let kind = if list["allow"] == true { "allow" } else { "block" };
            if !self.lists.iter().any(|l| l.address == address && l.kind == kind) {
                let id = self.new_id();
                let comment = Some(text(&list["about"]));
                let (groups, domains) = (vec![0], vec![]);
                let kind = kind.to_owned();
                let list = List {
                    id,
                    address,
                    kind,
                    comment,
                    groups,
                    enabled: true,
                    dates: (now, now),
                    updated: 0,
                    status: 0,
                    domains,
                };
                self.lists.push(list);
            }
        }
        self.load(now);
    }

    /// Loads all lists, as gravity does: one that cannot be had keeps what it had.
    pub(super) fn load(&mut self, now: u64) {
        let online = self.upstream.alive;
        for list in self.lists.iter_mut().filter(|list| list.enabled) {
            let found = self.web.get(&list.address).filter(|_| online);
            list.status = match (found, list.domains.is_empty()) {
                (Some(domains), _) if list.updated > 0 && *domains == list.domains => 2,
                (Some(_), _) => 1,
                (None, false) => 3,
                (None, true) => 4,
            };
            if let Some(domains) = found {
                list.domains.clone_from(domains);
                list.updated = now;
            }
        }
    }

    /// Whether lists are as old as the timer of the generated configuration lets them get, in seconds: it runs once a week.
    pub(super) fn has_old_lists(&self, now: u64) -> bool {
        const WEEK: u64 = 7 * 24 * 3600;
        self.lists.iter().any(|list| list.enabled && list.updated > 0 && now.saturating_sub(list.updated) > WEEK)
    }

    /// Lets public names resolve, and lists be on the web, beside those that are there already.
    pub(crate) fn offer<'a>(
        &mut self,
        names: impl IntoIterator<Item = &'a str>,
        lists: impl IntoIterator<Item = (&'a str, Vec<String>)>,
    ) {
        for name in names {
            if !self.upstream.names.contains_key(name) {
                self.upstream = std::mem::take(&mut self.upstream).with(name, "A", "192.0.2.1");
            }
        }
        self.web.extend(lists.into_iter().map(|(address, domains)| (address.to_owned(), domains)));
    }
}
