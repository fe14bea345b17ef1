//! The stacks: complete, pinned, and watched without a list that somebody keeps.
use crate::{TOLD, guests::guests, net, nodes::Ready, stacks};
use homelab_core::{AnyHandle, Lab, host::Computer, tree::Tree};

fn lab() -> Lab {
    let mut lab = Lab::named("home");
    let ready = AnyHandle::from(lab.add(Computer::named("pihole", net::PIHOLE)));
    let guests = guests(&mut lab, Ready([ready; 2]), TOLD);
    stacks::stacks(&mut lab, &guests.services, None);
    lab
}

fn spec(key: &str) -> Tree {
    let graph = lab().build().expect("the lab is valid");
    graph.resource(key).unwrap_or_else(|| panic!("{key} is not in the lab")).spec().clone()
}

#[test]
fn every_stack_is_on_a_machine_of_the_lab_and_can_be_selected_by_its_name() {
    let graph = lab().build().expect("the lab is valid");
    let of = |group: &str| {
        graph.resources().filter(|r| r.group() == Some(group)).map(|r| r.key().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of("stacks/arr"), ["host/stack/jellyfin/arr"]);
    assert_eq!(of("stacks/jellyfin"), ["host/stack/jellyfin/jellyfin"]);
    assert_eq!(
        of("stacks/observability"),
        [
            "host/stack/newservice-server/observability",
            "host/stack/jellyfin/agent",
            "host/stack/newservice-server/agent"
        ]
    );
}

#[test]
fn what_is_scraped_are_the_machines_themselves() {
    let spec = spec("host/stack/newservice-server/observability");
    let files = spec.get("files").expect("it has files").to_string();
    for machine in ["jellyfin", "newservice-server"] {
        assert!(files.contains(&format!("machine: {machine}")), "{files}");
    }
    let uses: Vec<_> = spec.refs().into_iter().map(|r| r.field).filter(|field| *field == "ip").collect();
    assert_eq!(uses.len(), 2, "the addresses are those of the guests, and follow them");
}

#[test]
fn no_image_is_whatever_is_newest() {
    for (name, file) in [
        ("arr", include_str!("../stacks/arr.yaml")),
        ("agent", include_str!("../stacks/agent.yaml")),
        ("jellyfin", include_str!("../stacks/jellyfin.yaml")),
        ("observability", include_str!("../stacks/observability.yaml")),
    ] {
        for line in file.lines().filter_map(|line| line.trim().strip_prefix("image: ")) {
            let tag = line.rsplit_once(':').map(|(_, tag)| tag);
            assert!(tag.is_some_and(|tag| tag != "latest"), "{name}: {line}");
        }
    }
}

#[test]
fn grafana_s_password_is_a_secret_by_name() {
    let spec = spec("host/stack/newservice-server/observability");
    assert!(spec.get("env").is_some_and(|env| env.get("GRAFANA_PASSWORD").is_none()), "it is no plain value");
    assert_eq!(spec.get("secrets").expect("it has secrets").get("GRAFANA_PASSWORD"), Some(&Tree::from("as declared")));
}
