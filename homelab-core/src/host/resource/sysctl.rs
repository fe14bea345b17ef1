//! Kernel parameters.
use super::{
    kept::{Kept, Place, forget, lives_on_a_machine},
    whole::put,
};
use crate::{
    Apply, Claim, Failure, NoOutputs, Provider, Resource,
    host::{Action, Batch, Command, Host, HostPath, Hosts, HostsReader, NoAnswer, Output, probe},
};
use futures_util::future::try_join3;
use serde::{Deserialize, Serialize};

/// A kernel parameter, now and after each boot. When it goes, it has the value again that it had before.
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Sysctl}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let web = lab.add(Computer::named("web", LAN.host(11)));
/// lab.add(Sysctl::on(web, "net.ipv4.ip_forward", 1));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Sysctl {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    value: String,
    at_boot: String,
}

impl Sysctl {
    /// A parameter as sysctl(8) names it, and its value. Values of several numbers are separated by spaces.
    ///
    /// # Panics
    /// On what cannot be the name or the value of a parameter.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str, value: impl ToString) -> Self {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:".contains(&b);
        let fine = name.contains(['.', '/'])
            && name.bytes().all(plain)
            && !name.contains("..")
            && !name.starts_with(['-', '.', '/']);
        assert!(fine, "`{}` is no kernel parameter: it looks like `net.ipv4.ip_forward`", name.escape_debug());
        let value = value.to_string();
        assert!(!value.contains('\n') && !value.trim().is_empty(), "{name} needs a value of one line");
        let value = even(&value);
        Sysctl { host: host.into(), name: name.to_owned(), at_boot: value.clone(), value }
    }
}

/// The kernel separates several numbers by tabs.
fn even(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn path(name: &str) -> HostPath {
    HostPath::at(&format!("/etc/sysctl.d/90-homelab-{}.conf", name.replace('/', "-")))
}

/// How a parameter was before us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    value: Option<String>,
}

/// What is seen of a parameter.
#[derive(Clone, Debug, Serialize)]
pub struct SysctlState {
    /// Its value now; nothing if the kernel has no such parameter.
    pub value: Option<String>,
    /// The value that our file sets at boot.
    pub at_boot: Option<String>,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Before>>,
}

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<SysctlState>, Failure> {
    let value = cx.ask(&place.spot, probe::sysctl(&place.name));
    let file = cx.ask(&place.spot, probe::read(path(&place.name)));
    let (kept, value, file) = try_join3(Kept::recall(Sysctl::KIND, place, cx), value, file).await?;
    let text = file.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let at_boot = text.as_deref().and_then(|text| text.split_once('=')).map(|(_, value)| even(value));
    Ok(kept.is_some().then(|| SysctlState { value: value.map(|v| even(&v)), at_boot, place: place.clone(), kept }))
}

fn set(name: &str, value: &str) -> Command {
    Command::new("sysctl").args(["-q", "-w", &format!("{name}={value}")])
}

/// Ubuntu's sysctl ends well when the parameter is read-only, as in a container, and says so.
fn is_ignored(said: &Output) -> bool {
    String::from_utf8_lossy(&said.stderr).contains(", ignoring: ")
}

fn refused(name: &str, said: &Output) -> Failure {
    let failure = Failure::from(NoAnswer::output(&format!("to set {name}"), said));
    match failure.message.contains("denied") || failure.message.contains("Read-only") {
        true => failure.hint("a container has the parameters of the machine that it runs on: set this one there"),
        false => failure.hint("`sysctl -a` on the machine shows which parameters there are; a module brings its own"),
    }
}

impl Resource for Sysctl {
    const KIND: &'static str = "host/sysctl";
    type Outputs = NoOutputs;
    lives_on_a_machine!(SysctlState);

    fn claims(&self) -> Vec<Claim> {
        let same = self.name.replace('/', ".");
        vec![Claim::new("kernel parameter", same).within(self.host.scope())]
    }

    async fn apply(&self, now: Option<&SysctlState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let spot = self.host.spot_now(cx)?;
        let before = match now.and_then(|now| now.kept.clone()) {
            Some(kept) => kept.before,
            None => Before { value: cx.reader().ask(&spot, probe::sysctl(&self.name)).await?.map(|v| even(&v)) },
        };
        let mut batch = Batch::new();
        batch.act(cx.permit(), Kept::new(cx.mark(), before).write(Self::KIND, &self.name));
        batch.barrier();
        // Before it is on the disk: a value which the kernel refuses should not be there.
        let set = batch.run(cx.permit(), set(&self.name, &self.value));
        let replies = cx.run(cx.permit(), &spot, &batch).await?;
        // The first that failed is the reason: what comes behind it was not begun.
        if let Some(why) = replies.iter().find_map(|reply| reply.as_ref().err()) {
            return Err(why.clone().into());
        }
        let said = set.of(&replies)?;
        if !said.is_success() || is_ignored(&said) {
            return Err(refused(&self.name, &said));
        }
        let on_disk = put(&path(&self.name), format!("{} = {}\n", self.name, self.value), 0o644);
        cx.carry_out(cx.permit(), &spot, [on_disk]).await
    }

    async fn delete(state: &SysctlState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let (spot, name) = (&state.place.spot, &state.place.name);
        let mut batch = Batch::new();
        batch.act(cx.permit(), Action::Remove(path(name)));
        batch.barrier();
        if let Some(value) = state.kept.as_ref().and_then(|kept| kept.before.value.as_deref()) {
            // What has gone with its module cannot be set any more.
            batch.run(cx.permit(), set(name, value));
        }
        batch.act(cx.permit(), forget(Self::KIND, name));
        cx.all(cx.permit(), spot, &batch).await
    }
}
