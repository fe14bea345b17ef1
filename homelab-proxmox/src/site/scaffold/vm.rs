//! The guest `NAME`.
use homelab_core::{
    Handle, Lab,
    units::{HostAddr, SizeUnits},
};
use homelab_proxmox::{
    Node, Template, Vm,
    resource::{CloudInit, Uefi},
};

/// Declares it. In the lab: `IDENT::IDENT(&mut lab, ubuntu, NODE, LAN.host(50), KEY);`
pub fn IDENT(
    lab: &mut Lab,
    template: Handle<Template<Uefi, CloudInit>>,
    node: Node,
    at: HostAddr,
    key: &str,
) -> Handle<Vm<Uefi, CloudInit>> {
    lab.add(
        Vm::clone_from(template)
            .on(node)
            .named("NAME")
            .cores(2)
            .memory(2.gib())
            .disk(20.gib())
            .at(at)
            .authorized_keys([key]),
    )
}
