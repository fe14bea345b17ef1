//! Pi-hole in a container, for the releases that have no module for it: the same settings, as variables of its environment.
use super::{
    expr::{Binding, Expr, bind},
    pihole::{PASSWORD, ftl_settings},
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
    ]
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
