//! The firewall.
use super::{
    guard::Guard,
    kept::{Kept, Place, forget, lives_on_a_machine},
    whole::put,
};
use crate::{
    Apply, Failure, Lock, NoOutputs, Provider, Resource,
    host::{Action, Batch, Command, Host, Hosts, HostsReader, probe},
    plan::{self, Change, Note},
};
use futures_util::future::try_join4;
use serde::{Deserialize, Serialize};

const GUARD: Guard = Guard {
    word: "nftables",
    path: "/etc/nftables.conf",
    mode: 0o755,
    check: &["nft", "-c", "-f", "/etc/nftables.conf"],
    load: &["nft", "-f", "/etc/nftables.conf"],
};
const UNIT: &str = "nftables.service";

/// The rules of the firewall: all of `/etc/nftables.conf`, loaded now and at each boot. Other programs' tables (Docker's) stay, because
/// only what the rules name is replaced; so no `flush ruleset` in them.
///
/// It cannot lock you out: `nft` has checked the rules before, and a new login over a new connection must work with them, else what
/// was there comes back, by a timer on the machine if nobody can reach it any more.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Nftables}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Nftables::on(web, "filter", "
///     chain input {
///         type filter hook input priority filter; policy drop;
///         ct state established,related accept
///         iif lo accept
///         tcp dport { 22, 80, 443 } accept
///     }"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Nftables {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    rules: String,
    at_boot: bool,
    loaded: bool,
    confirmed: bool,
}

impl Nftables {
    /// What is in a table `inet homelab-NAME`: sets, maps and chains.
    ///
    /// # Panics
    /// On a name of other characters than letters, digits and `_`, and on braces that do not close.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str, table: &str) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        assert!(!name.is_empty() && name.bytes().all(plain), "`{}` is no name of a table", name.escape_debug());
        assert!(
            table.matches('{').count() == table.matches('}').count(),
            "the braces of the table `{name}` do not close"
        );
        let full = format!("homelab_{name}");
        // Made and destroyed first, so that what is there of it goes in the same transaction (nft(8), `destroy` needs 1.0.6).
        let rules =
            format!("table inet {full}\ndelete table inet {full}\ntable inet {full} {{\n{}\n}}\n", table.trim_end());
        Nftables { host: host.into(), name: full, rules, at_boot: true, loaded: true, confirmed: true }
    }
}

/// How the firewall was before us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    text: Option<String>,
    enabled: bool,
}

/// What is seen of the firewall.
#[derive(Clone, Debug, Serialize)]
pub struct NftablesState {
    /// The rules in the file.
    pub rules: Option<String>,
    /// Whether they are loaded at boot.
    pub at_boot: bool,
    /// Whether the kernel has our table.
    pub loaded: bool,
    /// Whether somebody has logged in since the last change.
    pub confirmed: bool,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

async fn see(place: &Place, cx: &HostsReader) -> Result<NftablesState, Failure> {
    let file = GUARD.file();
    let table = Command::new("nft").args(["list", "table", "inet", &place.name]);
    let (read, unit, listed, pending) = try_join4(
        cx.ask(&place.spot, probe::read(file.clone())),
        cx.ask(&place.spot, probe::unit(UNIT)),
        cx.ask(&place.spot, probe::command(table)),
        GUARD.is_pending(&place.spot, cx),
    )
    .await?;
    Ok(NftablesState {
        rules: read.map(|bytes| super::whole::text(&file, bytes)).transpose()?,
        at_boot: unit.file_state == "enabled",
        loaded: listed.is_success(),
        confirmed: !pending,
        place: place.clone(),
        kept: None,
    })
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<NftablesState>, Failure> {
    let (kept, seen) = futures_util::future::try_join(Kept::recall(Nftables::KIND, place, cx), see(place, cx)).await?;
    // Debian's own file has empty chains: nobody misses it. One with rules is somebody's.
    let has_rules = |text: &String| ["accept", "drop", "reject", "masquerade"].iter().any(|word| text.contains(word));
    let there = kept.is_some() || seen.rules.as_ref().is_some_and(has_rules);
    Ok(there.then_some(NftablesState { kept, ..seen }))
}

impl Resource for Nftables {
    const KIND: &'static str = "host/nftables";
    type Outputs = NoOutputs;
    lives_on_a_machine!(NftablesState);

    fn claims(&self) -> Vec<crate::Claim> {
        vec![crate::Claim::new("file", GUARD.path).within(self.host.scope())]
    }

    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("firewall of {}", self.host.scope()))]
    }

    fn review(&self, _: Option<&NftablesState>, action: plan::Action, _: &[Change]) -> Vec<Note> {
        let note =
            "the open connection stays; unless a new login works within 90 s, the machine takes this back itself";
        (action != plan::Action::Delete).then(|| Note::info(note)).into_iter().collect()
    }

    async fn apply(&self, now: Option<&NftablesState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let place = Place { spot: self.host.spot_now(cx)?, name: self.name.clone() };
        if now.is_some_and(|now| !now.confirmed) {
            GUARD.settle(cx, &place.spot).await?;
        }
        let there = see(&place, &cx.reader()).await?;
        let before = now
            .and_then(|now| now.kept.clone())
            .map_or_else(|| Before { text: there.rules.clone(), enabled: there.at_boot }, |kept| kept.before);
        let note = Kept::new(cx.mark(), before).write(Self::KIND, &self.name);
        if there.rules.as_ref() != Some(&self.rules) || !there.loaded {
            GUARD.change(cx, &place.spot, there.rules.as_deref(), Some(&self.rules), vec![note]).await?;
        }
        let enable = Action::Run(Command::new("systemctl").args(["enable", UNIT]));
        cx.carry_out(cx.permit(), &place.spot, [enable]).await
    }

    async fn delete(state: &NftablesState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let (spot, name) = (&state.place.spot, &state.place.name);
        if !state.confirmed {
            GUARD.settle(cx, spot).await?;
        }
        let Some(before) = state.kept.as_ref().map(|kept| &kept.before) else { return Ok(()) };
        let mut batch = Batch::new();
        // Taking rules away lets more in, so this needs no guard.
        batch.run(cx.permit(), Command::new("nft").args(["delete", "table", "inet", name]));
        batch.act(
            cx.permit(),
            match &before.text {
                Some(text) => put(&GUARD.file(), text.as_str(), GUARD.mode),
                None => Action::Remove(GUARD.file()),
            },
        );
        batch.barrier();
        if !before.enabled {
            batch.run(cx.permit(), Command::new("systemctl").args(["disable", UNIT]));
        }
        batch.act(cx.permit(), forget(Self::KIND, name));
        cx.all(cx.permit(), spot, &batch).await
    }
}
