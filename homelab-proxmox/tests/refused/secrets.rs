//! Planted secrets appear nowhere: not in what is printed, not in what is kept, whatever the server says.
use crate::{
    desk::{DIN, Desk, LAN, Said, cluster, ubuntu},
    front::Front,
};
use homelab_core::{Lab, Secret, cli::Exit, units::SizeUnits};
use homelab_proxmox::{
    Vm,
    sim::{Fault, Faults},
};
use serde_json::json;
use std::{fs, path::PathBuf};

const GUESTS: Secret = Secret::named("WEB_PASSWORD");
/// With everything that an encoding could change.
const PASSWORD: &str = "tr0ub4dor & 3/\"quoted\" +ü";
const TOKEN_SECRET: &str = "deadbeef-0123-4567-89ab-5ec5e75ec5e7";
const LOGIN: &str = "l0g-in \"w0rd\"/%20";
const SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DP";

/// A secret as it could turn up.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let percent = |keep: &str, blank: &str| -> String {
        let encode = |byte: u8| match char::from(byte) {
            symbol if symbol.is_ascii_alphanumeric() || keep.contains(symbol) => symbol.to_string(),
            ' ' if !blank.is_empty() => blank.to_owned(),
            _ => format!("%{byte:02X}"),
        };
        secret.bytes().map(encode).collect()
    };
    let lower = percent("-_.~", "").replace("%2F", "%2f").replace("%C3%BC", "%c3%bc");
    let mut forms = vec![secret.to_owned(), json[1..json.len() - 1].to_owned(), lower];
    forms.extend([percent("-_.~", ""), percent("-_.*", "+"), percent("-_.~/", "")]);
    // Base64 with nothing before it; what comes before shifts it, so three starts are looked for.
    forms.extend((0..3).map(|skip| base64(&secret.as_bytes()[skip..][..(secret.len() - skip) / 3 * 3])));
    forms
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let word = |three: &[u8]| three.iter().fold(0_usize, |word, byte| word << 8 | usize::from(*byte));
    let digits = |three| (0..4).map(move |n| char::from(DIGITS[word(three) >> (18 - 6 * n) & 63]));
    bytes.chunks_exact(3).flat_map(digits).collect()
}

fn is_clean(what: &str, text: &str) {
    for (name, secret) in
        [("the guest's", PASSWORD), ("the token's", TOKEN_SECRET), ("the login's", LOGIN), ("the seed", SEED)]
    {
        for form in forms(secret) {
            assert!(!text.contains(&form), "{name} secret is in {what} as `{form}`:\n{text}");
        }
    }
}

fn said(desk: &Desk, line: &str) -> Said {
    let said = desk.run(line);
    is_clean(&format!("what `{line}` printed"), &said.to_string());
    said
}

/// Everything below the working directory, which holds the state and the plans.
fn nothing_is_kept(desk: &Desk) {
    let mut files: Vec<PathBuf> = vec![desk.path("")];
    let mut seen = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            is_clean(&path.display().to_string(), &String::from_utf8_lossy(&fs::read(&path).unwrap()));
            seen += 1;
        }
    }
    assert!(seen > 2, "only {seen} files");
}

fn lab() -> Lab {
    let mut lab = Lab::named("home");
    let template = ubuntu(&mut lab);
    lab.add(
        Vm::clone_from(template)
            .on(DIN)
            .id(201)
            .named("web")
            .disk(50.gib())
            .at(LAN.host(202))
            .user("ada")
            .password(GUESTS),
    );
    lab
}

/// With all secrets of the tests in the environment.
fn planted() -> Desk {
    let world = cluster().with_token("iac@pve!planted", TOKEN_SECRET);
    let mut desk = Desk::at(world, lab);
    desk.set("PROXMOX_TOKEN_ID", "iac@pve!planted");
    desk.set("PROXMOX_TOKEN_SECRET", TOKEN_SECRET);
    desk.set("WEB_PASSWORD", PASSWORD);
    desk
}

