//! [`NodeConfig`]: a node's configuration, declared on its machine.
use super::{
    NodeReboot,
    files::{self, Release},
};
use crate::resource::Node;
use homelab_core::{
    AnyHandle, Handle, Lab, ResourceExt,
    host::{
        Command, Computer, File, Initramfs, KernelCommandLine, KernelModule, ModuleRules, Package, Run, SshHardening,
        TimeSync,
    },
};

/// What is set up on a machine that runs Proxmox VE. Each part is a resource of its own on that machine; all of them stand in the
/// group `node/NAME`, so that `node configure NAME` deploys them alone.
///
/// ```
/// # use homelab_core::{Lab, Site, host::Computer, units::Network};
/// # use homelab_proxmox::{Node, NodeConfig, Pve};
/// # const DIN: Node = Node::of(Site::named("pve"), "din");
/// # const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);
/// # let mut lab = Lab::named("home");
/// let config = NodeConfig::release_8().no_subscription().without_notice().passthrough().keep_drivers_off(["mpt3sas"]);
/// let machine = lab.add(Computer::named("din", LAN.host(11)).login("root"));
/// let din = config.ssh().time(["pool.ntp.org"]).node_exporter().add_to(&mut lab, DIN, machine);
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is declared by `.add_to(&mut lab, node, machine)`"]
pub struct NodeConfig {
    release: Release,
    free: bool,
    notice: bool,
    passthrough: bool,
    drivers: Vec<String>,
    claimed: Vec<String>,
    arguments: Vec<String>,
    ssh: bool,
    time: Vec<String>,
    exporter: bool,
    before_restart: Vec<AnyHandle>,
    haven: Option<(Node, bool)>,
}

/// What is known of a node that is configured.
#[derive(Clone, Copy, Debug)]
pub struct Configured {
    /// The machine.
    pub machine: Handle<Computer>,
    /// The restart: what has to find the node as it should be (a guest with a device of it) comes `.after` this.
    pub ready: Handle<NodeReboot>,
}

impl NodeConfig {
    const fn of(release: Release) -> NodeConfig {
        NodeConfig {
            release,
            free: false,
            notice: true,
            passthrough: false,
            drivers: vec![],
            claimed: vec![],
            arguments: vec![],
            ssh: false,
            time: vec![],
            exporter: false,
            before_restart: vec![],
            haven: None,
        }
    }

    /// A node of Proxmox VE 8, on Debian 12.
    pub const fn release_8() -> NodeConfig {
        NodeConfig::of(Release::V8)
    }

    /// A node of Proxmox VE 9, on Debian 13.
    pub const fn release_9() -> NodeConfig {
        NodeConfig::of(Release::V9)
    }

    /// Packages from the repository that needs no subscription; those that need one are switched off.
    pub fn no_subscription(mut self) -> Self {
        self.free = true;
        self
    }

    /// The web interface does not tell at each login that there is no subscription, also after upgrades of it.
    pub fn without_notice(mut self) -> Self {
        self.notice = false;
        self
    }

    /// Devices can be passed to guests: the IOMMU is on, and the modules of VFIO are loaded. If the kernel was not booted so, the node
    /// is restarted, and the IOMMU must be on then.
    pub fn passthrough(mut self) -> Self {
        self.passthrough = true;
        self
    }

