//! Tokens, tickets, second factors, and what becomes of them.
use super::fake::{Fake, Reply, data, refused};
use homelab_core::Permit;
use homelab_proxmox::{
    Pve,
    client::{Credential, Params, Secret},
    http::{Http, Request},
};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn ticket(n: usize) -> Value {
    json!({ "username": "root@pam", "ticket": format!("PVE:root@pam:{n}::x+/="), "CSRFPreventionToken": format!("{n}:y") })
}

fn param<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

fn headers(request: &Request) -> Vec<String> {
    request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect()
}

fn login(fake: &Arc<Fake>, credential: Credential) -> Pve {
    Pve::seeded(Arc::clone(fake) as Arc<dyn Http>, credential, 1)
}

fn answer(n: usize, request: &Request) -> Reply {
    if request.path == "/access/ticket" {
        data(ticket(n))
    } else {
        data(json!({ "version": "8.4.21", "release": "8.4" }))
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_is_a_cookie_and_writes_also_need_the_csrf_header() {
    let fake = Fake::new(answer);
    let pve = login(&fake, Credential::password("root@pam", "pass word"));
    pve.version().await.unwrap();
    pve.post(&Permit::for_tests(), "/pools", Params::new()).await.unwrap();
    let sent = fake.sent();
    assert_eq!(sent.len(), 3, "one login for both");
    assert_eq!((param(&sent[0], "username"), param(&sent[0], "password")), (Some("root@pam"), Some("pass word")));
    assert!(sent[0].headers.is_empty());
    let cookie = "Cookie: PVEAuthCookie=PVE:root@pam:0::x+/=";
    assert_eq!(headers(&sent[1]), [cookie]);
    assert_eq!(headers(&sent[2]), [cookie, "CSRFPreventionToken: 0:y"]);
}

#[tokio::test(start_paused = true)]
async fn a_ticket_is_renewed_with_itself_before_it_ends() {
    let fake = Fake::new(answer);
    let pve = login(&fake, Credential::password("root@pam", "pass"));
    pve.version().await.unwrap();
    tokio::time::advance(Duration::from_secs(89 * 60)).await;
    pve.version().await.unwrap();
    assert_eq!(fake.count(), 3);
    tokio::time::advance(Duration::from_secs(2 * 60)).await;
    pve.version().await.unwrap();
    assert_eq!(param(&fake.sent()[3], "password"), Some("PVE:root@pam:0::x+/="));
    tokio::time::advance(Duration::from_secs(3 * 3600)).await;
    pve.version().await.unwrap();
    assert_eq!(param(&fake.sent()[5], "password"), Some("pass"), "a ticket that has ended renews nothing");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_refused_is_a_new_login() {
    let fake = Fake::new(|n, request| match param(request, "password") {
        Some(password) if password.starts_with("PVE:") => refused(401, "authentication failure"),
        _ => answer(n, request),
    });
    let pve = login(&fake, Credential::password("root@pam", "pass"));
    pve.version().await.unwrap();
    tokio::time::advance(Duration::from_secs(100 * 60)).await;
    pve.version().await.unwrap();
    assert_eq!(param(&fake.sent()[3], "password"), Some("pass"));
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_ended_early_is_renewed_once() {
    let ended = || refused(401, "permission denied - invalid PVE ticket");
    let fake = Fake::new(move |n, request| if n == 1 { ended() } else { answer(n, request) });
    login(&fake, Credential::password("root@pam", "pass")).version().await.unwrap();
    let paths: Vec<_> = fake.sent().iter().map(|request| request.path.clone()).collect();
    assert_eq!(paths, ["/access/ticket", "/version", "/access/ticket", "/version"]);

    let fake = Fake::new(move |n, request| if request.path == "/version" { ended() } else { answer(n, request) });
    let error = login(&fake, Credential::password("root@pam", "pass")).version().await.unwrap_err();
    assert_eq!(fake.count(), 4, "and not again");
    insta::assert_snapshot!(error, @"cannot read the version: permission denied - invalid PVE ticket (status 401)");
    insta::assert_snapshot!(error.hint().unwrap(), @"the session has ended: log in again");
}

#[tokio::test(start_paused = true)]
async fn a_second_factor_is_answered_with_a_code() {
    let fake = Fake::new(|n, request| match (request.path.as_str(), param(request, "tfa-challenge")) {
        ("/access/ticket", None) => {
            data(json!({ "NeedTFA": 1, "ticket": "PVE:!tfa!challenge", "CSRFPreventionToken": "c" }))
        }
        _ => answer(n, request),
    });
    let (user, password) = ("ada@pve".to_owned(), Secret::new("pass"));
    let totp = Some(Secret::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"));
    login(&fake, Credential::Ticket { user, password, totp }).version().await.unwrap();
    let second = &fake.sent()[1];
    assert_eq!(param(second, "tfa-challenge"), Some("PVE:!tfa!challenge"));
    let code = param(second, "password").unwrap().strip_prefix("totp:").unwrap();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()));

    let error = login(&fake, Credential::password("ada@pve", "pass")).version().await.unwrap_err();
    insta::assert_snapshot!(error, @"cannot log in as ada@pve: the user has a second factor: set the secret of its one-time codes (PROXMOX_TOTP_SECRET), or use an API token");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_and_a_wrong_token_say_what_to_check() {
    let fake = Fake::new(|_, _| refused(401, "authentication failure"));
    let error = login(&fake, Credential::password("root@pam", "wrong")).version().await.unwrap_err();
    assert_eq!(fake.count(), 1, "each failed login takes three seconds and is noted by the server");
    insta::assert_snapshot!(error, @"cannot log in as root@pam: authentication failure (status 401)");
    insta::assert_snapshot!(error.hint().unwrap(), @"check user (with its realm: root@pam), password and one-time code");

    let fake = Fake::new(|_, _| refused(401, "Authentication failed!"));
    let error = fake.pve().version().await.unwrap_err();
    assert_eq!(fake.count(), 1);
    insta::assert_snapshot!(error, @"cannot read the version: Authentication failed! (status 401)");
    insta::assert_snapshot!(error.hint().unwrap(), @"check the token's id (USER@REALM!TOKEN) and secret, that it has not expired and that its user is enabled");
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_printed() {
    let credential = Credential::Ticket {
        user: "root@pam".into(),
        password: Secret::new("hunter2"),
        totp: Some(Secret::new("GEZDGNBV")),
    };
    let fake = Fake::new(|_, _| refused(401, "authentication failure"));
    let error = login(&fake, credential.clone()).version().await.unwrap_err();
    let printed = format!("{credential:?} {:?} {error} {error:?}", Credential::token("a@pve!b", "hunter2"));
    assert!(!printed.contains("hunter2") && !printed.contains("GEZDGNBV"), "{printed}");
}