#[test]
fn no_secret_is_printed_or_kept_by_any_verb() {
    let desk = planted();
    for line in
        ["plan -v", "plan --json", "plan --out a.plan", "why proxmox/vm/web", "graph --format json", "deploy a.plan -v"]
    {
        assert_eq!(said(&desk, line).exit, Exit::Done, "{}", said(&desk, line));
        nothing_is_kept_if_there(&desk);
    }
    let world = serde_json::to_string(&desk.sim.world()).unwrap();
    assert!(world.contains("cipassword"), "it came to the guest");
    is_clean("the world", &world.replace(TOKEN_SECRET, ""));
    for line in [
        "deploy --yes --json -v",
        "state show --json",
        "list --json",
        "output --json",
        "why proxmox/vm/web --json",
        "plan --destroy --out b.plan",
    ] {
        assert_eq!(said(&desk, line).exit, Exit::Done);
    }
    nothing_is_kept(&desk);
    assert_eq!(said(&desk, "destroy --yes --json -v").exit, Exit::Done);
    nothing_is_kept(&desk);
}

fn nothing_is_kept_if_there(desk: &Desk) {
    if desk.path(".homelab").exists() {
        nothing_is_kept(desk);
    }
}

#[test]
fn a_server_that_says_secrets_back_is_not_repeated() {
    let spoken = format!("no: {PASSWORD} {TOKEN_SECRET} {}", forms(PASSWORD).join(" "));
    // At every call of a deploy once.
    let calls = {
        let desk = planted();
        assert_eq!(desk.run("deploy --yes").exit, Exit::Done);
        desk.sim.calls()
    };
    for (number, call) in (1..=calls).enumerate() {
        let desk = planted();
        let status = [500, 403, 400, 596][number % 4];
        desk.sim.plan_faults(Faults::none().at_call(call, Fault::Error { status, reason: spoken.clone() }));
        said(&desk, ["deploy --yes -v", "deploy --yes --json"][number % 2]);
        nothing_is_kept_if_there(&desk);
        said(&desk, "state show --json");
    }
}

#[test]
fn a_login_that_fails_says_neither_password_nor_seed() {
    let front = Front::new(|line, body| {
        let data = json!({ "username": "root@pam", "ticket": "PVE:!tfa!x:65000000::c2ln", "NeedTFA": 1, "CSRFPreventionToken": "x:y" });
        match () {
            () if !line.starts_with("POST /api2/json/access/ticket") => ("401 No ticket", String::new()),
            () if body.contains("tfa-challenge") => {
                ("401 wrong", json!({ "data": null, "message": format!("{body} {LOGIN} {SEED}") }).to_string())
            }
            () => ("200 OK", json!({ "data": data }).to_string()),
        }
    });
    let mut desk = planted().with_password("root@pam", LOGIN);
    desk.set("PROXMOX_URL", &front.url);
    desk.set("PROXMOX_FINGERPRINT", &front.fingerprint);
    desk.set("PROXMOX_TOTP_SECRET", SEED);
    for line in ["plan", "deploy --yes -v --json"] {
        assert_eq!(said(&desk, line).exit, Exit::Refused);
    }
}

#[test]
fn a_panic_says_no_secret() {
    let mut desk = planted();
    desk.bug = Some(format!("bug with {PASSWORD} and {TOKEN_SECRET}"));
    let told = said(&desk, "deploy --yes -v");
    assert_eq!(told.exit, Exit::Bug, "{told}");
    assert!(told.stderr.contains("bug with"), "{told}");
    nothing_is_kept(&desk);
    desk.bug = None;
    desk.converges();
}

#[test]
fn the_sandbox_keeps_a_guests_password_as_a_node_would() {
    let desk = planted();
    assert_eq!(said(&desk, "deploy --sandbox").exit, Exit::Done);
    nothing_is_kept(&desk);
    assert_eq!(said(&desk, "destroy --sandbox").exit, Exit::Done);
    nothing_is_kept(&desk);
}
