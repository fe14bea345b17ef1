//! A Pi as a resource: its description in the code against the one that it runs.
use super::{
    PIS, Pis, Seen,
    names::proven,
    switch::{GOES_BACK_AFTER, Switch},
};
use crate::{
    Pi,
    builder::Output,
    config::Description,
    nix::{Addresses, PASSWORD, generate},
};
use homelab_core::{
    Apply, Claim, Failure, Handle, Input, Lock, Look, Mark, Nature, Owner, Resource, SecretValue, Site, Text,
    host::{Host, Reachable, Spot},
    outputs,
    plan::{Action, Change, Note},
};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::{net::IpAddr, time::Duration};
use tokio::time::{Instant, sleep};

/// So long a Pi is waited for that does not answer yet: a first boot grows the file system and makes keys.
const FIRST_BOOT: Duration = Duration::from_secs(600);
/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(5);
/// How long a build and a switch take, when much of it is there.
const ABOUT: Duration = Duration::from_secs(240);

impl Serialize for Pi {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Description::of(self, &self.dns.records).confirmed().serialize(s)
    }
}

/// What is seen of a Pi.
#[derive(Clone, Debug, Serialize)]
pub struct PiState {
    /// What the running system says that it is.
    #[serde(flatten)]
    pub description: Map<String, Value>,
    /// Whether it is the boot default too.
    pub confirmed: bool,
    /// Its address.
    pub ip: IpAddr,
    /// Who logs in.
    pub user: String,
    /// The system that runs, as a path of the store.
    pub system: String,
    #[serde(skip)]
    spot: Spot,
    #[serde(skip)]
    mark: Option<Mark>,
}

outputs!(
    /// What is known of a Pi.
    PiOutputs of PiState {
        /// Its address: whom everybody asks for names.
        ip: IpAddr,
        /// Who logs in.
        user: String,
        /// The system that runs, as a path of the store.
        system: String,
    }
);

impl Reachable for Pi {
    fn host(pi: Handle<Self>) -> Host {
        Host::at(pi, Input::From(pi.ip())).login_from(pi.user())
    }
}

impl Pi {
    /// Where it is.
    pub(crate) fn spot(&self, key: Option<String>) -> Spot {
        Spot { key, ..Spot::at(self.address.ip()).login(self.login.user) }
    }

    fn look(&self, spot: Spot, seen: Seen) -> PiState {
        PiState {
            confirmed: seen.is_confirmed(),
            description: seen.description,
            ip: spot.address,
            user: self.login.user.to_owned(),
            system: seen.current,
            mark: seen.mark,
            spot,
        }
    }

    /// The names of the lab, with their addresses.
    fn addresses(&self, cx: &Apply<'_, Pis>) -> Result<Addresses, Failure> {
        self.dns.records.iter().map(|(name, address)| Ok((name.clone(), cx.get(address)?))).collect()
    }
}

impl Resource for Pi {
    const KIND: &'static str = "pi/generation";
    type Provider = Pis;
    type State = PiState;
    type Id = Spot;
    type Outputs = PiOutputs;

