//! Arguments of the kernel.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    whole::{put, text},
};
use crate::{
    Apply, Failure, Lock, Provider, Resource,
    host::{Action, Command, Host, HostPath, Hosts, HostsReader, Spot, probe},
    outputs,
    plan::{self, Change, Note},
};
use futures_util::future::{try_join, try_join4};
use serde::{Deserialize, Serialize};

const GRUB: &str = "/etc/default/grub";
/// Where Proxmox VE keeps the line for systemd-boot, and where it says that its boot tool is in charge
/// (<https://pve.proxmox.com/pve-docs/chapter-sysadmin.html#sysboot_edit_kernel_cmdline>).
const LINE: &str = "/etc/kernel/cmdline";
const BOOT_TOOL: &str = "/etc/kernel/proxmox-boot-uuids";

/// Arguments that the kernel is booted with besides those that it has. Every boot loader that the machine has is told: GRUB by a file
/// in `/etc/default/grub.d`, systemd-boot under `proxmox-boot-tool` by the line in `/etc/kernel/cmdline`. They count from the next boot
/// on; [`needs_reboot`](KernelCommandLineOutputs::needs_reboot) says whether one is due.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, KernelCommandLine}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let din = lab.add(Computer::named("din", LAN.host(11)));
/// lab.add(KernelCommandLine::on(din, ["intel_iommu=on", "iommu=pt"]));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct KernelCommandLine {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    arguments: Vec<String>,
    configured: bool,
    digest: String,
}