    /// Drivers of the node that must not take devices which are for guests: `mpt3sas`, `i915`.
    ///
    /// # Panics
    /// On what is no name of a module, when it is added.
    pub fn keep_drivers_off<'d>(mut self, drivers: impl IntoIterator<Item = &'d str>) -> Self {
        self.drivers.extend(drivers.into_iter().map(str::to_owned));
        self
    }

    /// Devices that VFIO takes before any driver can, by vendor and device (`8086:56a6`): for those whose driver the node itself needs
    /// for another device.
    pub fn claim<'d>(mut self, devices: impl IntoIterator<Item = &'d str>) -> Self {
        self.claimed.extend(devices.into_iter().map(str::to_owned));
        self
    }

    /// More arguments for the kernel, each one word.
    pub fn kernel_arguments<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// Logging in over SSH takes a key. root keeps doing so: the nodes of a cluster need it of each other.
    pub fn ssh(mut self) -> Self {
        self.ssh = true;
        self
    }

    /// The clock is set from these, by chrony, which the installer brings.
    pub fn time<'s>(mut self, servers: impl IntoIterator<Item = &'s str>) -> Self {
        self.time = servers.into_iter().map(str::to_owned).collect();
        self
    }

    /// Prometheus' node exporter runs, on port 9100.
    pub fn node_exporter(mut self) -> Self {
        self.exporter = true;
        self
    }

    /// While the node is away, guests that can are moved to this one: see [`NodeReboot::moving_guests_to`].
    pub fn moving_guests_to(mut self, node: Node) -> Self {
        self.haven = Some((node, false));
        self
    }

    /// The same with disks that only their node has: see [`NodeReboot::moving_guests_and_disks_to`].
    pub fn moving_guests_and_disks_to(mut self, node: Node) -> Self {
        self.haven = Some((node, true));
        self
    }

    /// The node is restarted only after this: the gate of the name service, which must answer while a node is away.
    pub fn restart_after(mut self, other: impl Into<AnyHandle>) -> Self {
        self.before_restart.push(other.into());
        self
    }

    /// Declares all of it.
    #[track_caller]
    pub fn add_to(self, lab: &mut Lab, node: Node, machine: Handle<Computer>) -> Configured {
        lab.in_one_place(|lab| lab.group(&format!("node/{}", node.name()), |lab| self.declare(lab, node, machine)))
    }

    fn declare(self, lab: &mut Lab, node: Node, machine: Handle<Computer>) -> Configured {
        // What is done on the machine is done before it is restarted.
        let mut done: Vec<AnyHandle> = self.before_restart.clone();
        let lists = self.free.then(|| self.repositories(lab, machine));
        done.extend(lists.map(AnyHandle::from));
        if !self.notice {
            let hook = lab.add(File::on(machine, files::HOOK, files::hook()));
            let take = Command::new("sed").args(["-i", &files::substitution(), files::TOOLKIT]);
            let check = Command::new("sh").args(["-c", &files::is_away()]);
            done.push(lab.add(Run::on(machine, "subscription notice", take).unless(check).after(hook)).into());
        }
        if self.ssh {
            done.push(lab.add(SshHardening::on(machine)).into());
        }
        if !self.time.is_empty() {
            done.push(lab.add(TimeSync::on(machine, self.time.iter().map(String::as_str)).chrony()).into());
        }
        if self.exporter {
            let exporter = Package::on(machine, "prometheus-node-exporter");
            done.push(match lists {
                Some(lists) => lab.add(exporter.after(lists)).into(),
                None => lab.add(exporter).into(),
            });
        }
        Configured { machine, ready: self.kernel(lab, node, machine, done) }
    }

    /// What is there was left by the installer, so it is taken over.
    fn repositories(&self, lab: &mut Lab, machine: Handle<Computer>) -> Handle<Run> {
        let free = lab.add(File::on(machine, files::FREE, self.release.free()).adopt());
        let mut lists = Run::on(machine, "package lists", Command::new("apt-get").arg("update")).when(free.digest());
        for (path, text) in self.release.paid() {
            lists = lists.when(lab.add(File::on(machine, path, text).adopt()).digest());
        }
        lab.add(lists)
    }

    fn kernel(
        self,
        lab: &mut Lab,
        node: Node,
        machine: Handle<Computer>,
        mut before: Vec<AnyHandle>,
    ) -> Handle<NodeReboot> {
        let mut arguments = self.arguments;
        let mut reboot = NodeReboot::of(node).of_release(self.release.major);
        if self.passthrough {
            for module in ["vfio", "vfio_iommu_type1", "vfio_pci"] {
                before.push(lab.add(KernelModule::on(machine, module)).into());
            }
            arguments.extend(["intel_iommu=on", "iommu=pt"].map(str::to_owned));
            reboot = reboot.expects_iommu();
        }
        reboot = match self.haven {
            None => reboot,
            Some((haven, false)) => reboot.moving_guests_to(haven),
            Some((haven, true)) => reboot.moving_guests_and_disks_to(haven),
        };
        let mut rules = ModuleRules::on(machine, "homelab-passthrough");
        for driver in &self.drivers {
            rules = rules.blacklist(driver);
        }
        if !self.claimed.is_empty() {
            rules = rules.options("vfio-pci", &format!("ids={}", self.claimed.join(",")));
        }
        if !self.drivers.is_empty() || !self.claimed.is_empty() {
            let rules = lab.add(rules);
            before.push(lab.add(Initramfs::on(machine).rebuilt_on(rules.digest())).into());
            reboot = reboot.when(rules.digest());
        }
        if !arguments.is_empty() {
            let line = lab.add(KernelCommandLine::on(machine, arguments.iter().map(String::as_str)));
            reboot = reboot.kernel(line.digest(), line.needs_reboot());
        }
        let mut with = reboot.after(machine);
        for handle in before {
            with = with.after(handle);
        }
        lab.add(with)
    }
}