    fn name(&self) -> &str {
        self.name
    }
    fn site(&self) -> Site<Pis> {
        PIS
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("address", self.address.ip())]
    }
    fn locks(&self) -> Vec<Lock> {
        vec![Lock::maintenance()]
    }
    fn estimate(&self, _: Action) -> Duration {
        ABOUT
    }

    fn review(&self, now: Option<&PiState>, action: Action, changes: &[Change]) -> Vec<Note> {
        let mut notes = vec![];
        if action == Action::Delete {
            return vec![Note::info("the Pi goes on answering; it is only no longer managed")];
        }
        if let Err(why) = self.problems() {
            notes.push(Note::refused(why).hint("run `pi update`, which writes a lock file with all that is needed"));
        }
        if self.second.is_none() {
            notes.push(
                Note::info("there is no second resolver: each restart of this Pi is an outage for everybody")
                    .hint("give clients the router or another Pi as well, and say so with `.second_resolver(..)`"),
            );
        }
        if now.is_none() {
            notes.push(
                Note::info(format!("nobody answers at {} yet", self.address.ip()))
                    .hint("write a card with `pi build` and `pi flash`; the deploy waits for the Pi to boot"),
            );
        }
        let boots = |c: &Change| matches!(c.top(), "nixpkgs" | "release" | "board");
        match (self.boot_changes, changes.iter().any(boots)) {
            (false, true) if now.is_some() => {
                notes.push(Note::info("other sources may bring another kernel; if they do, nothing is activated").hint(
                    "a kernel shows only when it boots: say `.accept_boot_changes()` with the spare card at hand",
                ))
            }
            (true, true) => {
                notes.push(Note::reboot("a new kernel is used from the next boot on, which is yours to make"))
            }
            _ => {}
        }
        notes
    }

    async fn read(&self, cx: &Look<'_, Pis>) -> Result<Option<PiState>, Failure> {
        let key = match &self.host_key {
            None => None,
            Some(secret) => cx.text(&Text::from(*secret))?.map(|key| public_half(key.expose())).transpose()?,
        };
        let spot = self.spot(key);
        match Seen::through(&cx.hosts, &spot).await {
            Ok(seen) => Ok(Some(self.look(spot, seen))),
            // A Pi that has not been written or switched on yet is not there.
            Err(e) if e.nature == Nature::Passing => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn find(spot: &Spot, cx: &Look<'_, Pis>) -> Result<Option<PiState>, Failure> {
        let seen = match Seen::through(&cx.hosts, spot).await {
            Ok(seen) => seen,
            Err(e) if e.nature == Nature::Passing => return Ok(None),
            Err(e) => return Err(e),
        };
        // Without a mark it is nobody's: that is all that deleting takes away.
        Ok(seen.mark.is_some().then(|| PiState {
            confirmed: seen.is_confirmed(),
            description: seen.description,
            ip: spot.address,
            user: spot.login.clone().unwrap_or_default(),
            system: seen.current,
            spot: spot.clone(),
            mark: seen.mark,
        }))
    }

    fn id(state: &PiState) -> Spot {
        state.spot.clone()
    }

    fn owner(state: &PiState) -> Owner {
        state.mark.clone().map_or(Owner::Unmarked, Owner::Marked)
    }

    async fn apply(&self, now: Option<&PiState>, cx: &Apply<'_, Pis>) -> Result<(), Failure> {
        self.problems().map_err(Failure::new)?;
        let key = self.host_key.as_ref().map(|secret| public_half(cx.secret(secret)?.expose())).transpose()?;
        let spot = self.spot(key);
        let addresses = self.addresses(cx)?;
        let ours: Vec<(String, IpAddr)> = addresses.iter().map(|(name, address)| (name.clone(), *address)).collect();
        let say = |line: &str| cx.progress(line, None);
        say(&format!("builds with {}", cx.builder().describe()));
        let built = cx.builder().build(&generate(self, &addresses), Output::System, &say).await?;

        let before = wait(cx, &spot).await?;
        if now.is_none() && before.mark.as_ref() != Some(cx.mark()) {
            return Err(Failure::new(format!("what answers at {spot} now was not made by this lab"))
                .hint("plan again: it is there now, and can be taken over with `--adopt`"));
        }
        let switch = Switch { hosts: cx.hosts(), permit: cx.permit(), spot: &spot };
        switch.mark(cx.mark()).await?;
        if before.current == built.toplevel && before.is_confirmed() {
            return Ok(());
        }
        say("copies the system");
        cx.builder().copy(&built.toplevel, &spot, &say).await?;
        if let Some(secret) = &self.password {
            switch.keep(PASSWORD, password_line(&cx.secret(secret)?)).await?;
        }
        let changes = switch.boot_files(&built.toplevel).await?.changes(&before.boot);
        if !changes.is_empty() && !self.boot_changes {
            return Err(Failure::new(format!("{} would change, which only a boot can prove; nothing was activated", changes.join(", ")))
                .hint("with a spare card or a second resolver at hand say `.accept_boot_changes()` in the code, and deploy again"));
        }
        switch.arm(before.armed).await?;
        say(&format!("activates it; the Pi goes back by itself in {} s", GOES_BACK_AFTER.as_secs()));
        let tried = match switch.activate(&built.toplevel).await {
            Ok(()) => {
                say("asks for names, from the Pi and from here");
                proven(cx.answers.as_ref(), cx.hosts(), &spot, &ours).await
            }
            failed => failed,
        };
        if let Err(why) = tried {
            return Err(self.back(&switch, &spot, why).await);
        }
        say("makes it the boot default");
        switch.confirm(&built.toplevel).await?;
        if !changes.is_empty() {
            cx.warn(format!("{} changed: that shows at the next boot", changes.join(", ")));
        }
        cx.answers.ask(spot.address, &ours).await
    }

    async fn delete(state: &PiState, cx: &Apply<'_, Pis>) -> Result<(), Failure> {
        Switch { hosts: cx.hosts(), permit: cx.permit(), spot: &state.spot }.unmark().await
    }
}

impl Pi {
    /// Goes back at once where that can be told, and says how it ended.
    async fn back(&self, switch: &Switch<'_>, spot: &Spot, why: Failure) -> Failure {
        let went = switch.go_back().await;
        let then = match went {
            Ok(()) => "the Pi is back on the system that it had".to_owned(),
            Err(_) => format!("the Pi cannot be told, and goes back by itself within {} s", GOES_BACK_AFTER.as_secs()),
        };
        Failure::rolled_back(format!("the new system of {} was rolled back: {}", spot.address, why.message))
            .hint(why.hint.unwrap_or_else(|| "look at `journalctl -b` on the Pi".into()))
            .detail([then])
            .detail(why.detail)
    }

    /// What the types cannot see.
    pub(crate) fn problems(&self) -> Result<(), String> {
        let locked = self.system.pins.locked()?;
        let has = |input: &str| locked.iter().any(|l| l.input == input);
        if crate::nix::needs_hardware(self.board) && !has("nixos-hardware") {
            return Err(format!(
                "a {} needs nixos-hardware, which {} does not lock",
                self.board, self.system.pins.path
            ));
        }
        let branch = format!("nixos-{}", self.system.release.number());
        let follows = locked.iter().find(|l| l.input == "nixpkgs").and_then(|l| l.branch.clone());
        match follows.is_none_or(|b| b == branch) {
            true => Ok(()),
            false => Err(format!("{} does not follow {branch}, the release in the code", self.system.pins.path)),
        }
    }
}

/// The hash of the password as a variable of FTL's environment.
pub(crate) fn password_line(hash: &SecretValue) -> String {
    format!("FTLCONF_webserver_api_pwhash={}\n", hash.expose().trim())
}

/// The mark that a card is written with, so that what boots from it is known to be the lab's.
pub(crate) fn mark_of(lab: &str, pi: &Pi) -> Result<String, Failure> {
    let mark = Mark { lab: lab.to_owned(), key: format!("{}/{}", Pi::KIND, pi.name) };
    serde_json::to_string(&mark).map_err(|e| Failure::new(e.to_string()))
}

/// Waits for a Pi that boots.
async fn wait(cx: &Apply<'_, Pis>, spot: &Spot) -> Result<Seen, Failure> {
    let began = Instant::now();
    loop {
        match Seen::now(cx.hosts(), spot).await {
            Err(e) if e.nature == Nature::Passing && began.elapsed() < FIRST_BOOT => {
                cx.progress(format!("waits for {} to answer ({} s)", spot.address, began.elapsed().as_secs()), None);
                sleep(PAUSE).await;
            }
            Err(e) if e.nature == Nature::Passing => {
                let hint = "is the card written (`pi flash`), in the Pi, and the Pi on the network?";
                return Err(Failure { nature: Nature::Refused, ..e }.hint(hint));
            }
            other => return other,
        }
    }
}

/// The public half of a private key in OpenSSH's format, which holds it in the clear (PROTOCOL.key of OpenSSH).
pub(crate) fn public_half(private: &str) -> Result<String, Failure> {
    let wrong = || {
        Failure::unusable("the host key is no ed25519 key in OpenSSH's format")
            .hint("`ssh-keygen -t ed25519 -N '' -f hostkey` makes one")
    };
    let base64: String = private.lines().filter(|l| !l.starts_with("-----")).map(str::trim).collect();
    let bytes = data_encoding::BASE64.decode(base64.as_bytes()).map_err(|_| wrong())?;
    let mut rest = bytes.strip_prefix(b"openssh-key-v1\0").ok_or_else(wrong)?;
    let mut next = || -> Option<&[u8]> {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (field, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        rest = after;
        Some(field)
    };
    // Cipher, key derivation and its options; only then the number of keys, and the key.
    let plain = next().ok_or_else(wrong)? == b"none";
    next().and_then(|_| next()).ok_or_else(wrong)?;
    let rest = rest.get(4..).ok_or_else(wrong)?;
    let (len, after) = rest.split_first_chunk::<4>().ok_or_else(wrong)?;
    let blob = after.get(..u32::from_be_bytes(*len) as usize).ok_or_else(wrong)?;
    match plain && blob.get(4..15) == Some(b"ssh-ed25519") {
        true => Ok(format!("ssh-ed25519 {}", data_encoding::BASE64.encode(blob))),
        false => Err(wrong()),
    }
}
