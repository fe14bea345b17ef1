//! A stack of Docker on a container that cannot have containers inside; with nesting it can.
use homelab_core::{Handle, host::ComposeStack};
use homelab_proxmox::{Container, resource::{Nested, Plain}};

fn stacks(nested: Handle<Container<Nested>>, plain: Handle<Container<Plain>>) {
    let _ = ComposeStack::on(nested, "arr", "services: {}");
    let _ = ComposeStack::on(plain, "arr", "services: {}");
}

fn main() {}
