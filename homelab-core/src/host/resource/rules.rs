//! Rules by which kernel modules are loaded.
use super::{
    kept::{Kept, Place, lives_on_a_machine},
    module::module_name,
    whole::Whole,
};
use crate::{
    Apply, Failure, Resource,
    host::{Host, HostPath, Hosts, HostsReader, content::sha256},
    outputs,
    plan::{Action, Change, Note},
};
use serde::Serialize;

/// What modprobe is told of modules (modprobe.d(5)): which not to load by itself, which only after others, with which options. It counts
/// at the next boot, and, for what is loaded from the initramfs, once that is built anew: [`Initramfs`](super::Initramfs).
///
/// ```
/// # use homelab_core::{Lab, host::{Computer, Initramfs, ModuleRules}, units::Network};
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// # let din = lab.add(Computer::named("din", LAN.host(11)));
/// let rules = ModuleRules::on(din, "vfio")
///     .blacklist("nouveau")
///     .softdep("nvidia", "vfio-pci")
///     .options("vfio-pci", "ids=10de:2204,10de:1aef disable_vga=1");
/// let rules = lab.add(rules);
/// lab.add(Initramfs::on(din).rebuilt_on(rules.digest()));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct ModuleRules {
    #[serde(skip)]
    host: Host,
    #[serde(skip)]
    name: String,
    rules: String,
    digest: String,
}

impl ModuleRules {
    /// A file of rules, which has a name of its own.
    ///
    /// # Panics
    /// On a name of other characters than letters, digits, `-` and `_`.
    #[must_use]
    #[track_caller]
    pub fn on(host: impl Into<Host>, name: &str) -> Self {
        ModuleRules { host: host.into(), name: module_name(name), rules: String::new(), digest: sha256(b"") }
    }

    fn rule(mut self, rule: &str) -> Self {
        self.rules.push_str(rule);
        self.rules.push('\n');
        self.digest = sha256(self.rules.as_bytes());
        self
    }

    /// A module that is not loaded because hardware for it is there.
    ///
    /// # Panics
    /// On what is no name of a module.
    #[must_use]
    #[track_caller]
    pub fn blacklist(self, module: &str) -> Self {
        self.rule(&format!("blacklist {}", module_name(module)))
    }

    /// A module that cannot be loaded at all, by nobody.
    ///
    /// # Panics
    /// On what is no name of a module.
    #[must_use]
    #[track_caller]
    pub fn never(self, module: &str) -> Self {
        self.rule(&format!("install {} /bin/false", module_name(module)))
    }

    /// A module that is loaded only after another.
    ///
    /// # Panics
    /// On what is no name of a module.
    #[must_use]
    #[track_caller]
    pub fn softdep(self, module: &str, after: &str) -> Self {
        self.rule(&format!("softdep {} pre: {}", module_name(module), module_name(after)))
    }

    /// What a module is loaded with.
    ///
    /// # Panics
    /// On what is no name of a module, and on options with a line break.
    #[must_use]
    #[track_caller]
    pub fn options(self, module: &str, options: &str) -> Self {
        assert!(!options.contains(['\n', '\0']) && !options.trim().is_empty(), "options of {module} stand in one line");
        self.rule(&format!("options {} {}", module_name(module), options.trim()))
    }
}

fn rules_file(name: &str) -> HostPath {
    HostPath::at(&format!("/etc/modprobe.d/homelab-{name}.conf"))
}

/// What is seen of such rules.
#[derive(Clone, Debug, Serialize)]
pub struct ModuleRulesState {
    /// The rules.
    pub rules: Option<String>,
    /// The SHA-256 of the rules: another after each change.
    pub digest: Option<String>,
    #[serde(skip)]
    whole: Whole,
    #[serde(skip)]
    place: Place,
    #[serde(skip)]
    kept: Option<Kept<Option<String>>>,
}

outputs!(
    /// What is known of rules for modules.
    ModuleRulesOutputs of ModuleRulesState {
        /// The SHA-256 of the rules: what is rebuilt on it gives it to `rebuilt_on`.
        digest: String,
    }
);

async fn look(place: &Place, cx: &HostsReader) -> Result<Option<ModuleRulesState>, Failure> {
    let whole = Whole::look(ModuleRules::KIND, place, &rules_file(&place.name), cx).await?;
    Ok(whole.map(|whole| ModuleRulesState {
        rules: whole.text.clone(),
        digest: whole.text.as_ref().map(|text| sha256(text.as_bytes())),
        kept: whole.kept.clone(),
        whole,
        place: place.clone(),
    }))
}

impl Resource for ModuleRules {
    const KIND: &'static str = "host/module-rules";
    type Outputs = ModuleRulesOutputs;
    lives_on_a_machine!(ModuleRulesState);

    fn review(&self, _: Option<&ModuleRulesState>, _: Action, _: &[Change]) -> Vec<Note> {
        vec![Note::info("counts from the next boot on, once the initramfs is built anew")]
    }

    async fn apply(&self, now: Option<&ModuleRulesState>, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let names = (Self::KIND, self.name.as_str());
        let path = rules_file(&self.name);
        let write = Whole::write(now.map(|now| &now.whole), cx.mark(), names, &path, &self.rules, 0o644);
        cx.carry_out(cx.permit(), &self.host.spot_now(cx)?, write).await
    }

    async fn delete(state: &ModuleRulesState, cx: &Apply<'_, Hosts>) -> Result<(), Failure> {
        let name = &state.place.name;
        let undo = state.whole.undo((Self::KIND, name), &rules_file(name), 0o644);
        cx.carry_out(cx.permit(), &state.place.spot, undo).await
    }
}
