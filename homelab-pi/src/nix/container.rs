//! Pi-hole in a container, for the releases that have no module for it: the same settings, as variables of its environment.
use super::{
    expr::{Binding, Expr, bind},
    pihole::{PASSWORD, ftl_settings, weekly},
    tree::Addresses,
};
use crate::{Pi, config::ContainerImage};

/// The module.
pub(super) fn bindings(pi: &Pi, image: &ContainerImage, addresses: &Addresses) -> Vec<Binding> {
    let mut environment = vec![];
    flatten("FTLCONF", &ftl_settings(pi, addresses), &mut environment);
    environment.push(bind("FTLCONF_webserver_port", "80o,443os"));
    environment.push(bind("TZ", pi.time_zone));
    environment.sort_by(|a, b| a.0.cmp(&b.0));
    let pull = Expr::set([
        ("imageName", Expr::from(image.name)),
        ("imageDigest", image.digest.into()),
        ("hash", image.hash.into()),
        ("finalImageName", image.name.into()),
        ("finalImageTag", image.tag.into()),
        ("arch", "arm64".into()),
        ("os", "linux".into()),
    ]);
    vec![
        // Podman has no daemon whose upgrade would take the name server down with it.
        bind("virtualisation.oci-containers.backend", "podman"),
        bind(
            "virtualisation.oci-containers.containers.pihole",
            Expr::set([
                ("image", format!("{}:{}", image.name, image.tag).into()),
                ("imageFile", Expr::Call("pkgs.dockerTools.pullImage", Box::new(pull))),
                // The image is on the card; a pull would need the names that this box resolves.
                (
                    "extraOptions",
                    Expr::list(["--network=host", "--pull=never", "--cap-add=NET_ADMIN", "--cap-add=SYS_NICE"]),
                ),
                ("environment", Expr::Set(environment)),
                ("environmentFiles", Expr::list([PASSWORD])),
                ("volumes", Expr::list(["/var/lib/pihole:/etc/pihole"])),
            ]),
        ),
        bind(
            "systemd.tmpfiles.rules",
            Expr::list(["d /var/lib/pihole 0755 root root - -".to_owned(), format!("f {PASSWORD} 0600 root root - -")]),
        ),
        bind("systemd.services.podman-pihole.after", Expr::list(["unbound.service"])),
        // A container takes no lists from its environment: they are rows of its database, put there beside those of a person.
        bind(
            "systemd.services.homelab-lists",
            Expr::set([
                ("description", Expr::from("Pi-hole's lists")),
                ("wantedBy", Expr::list(["multi-user.target"])),
                ("wants", Expr::list(["network-online.target"])),
                ("after", Expr::list(["podman-pihole.service", "network-online.target"])),
                ("path", Expr::List(vec![Expr::Package("config.virtualisation.podman.package")])),
                ("serviceConfig.Type", "oneshot".into()),
                ("serviceConfig.TimeoutStartSec", "15min".into()),
                ("script", Expr::Lines(LOAD.into())),
            ]),
        ),
        weekly("homelab-lists"),
    ]
}

/// Puts the lists of the tree into the database, once that is there, and loads them.
const LOAD: &str = "until podman exec pihole test -s /etc/pihole/gravity.db; do sleep 5; done
podman exec -i pihole pihole-FTL sqlite3 /etc/pihole/gravity.db < ${./lists.sql}
podman exec pihole pihole -g
";

/// The lists as statements for Pi-hole's database (schema of v6: `type` 0 blocks, 1 allows). What bears our words and is not among them
/// goes; what a person has added stays.
pub(super) fn lists(pi: &Pi) -> String {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let mut sql = String::from("-- Generated: change the lab's code, not this file.\n");
    let all: Vec<String> = pi.dns.lists.keys().map(|url| text(url)).collect();
    sql.push_str(&format!(
        "DELETE FROM adlist WHERE comment LIKE 'homelab: %' AND address NOT IN ({});\n",
        all.join(", ")
    ));
    for (url, list) in &pi.dns.lists {
        let (url, about) = (text(url), text(&format!("homelab: {}", list.about)));
        sql.push_str(&format!(
            "INSERT OR IGNORE INTO adlist (address, type, enabled, comment) VALUES ({url}, {}, 1, {about});\n",
            u8::from(list.allow)
        ));
    }
    sql
}

/// `dns.upstreams` as `FTLCONF_dns_upstreams`, lists joined by `;`.
fn flatten(name: &str, expr: &Expr, out: &mut Vec<Binding>) {
    let text = |e: &Expr| match e {
        Expr::Bool(b) => b.to_string(),
        Expr::Int(n) => n.to_string(),
        Expr::Str(s) => s.clone(),
        other => format!("{other:?}"),
    };
    match expr {
        Expr::Set(bindings) => bindings.iter().for_each(|(part, e)| flatten(&format!("{name}_{part}"), e, out)),
        Expr::List(items) => out.push(bind(name, items.iter().map(text).collect::<Vec<_>>().join(";"))),
        plain => out.push(bind(name, text(plain))),
    }
}
