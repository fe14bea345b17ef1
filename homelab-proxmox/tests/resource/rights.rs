//! Groups, tokens and realms: who they are, and what must not be taken from whom.
use crate::fixture::{PVE, cluster, every, world};
use homelab_core::{
    Lab, Permit, Secret,
    env::Env,
    plan::{Goal, Plan, Wishes},
    testing::{Bench, Declare, Fixture, World as _, conformance_every},
};
use homelab_proxmox::{
    resource::{Access, Group, Realm, Token, User},
    testing::SimWorld,
};

const EXPORTER: Secret = Secret::named("EXPORTER_TOKEN");
const DIRECTORY: Secret = Secret::named("DIRECTORY_PASSWORD");

fn one<D: homelab_core::Declare>(resource: D) -> Lab {
    let mut lab = Lab::named("home");
    lab.add(resource);
    lab
}

fn family(comment: &'static str, in_it: bool, role: &'static str) -> Lab {
    let mut lab = Lab::named("home");
    let admins = lab.add(Group::named(PVE, "admins").comment(comment));
    let more = lab.add(Group::named(PVE, "watchers"));
    let groups = if in_it { vec![more.name(), admins.name()] } else { vec![] };
    lab.add(User::named(PVE, "ada@pve").groups(groups));
    lab.add(Access::of_group(PVE, admins.name(), role).on("/vms"));
    lab
}

#[tokio::test(start_paused = true)]
async fn groups_have_their_users_and_rights_and_converge_from_anywhere() {
    let base = || family("They run it.", true, "PVEAdmin");
    let edits: [(&str, &Declare<'_>); 3] = [
        ("comment", &|| family("", true, "PVEAdmin")),
        ("nobody in it", &|| family("They run it.", false, "PVEAdmin")),
        ("another role", &|| family("They run it.", true, "PVEAuditor")),
    ];
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &edits }).await;
}

fn exporter(change: impl FnOnce(Token) -> Token) -> Lab {
    let mut lab = Lab::named("home");
    let user = lab.add(User::named(PVE, "prometheus@pve"));
    lab.add(Access::of(PVE, user.name(), "PVEAuditor").on("/"));
    let token = lab.add(change(Token::of(PVE, user.name(), "exporter", EXPORTER)));
    lab.add(Access::of(PVE, token.id(), "PVEAuditor").on("/").named("exporter"));
    lab
}

#[tokio::test(start_paused = true)]
async fn tokens_take_every_setting_and_converge_from_anywhere() {
    let base = || exporter(|token| token.comment("Prometheus."));
    let edits: [(&str, &Declare<'_>); 3] = [
        ("comment", &|| exporter(|token| token.comment(""))),
        ("an end", &|| exporter(|token| token.comment("Prometheus.").until("2031-01-01T00:00:00Z"))),
        ("all rights", &|| exporter(|token| token.comment("Prometheus.").with_all_rights())),
    ];
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_secret_is_lost_is_made_anew_and_has_the_rights_that_it_had() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let lab = || exporter(|token| token);
    assert!(bench.deploy(lab()).await.is_success());
    let (before, secret) = (bench.world.inventory(), bench.secrets.kept(&EXPORTER).unwrap());
    assert!(bench.secrets.forget(&EXPORTER, &Permit::for_tests()).unwrap());
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(bench.world.inventory(), before);
    assert_ne!(bench.secrets.kept(&EXPORTER).unwrap().expose(), secret.expose());
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
}

async fn adopting(bench: &Bench<SimWorld>, lab: Lab) -> Plan {
    let wishes = Wishes { adopt: true, ..Wishes::new(Goal::Deploy) };
    bench.plan(lab, &wishes).await
}

#[tokio::test(start_paused = true)]
async fn the_token_that_this_program_works_with_is_neither_made_anew_nor_taken_back() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let plan = adopting(&bench, one(Token::of(PVE, "iac@pve", "test", EXPORTER).with_all_rights())).await;
    let refused: Vec<&str> = plan.refusals().iter().map(|(_, note)| note.text.as_str()).collect();
    assert_eq!(refused, ["iac@pve!test is the token that this program works with, and would be made anew"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_that_may_give_rights_is_not_taken_away() {
    let root = || Bench::new(SimWorld::new(PVE, cluster()).as_root());
    let wishes = Wishes { adopt: true, ..Wishes::new(Goal::Deploy) };
    // By its rights.
    let bench = root();
    let line = || one(Access::of(PVE, "iac@pve", "Administrator").on("/"));
    assert!(bench.run(line(), &wishes).await.is_success());
    let run = bench.deploy(Lab::named("home")).await;
    assert!(run.story().contains("iac@pve is the last beside root that may give rights to others"), "{}", run.story());
    // By its only way in.
    let bench = root();
    let run = bench.run(one(Token::of(PVE, "iac@pve", "test", EXPORTER).with_all_rights()), &wishes).await;
    assert!(run.is_success(), "{}", run.story());
    let run = bench.deploy(Lab::named("home")).await;
    assert!(run.story().contains("iac@pve!test is the last beside root"), "{}", run.story());
    // Once there is another one it may go.
    let with_ada = |mut lab: Lab| {
        let ada = lab.add(User::named(PVE, "ada@pve"));
        lab.add(Access::of(PVE, ada.name(), "Administrator").on("/"));
        lab
    };
    let run = bench.deploy(with_ada(one(Token::of(PVE, "iac@pve", "test", EXPORTER).with_all_rights()))).await;
    assert!(run.is_success(), "{}", run.story());
    let run = bench.deploy(with_ada(Lab::named("home"))).await;
    assert!(run.is_success(), "{}", run.story());
}

fn realm(change: impl FnOnce(Realm) -> Realm) -> Lab {
    one(change(Realm::openid(PVE, "authentik", "https://auth.example/o/pve/", "pve").option("autocreate", "1")))
}

#[tokio::test(start_paused = true)]
async fn realms_take_every_setting_and_converge_from_anywhere() {
    let base = || realm(|realm| realm.comment("One login for all."));
    let ldap =
        || one(Realm::ldap(PVE, "authentik", "ldap.example", "ou=people,dc=example", "uid").option("mode", "ldaps"));
    let domain = || one(Realm::active_directory(PVE, "authentik", "ad.example", "example").option("port", "636"));
    let edits: [(&str, &Declare<'_>); 4] = [
        ("comment", &|| realm(|realm| realm.comment(""))),
        ("options", &|| {
            realm(|realm| realm.comment("One login for all.").option("autocreate", "0").option("scopes", "email"))
        }),
        ("a directory", &ldap),
        ("a domain", &domain),
    ];
    conformance_every(every(), &Fixture { world: &world, lab: &base, edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_realm_logs_in_with_is_given_and_never_shown() {
    let mut bench = Bench::new(SimWorld::new(PVE, cluster()));
    bench.secrets = bench.secrets.and(Env::from_pairs([("DIRECTORY_PASSWORD", "correct-horse")]));
    let lab = || {
        let realm = Realm::ldap(PVE, "home", "ldap.example", "ou=people,dc=example", "uid");
        one(realm.option("bind_dn", "cn=pve,dc=example").secret(DIRECTORY))
    };
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.to_string();
    assert!(!plan.contains("correct-horse"), "{plan}");
    let run = bench.deploy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
    let sent = bench.world.requests();
    assert!(sent.iter().any(|call| call.params.contains(&("password".to_owned(), "correct-horse".to_owned()))));
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
}
