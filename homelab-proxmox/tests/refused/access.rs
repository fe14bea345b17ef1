//! Getting in: credentials, tokens and their rights, second factors, certificates, addresses, versions.
use crate::{
    desk::{Desk, Server, TOKEN, lab_of, shell},
    front::Front,
    says,
};
use homelab_core::cli::Exit;
use homelab_proxmox::client::Params;
use serde_json::json;

fn desk() -> Desk {
    Desk::new(shell)
}

const CREDENTIALS: [&str; 2] = ["PROXMOX_TOKEN_ID", "PROXMOX_TOKEN_SECRET"];

#[test]
fn live_without_credentials_names_what_is_missing() {
    says!(desk().without(&CREDENTIALS).run("plan --live"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the credentials are not complete: site `pve` lacks PROXMOX_TOKEN_ID or TF_VAR_proxmox_api_token_id and PROXMOX_TOKEN_SECRET or TF_VAR_proxmox_api_token_secret
      hint: set them in the environment, in the file .env, or with `secret set NAME`; or run with `--sandbox`, which needs none
    ");
}

#[test]
fn half_of_the_credentials_names_the_other_half() {
    says!(desk().without(&["PROXMOX_TOKEN_SECRET"]).run("plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the credentials are not complete: site `pve` lacks PROXMOX_TOKEN_SECRET or TF_VAR_proxmox_api_token_secret
      hint: set them in the environment, in the file .env, or with `secret set NAME`; or run with `--sandbox`, which needs none
    ");
    says!(desk().without(&["PROXMOX_TOKEN_ID"]).run("deploy --yes"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the credentials are not complete: site `pve` lacks PROXMOX_TOKEN_ID or TF_VAR_proxmox_api_token_id
      hint: set them in the environment, in the file .env, or with `secret set NAME`; or run with `--sandbox`, which needs none
    ");
    says!(desk().with_password("root@pam", "").run("plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: the credentials are not complete: site `pve` lacks PROXMOX_PASSWORD
      hint: set them in the environment, in the file .env, or with `secret set NAME`; or run with `--sandbox`, which needs none
    ");
}

#[test]
fn a_token_id_that_is_none_is_told_before_anything_is_sent() {
    let mut desk = desk();
    desk.set("PROXMOX_TOKEN_ID", "root@pam");
    says!(desk.run("plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: PROXMOX_TOKEN_ID or TF_VAR_proxmox_api_token_id is no id of an API token
      hint: it is USER@REALM!NAME, as in root@pam!terraform; the secret goes into PROXMOX_TOKEN_SECRET
    ");
    assert_eq!(desk.sim.calls(), 0);
}

#[test]
fn a_wrong_token_is_told_with_what_to_check() {
    let mut desk = desk();
    desk.set("PROXMOX_TOKEN_SECRET", "00000000-aaaa-4aaa-8aaa-aaaaaaaaaaaa");
    says!(desk.run("plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: cannot read the version: Authentication failed! (status 401)
      hint: check the token's id (USER@REALM!TOKEN) and secret, that it has not expired and that its user is enabled
    ");
    desk.set("PROXMOX_TOKEN_ID", "iac@pve!other");
    says!(desk.run("deploy --yes"), @r"
    exit 4
    --- stdout
    --- stderr
    error: cannot read the version: Authentication failed! (status 401)
      hint: check the token's id (USER@REALM!TOKEN) and secret, that it has not expired and that its user is enabled
    ");
}

/// A token of its own for a user without rights, and what it may.
fn token_with(desk: &mut Desk, roles: &[(&str, &str)]) {
    let secret = desk.admin(async |pve, permit| {
        pve.post(permit, "/access/users", Params::new().set("userid", "small@pve")).await?;
        let made = pve.post(permit, "/access/users/small@pve/token/lab", Params::new().set("privsep", 0)).await?;
        for (path, role) in roles {
            let line = Params::new().set("path", path).set("roles", role).set("users", "small@pve");
            pve.put(permit, "/access/acl", line).await?;
        }
        Ok(made["value"].as_str().unwrap_or_default().to_owned())
    });
    desk.set("PROXMOX_TOKEN_ID", "small@pve!lab");
    desk.set("PROXMOX_TOKEN_SECRET", secret);
}

#[test]
fn a_token_without_any_rights_is_told_at_once() {
    let mut desk = desk();
    token_with(&mut desk, &[]);
    says!(desk.run("plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: the credentials are accepted, but allow nothing
      hint: a token with privilege separation starts without rights: give it a role (`pveum acl modify / --tokens 'USER@REALM!NAME' --roles ROLE`), or make it without (`--privsep 0`)
    ");
}

#[test]
fn a_missing_privilege_is_named_with_its_path() {
    let mut desk = desk();
    token_with(&mut desk, &[("/", "PVEAuditor")]);
    assert_eq!(desk.run("plan").exit, Exit::Done);
    says!(desk.run("deploy --yes"), @r"
    exit 4
    --- stdout
    + proxmox/vm/shell  [CODE]
        name: shell
        vmid: 300
        node: din
        firmware: bios
        disks.scsi0.size: 32 GiB
        running: false
    1 to create
    1 failed in [TIME]
    --- stderr
    [TIME] proxmox/vm/shell: create
    [TIME] proxmox/vm/shell: create failed: cannot create guest 300 on din: Permission check failed
    error: proxmox/vm/shell: create failed: cannot create guest 300 on din: Permission check failed
      hint: give the token a role with VM.Allocate on /vms/300: `pveum acl modify /vms/300 --tokens 'USER@REALM!TOKEN' --roles ROLE` (with privilege separation, the user needs it too)
    ");
    assert_eq!(desk.guests(), "");
}

#[test]
fn a_token_that_cannot_see_the_guests_makes_nothing_twice() {
    let mut desk = desk();
    desk.converges();
    token_with(&mut desk, &[("/storage", "PVEDatastoreAdmin"), ("/vms/999", "PVEVMAdmin")]);
    says!(desk.run("deploy --yes"), @r"
    exit 4
    --- stdout
    --- stderr
    error: looking at proxmox/vm/shell: the credential may not see guests: it lacks VM.Audit on /vms/300
      hint: what is not shown cannot be told from what is not there; give it a role with VM.Audit: `pveum acl modify /vms --tokens 'USER@REALM!TOKEN' --roles ROLE` (with privilege separation its user needs it too)
    ");
}

#[test]
fn a_wrong_password_is_told_with_what_to_check() {
    says!(desk().with_password("root@pam", "not-the-password").run("plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: cannot log in as root@pam: authentication failure (status 401)
      hint: check user (with its realm: root@pam), password and one-time code
    ");
}

#[test]
fn a_ticket_that_ends_in_the_middle_of_a_run_is_renewed() {
    let desk = desk().with_password("admin@pve", "correct horse");
    desk.sim.change(|world| world.with_password("admin@pve", "correct horse")).unwrap();
    desk.admin(async |pve, permit| {
        let line = Params::new().set("path", "/").set("roles", "Administrator").set("users", "admin@pve");
        pve.put(permit, "/access/acl", line).await
    });
    let before = desk.sim.calls();
    let ended =
        homelab_proxmox::sim::Fault::Error { status: 401, reason: "permission denied - invalid PVE ticket".into() };
    desk.sim.plan_faults(
        (4..30)
            .step_by(7)
            .fold(homelab_proxmox::sim::Faults::none(), |faults, call| faults.at_call(before + call, ended.clone())),
    );
    desk.converges();
    let logins = desk.sim.log().iter().filter(|call| call.path == "/access/ticket").count();
    assert!(logins > 2, "{logins}");
}

/// What the server says to whoever logs in, and that a one-time code is right.
fn second_factor() -> Front {
    Front::new(|line, body| match line {
        line if line.starts_with("POST /api2/json/access/ticket") && body.contains("tfa-challenge") => {
            ("401 authentication failure", String::new())
        }
        line if line.starts_with("POST /api2/json/access/ticket") => {
            let ticket = "PVE:!tfa!%7B%22totp%22%3Atrue%7D:65000000::c2lnbmVk";
            let data = json!({ "username": "root@pam", "ticket": ticket, "NeedTFA": 1, "CSRFPreventionToken": "x:y" });
            ("200 OK", json!({ "data": data }).to_string())
        }
        _ => ("401 No ticket", String::new()),
    })
}

#[test]
fn a_user_with_a_second_factor_needs_its_secret() {
    let front = second_factor();
    let mut desk = desk().with_password("root@pam", "correct horse");
    desk.set("PROXMOX_URL", &front.url);
    desk.set("PROXMOX_FINGERPRINT", &front.fingerprint);
    says!(desk.run("plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: cannot log in as root@pam: the user has a second factor: set the secret of its one-time codes (PROXMOX_TOTP_SECRET), or use an API token
    ");
    desk.set("PROXMOX_TOTP_SECRET", "not base32!");
    says!(desk.run("plan"), @r"
    exit 64
    --- stdout
    --- stderr
    error: cannot log in as root@pam: the secret of the one-time codes (PROXMOX_TOTP_SECRET) is not base32: letters and the digits 2 to 7
    ");
    desk.set("PROXMOX_TOTP_SECRET", "JBSWY3DPEHPK3PXP");
    says!(desk.run("plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: cannot log in as root@pam: authentication failure (status 401)
      hint: check user (with its realm: root@pam), password and one-time code
    ");
}

#[test]
fn a_certificate_that_nobody_signed_is_shown_so_that_it_can_be_pinned() {
    says!(desk().without(&["PROXMOX_FINGERPRINT"]).run("plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: cannot read the version: 127.0.0.1:PORT is not who it should be: its certificate is signed by nobody who is trusted
      hint: compare the presented fingerprint with `pvenode cert info` on the node's own console; if they are the same, pin it
      | presented: [FINGERPRINT]
    ");
}

#[test]
fn a_certificate_that_changed_is_refused_showing_both() {
    let mut desk = desk();
    let renewed = Server::of(&desk.sim);
    let (old, new) = (desk.env["PROXMOX_FINGERPRINT"].clone(), renewed.fingerprint.clone());
    desk.set("PROXMOX_URL", &renewed.url);
    let said = desk.run("deploy --yes");
    assert!(said.stderr.contains(&old) && said.stderr.contains(&new), "{said}");
    says!(said, @r"
    exit 4
    --- stdout
    --- stderr
    error: cannot read the version: 127.0.0.1:PORT is not who it should be: its certificate is not the pinned one
      hint: compare the presented fingerprint with `pvenode cert info` on the node's own console; if they are the same, pin it
      | presented: [FINGERPRINT]
      | expected:  [FINGERPRINT]
    ");
    assert_eq!(desk.sim.calls(), 0);
}

#[test]
fn what_is_no_fingerprint_file_or_address_is_a_matter_of_the_environment() {
    let mut desk = desk();
    desk.set("PROXMOX_FINGERPRINT", "AB:CD");
    says!(desk.errors("plan"), @r"
    exit 64
    error: PROXMOX_FINGERPRINT: `AB:CD` is no SHA-256 fingerprint: 64 hexadecimal digits, with or without colons
      hint: `pvenode cert info` on the node shows it, and so does the web interface: node, Certificates
    ");
    desk.env.remove("PROXMOX_FINGERPRINT");
    desk.set("PROXMOX_CA_FILE", "/nonexistent/pve-root-ca.pem");
    says!(desk.errors("plan"), @r"
    exit 64
    error: PROXMOX_CA_FILE: cannot read /nonexistent/pve-root-ca.pem: No such file or directory (os error 2)
      hint: it is /etc/pve/pve-root-ca.pem of the cluster, copied to this machine; or pin certificates in PROXMOX_FINGERPRINT
    ");
    desk.env.remove("PROXMOX_CA_FILE");
    desk.set("PROXMOX_URL", "https://");
    says!(desk.errors("plan"), @r"
    exit 64
    error: PROXMOX_URL: `https://` is no address of a Proxmox VE: write HOST, HOST:PORT or https://HOST:PORT
    ");
    desk.set("PROXMOX_URL", "http://127.0.0.1:8006");
    says!(desk.errors("plan"), @r"
    exit 64
    error: PROXMOX_URL: `http://127.0.0.1:PORT` is no address of a Proxmox VE: write HOST, HOST:PORT or https://HOST:PORT
    ");
}

#[test]
fn a_node_that_refuses_connections_is_told_with_its_address() {
    let mut desk = desk();
    desk.server = None;
    says!(desk.run("plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: cannot read the version: cannot connect to 127.0.0.1:PORT: Connection refused (os error 111) (tried 3 times)
      hint: check the address and that the node is up; Proxmox VE listens on port 8006
    ");
}

#[test]
fn what_is_no_proxmox_is_told() {
    let front = Front::new(|_, _| ("200 OK", "<html>router</html>".to_owned()));
    let mut desk = desk();
    desk.set("PROXMOX_URL", &front.url);
    desk.set("PROXMOX_FINGERPRINT", &front.fingerprint);
    says!(desk.run("plan"), @r"
    exit 4
    --- stdout
    --- stderr
    error: cannot read the version: the answer makes no sense: expected JSON with `data`, got application/json `<html>router</html>`
      hint: is this the address of a Proxmox VE API, with nothing in between?
    ");
}

#[test]
fn a_version_that_is_too_old_is_refused_before_anything_is_looked_at() {
    let front = Front::new(|_, _| ("200 OK", json!({ "data": { "release": "7.4", "version": "7.4-17" } }).to_string()));
    let mut desk = Desk::new(|| lab_of(|web| web));
    desk.set("PROXMOX_URL", &front.url);
    desk.set("PROXMOX_FINGERPRINT", &front.fingerprint);
    says!(desk.run("deploy --yes"), @r"
    exit 4
    --- stdout
    --- stderr
    error: this is Proxmox VE 7.4-17, and 8.4 or 9 is needed
      hint: upgrade its nodes
    ");
}

#[test]
fn the_token_of_the_tests_is_accepted() {
    let desk = desk();
    assert_eq!(desk.env["PROXMOX_TOKEN_ID"], TOKEN.0);
    desk.converges();
    assert_eq!(desk.run("destroy --yes").exit, Exit::Done);
}
