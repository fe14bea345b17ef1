//! The template `NAME`.
use homelab_core::{Handle, Lab};
use homelab_proxmox::{
    Node, Template,
    resource::{CloudInit, Uefi},
};

/// Declares it. In the lab: `let IDENT = IDENT::IDENT(&mut lab, NODE);`
pub fn IDENT(lab: &mut Lab, node: Node) -> Handle<Template<Uefi, CloudInit>> {
    lab.add(Template::ubuntu_24_04(9000).named("NAME").on(node).uefi().cloud_init())
}
