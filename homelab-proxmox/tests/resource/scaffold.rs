//! What `new` prints is a module that compiles, and declares what it says.
#![expect(non_snake_case, reason = "a placeholder stands for the function's name")]
#![expect(unreachable_pub, reason = "in a lab others use it")]
use crate::fixture::{DIN, KEY, LAN, ubuntu};
use homelab_core::{Connect, Lab};
use homelab_proxmox::site::Cluster;

#[path = "../../src/site/scaffold/template.rs"]
mod template;
#[path = "../../src/site/scaffold/vm.rs"]
mod vm;

#[test]
fn the_beginnings_of_modules_compile_and_declare_what_they_are_called() {
    let last = |lab: Lab| lab.build().unwrap().resources().last().map(|resource| resource.key().to_owned());
    let mut lab = Lab::named("home");
    template::IDENT(&mut lab, DIN);
    assert_eq!(last(lab).as_deref(), Some("proxmox/template/NAME"));
    let mut lab = Lab::named("home");
    let ubuntu = ubuntu(&mut lab);
    vm::IDENT(&mut lab, ubuntu, DIN, LAN.host(50), KEY);
    assert_eq!(last(lab).as_deref(), Some("proxmox/vm/NAME"));
    let offered = Cluster::at(["https://127.0.0.1:1"]);
    let words: Vec<&str> = offered.scaffolds().iter().map(|scaffold| scaffold.what).collect();
    assert_eq!(words, ["vm", "template"]);
}