impl KernelCommandLine {
    /// Arguments, each one word.
    ///
    /// # Panics
    /// On an argument with white space, quotes, `$`, a backslash or a backtick, which boot loaders would take apart.
    #[must_use]
    #[track_caller]
    pub fn on<'a>(host: impl Into<Host>, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let odd = |c: char| c.is_whitespace() || c.is_control() || "\"'$\\`".contains(c);
        for argument in &arguments {
            assert!(
                !argument.is_empty() && !argument.contains(odd),
                "`{}` is no argument of a kernel",
                argument.escape_debug()
            );
        }
        KernelCommandLine {
            host: host.into(),
            name: "arguments".into(),
            digest: arguments.join(" "),
            arguments,
            configured: true,
        }
    }
}

fn drop_in() -> HostPath {
    HostPath::at("/etc/default/grub.d/90-homelab.cfg")
}

/// What we have added, and the line as it was before us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    ours: Vec<String>,
    line: Option<String>,
}

/// What is seen of the kernel's arguments.
#[derive(Clone, Debug, Serialize)]
pub struct KernelCommandLineState {
    /// Those that we have added.
    pub arguments: Vec<String>,
    /// Whether every boot loader of the machine has them.
    pub configured: bool,
    /// Whether the kernel that runs was booted without one of them.
    pub needs_reboot: bool,
    /// The arguments in one line: another after each change.
    pub digest: String,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

outputs!(
    /// What is known of the kernel's arguments.
    KernelCommandLineOutputs of KernelCommandLineState {
        /// Whether the kernel that runs was booted without one of them.
        needs_reboot: bool,
        /// The arguments in one line: what has to boot anew for them depends on it.
        digest: String,
    }
);

/// The boot loaders of a machine.
struct Loaders {
    /// GRUB is there; our file, if it is.
    grub: Option<Option<String>>,
    /// The line for systemd-boot, if there is one.
    line: Option<String>,
    /// Proxmox VE's boot tool has to be told.
    tool: bool,
}

async fn loaders(spot: &Spot, cx: &HostsReader) -> Result<Loaders, Failure> {
    let at = |path: &str| HostPath::at(path);
    let (grub, ours, line, tool) = try_join4(
        cx.ask(spot, probe::stat(at(GRUB))),
        cx.ask(spot, probe::read(drop_in())),
        cx.ask(spot, probe::read(at(LINE))),
        cx.ask(spot, probe::stat(at(BOOT_TOOL))),
    )
    .await?;
    let ours = ours.map(|bytes| text(&drop_in(), bytes)).transpose()?;
    let line = line.map(|bytes| text(&at(LINE), bytes)).transpose()?;
    Ok(Loaders { grub: grub.map(|_| ours), line, tool: tool.is_some() })
}

fn grub_text(arguments: &[String]) -> String {
    format!("GRUB_CMDLINE_LINUX_DEFAULT=\"$GRUB_CMDLINE_LINUX_DEFAULT {}\"\n", arguments.join(" "))
}

impl Loaders {
    fn have(&self, arguments: &[String]) -> bool {
        let in_grub = self.grub.as_ref().is_none_or(|ours| ours.as_deref() == Some(&grub_text(arguments)));
        let words: Vec<&str> = self.line.as_deref().unwrap_or_default().split_whitespace().collect();
        let in_line = self.line.is_none() || arguments.iter().all(|a| words.contains(&a.as_str()));
        in_grub && in_line
    }

    /// The steps that give them these arguments, and take away those.
    fn tell(&self, arguments: &[String], gone: &[String]) -> Vec<Action> {
        let mut actions = vec![];
        if self.grub.is_some() {
            actions.push(match arguments.is_empty() {
                true => Action::Remove(drop_in()),
                false => put(&drop_in(), grub_text(arguments), 0o644),
            });
        }
        if let Some(line) = &self.line {
            let stay = line.split_whitespace().filter(|w| !gone.iter().chain(arguments).any(|a| a == w));
            let words: Vec<&str> = stay.chain(arguments.iter().map(String::as_str)).collect();
            actions.push(put(&HostPath::at(LINE), format!("{}\n", words.join(" ")), 0o644));
        }
        if self.grub.is_some() {
            actions.push(Action::Run(Command::new("update-grub")));
        }
        if self.tool {
            actions.push(Action::Run(Command::new("proxmox-boot-tool").arg("refresh")));
        }
        actions
    }
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<KernelCommandLineState>, Failure> {
    let booted = cx.ask(&place.spot, probe::read(HostPath::at("/proc/cmdline")));
    let kept = try_join(Kept::<Before>::recall(KernelCommandLine::KIND, place, cx), booted);
    let ((kept, booted), loaders) = try_join(kept, loaders(&place.spot, cx)).await?;
    let Some(kept) = kept else { return Ok(None) };
    let booted = String::from_utf8_lossy(&booted.unwrap_or_default()).into_owned();
    let arguments = kept.before.ours.clone();
    let booted_with = |a: &String| booted.split_whitespace().any(|w| w == a);
    Ok(Some(KernelCommandLineState {
        configured: loaders.have(&arguments),
        needs_reboot: !arguments.iter().all(booted_with),
        digest: arguments.join(" "),
        arguments,
        place: place.clone(),
        kept: Some(kept),
    }))
}

impl Resource for KernelCommandLine {
    const KIND: &'static str = "host/kernel-command-line";
    type Outputs = KernelCommandLineOutputs;
    lives_on_a_machine!(KernelCommandLineState);

    fn locks(&self) -> Vec<Lock> {
        vec![Lock::exclusive(format!("boot loader of {}", self.host.scope()))]
    }

    fn review(&self, _: Option<&KernelCommandLineState>, _: plan::Action, _: &[Change]) -> Vec<Note> {
        vec![Note::info("counts from the next boot on")]
    }

    async fn apply(&self, now: Option<&KernelCommandLineState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let loaders = loaders(&spot, &cx.reader()).await?;
        if loaders.grub.is_none() && loaders.line.is_none() {
            return Err(Failure::new(format!(
                "{spot} has no boot loader that is known: neither {GRUB} nor {LINE} is there"
            ))
            .hint("a container has none: set the argument on the machine that it runs on"));
        }
        let old = now.and_then(|now| now.kept.clone()).map(|kept| kept.before);
        let line = old.as_ref().map_or_else(|| loaders.line.clone(), |old| old.line.clone());
        let had: Vec<String> = old.map(|old| old.ours).unwrap_or_default();
        let gone: Vec<String> = had.iter().filter(|a| !self.arguments.contains(a)).cloned().collect();
        // Those that are about to go are ours until they have gone.
        let ours = self.arguments.iter().chain(&gone).cloned().collect();
        let mut actions = vec![Kept::new(cx.mark(), Before { ours, line: line.clone() }).write(Self::KIND, &self.name)];
        actions.extend(loaders.tell(&self.arguments, &gone));
        let after = Before { ours: self.arguments.clone(), line };
        actions.push(Kept::new(cx.mark(), after).write(Self::KIND, &self.name));
        cx.carry_out(cx.permit(), &spot, actions).await
    }

    async fn delete(state: &KernelCommandLineState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = &state.place.spot;
        let loaders = loaders(spot, &cx.reader()).await?;
        let before = state.kept.as_ref().and_then(|kept| kept.before.line.clone()).unwrap_or_default();
        let was_there = |a: &&String| before.split_whitespace().any(|w| w == a.as_str());
        let gone: Vec<String> = state.arguments.iter().filter(|a| !was_there(a)).cloned().collect();
        let mut actions = loaders.tell(&[], &gone);
        actions.push(forget(Self::KIND, &state.place.name));
        cx.carry_out(cx.permit(), spot, actions).await
    }
}
