//! Guests on the network: their addresses, and when they answer.
use super::super::answer::Fail;
use super::super::props;
use super::super::random;
use super::super::simulator::Up;
use super::super::tasks::Change;
use super::super::tasks::Task;
use super::{Guest, World};
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr};

impl World {
    /// The moment from which the world runs: everything built so far is old.
    pub(crate) fn begin(&mut self, now: u64) {
        self.now = now;
        for node in self.nodes.values_mut().chain(self.apart.values_mut().map(|apart| &mut apart.node)) {
            node.booted = now.saturating_sub(86_400_000);
        }
        for guest in self.guests.values_mut() {
            guest.made = now.saturating_sub(3_600_000);
        }
    }

    /// The fingerprint that a node's certificate would have: only its look means anything.
    pub(crate) fn fingerprint(&self, node: &str) -> String {
        let text = random::hex(&sha2::Digest::finalize(<sha2::Sha256 as sha2::Digest>::new_with_prefix(format!(
            "{}{node}",
            self.seed
        ))));
        let pairs: Vec<String> =
            text.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
        pairs.join(":")
    }

    /// Applies a change of options within a call, without a task that anybody sees.
    pub(crate) fn configure_now(&mut self, vmid: u32, change: &Change) -> Result<(), Fail> {
        super::super::tasks::configure(self, &mut Task::unseen(), vmid, change)
    }

    /// The address of one network device: as cloud-init was told at the start, else what DHCP gave.
    pub(crate) fn address(&self, guest: &Guest, number: u32) -> Option<Ipv4Addr> {
        let net = guest.get(&format!("net{number}"))?;
        let told = if guest.lxc {
            props::keys(self.release, true, "net0", net).remove("ip")
        } else {
            let run = guest.run.as_ref()?;
            let has_drive = guest.config.values().any(|value| value.contains("-cloudinit"));
            let text = run.cloudinit.get(&format!("ipconfig{number}")).filter(|_| has_drive);
            text.and_then(|text| props::keys(self.release, false, "ipconfig0", text).remove("ip"))
        };
        match told.as_deref() {
            Some("manual") => None,
            Some(cidr) if cidr != "dhcp" => cidr.split('/').next()?.parse().ok(),
            _ => {
                let octet = |shift: u32| u8::try_from(guest.vmid >> shift & 0xff).unwrap_or_default();
                Some(Ipv4Addr::new(10, 100u8.wrapping_add(octet(16)), octet(8), octet(0).max(1)))
            }
        }
    }

    /// The guests that are up, with their addresses.
    pub(crate) fn up(&self) -> Vec<Up> {
        self.guests
            .values()
            .filter(|guest| guest.run.is_some())
            .map(|guest| {
                let booted = self.is_booted(guest) && guest.run.as_ref().is_some_and(|run| !run.paused);
                let all = (0..32).filter_map(|number| self.address(guest, number)).map(IpAddr::V4);
                Up { vmid: guest.vmid, addresses: if booted { all.collect() } else { Vec::new() }, ssh: booted }
            })
            .collect()
    }

    /// What `cloud-init status --long` prints in a guest: nothing else is ever run there.
    pub(crate) fn cloud_init_says(&self, guest: &Guest) -> String {
        let has_drive = guest.config.values().any(|value| value.contains("-cloudinit"));
        let status = if has_drive { "done" } else { "disabled" };
        format!("status: {status}\nextended_status: {status}\nboot_status_code: enabled-by-generator\n")
    }

    /// What the guest agent says of the network.
    pub(crate) fn agent_interfaces(&self, guest: &Guest) -> Value {
        let counters = json!({"rx-bytes": 1200, "rx-packets": 12, "rx-errs": 0, "rx-dropped": 0, "tx-bytes": 1200,
            "tx-packets": 12, "tx-errs": 0, "tx-dropped": 0});
        let address =
            |ip: &str, kind: &str, prefix: u8| json!({"ip-address": ip, "ip-address-type": kind, "prefix": prefix});
        let mut rows = vec![json!({"name": "lo", "hardware-address": "00:00:00:00:00:00", "statistics": counters,
            "ip-addresses": [address("127.0.0.1", "ipv4", 8), address("::1", "ipv6", 128)]})];
        for number in 0..32 {
            let Some(net) = guest.get(&format!("net{number}")) else { continue };
            let mac =
                props::keys(self.release, false, "net0", net).remove("macaddr").unwrap_or_default().to_lowercase();
            let mut addresses: Vec<Value> =
                self.address(guest, number).into_iter().map(|ip| address(&ip.to_string(), "ipv4", 24)).collect();
            addresses.push(address(&format!("fe80::{}", mac.replace(':', "").split_off(8)), "ipv6", 64));
            rows.push(json!({"name": format!("eth{number}"), "hardware-address": mac, "statistics": counters,
                "ip-addresses": addresses}));
        }
        json!(rows)
    }
}
