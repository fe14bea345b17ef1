//! The lab's token: made, renewed, and cut off anywhere.
use super::fixture::{PVE, cluster};
use homelab_core::{
    Permit,
    testing::{Bench, Fault, World as _},
};
use homelab_proxmox::{
    client::Credential,
    site::{TOKEN_ID, TOKEN_SECRET},
    testing::SimWorld,
    token,
};
use std::collections::BTreeSet;

fn bench() -> Bench<SimWorld> {
    Bench::new(SimWorld::new(PVE, cluster()).with_admin())
}

fn privileges() -> BTreeSet<&'static str> {
    BTreeSet::from(["VM.Audit", "VM.PowerMgmt", "Sys.Audit"])
}

/// Whether the token of the store opens the door, and the privileges that it finds.
async fn works(bench: &Bench<SimWorld>) -> bool {
    let Some((id, secret)) = token::kept(&bench.secrets) else { return false };
    let other = bench.world.client().with_credential(Credential::token(id, secret.expose()));
    other.permissions().await.is_ok_and(|held| held.allow("/vms/100", "VM.PowerMgmt") && !held.allow("/", "Sys.Modify"))
}

fn tokens(bench: &Bench<SimWorld>) -> Vec<String> {
    let lines = bench.world.inventory();
    let ours = lines.lines().filter_map(|line| line.strip_prefix("token of homelab@pve "));
    ours.filter_map(|line| line.split(':').next()).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn a_token_with_just_these_privileges_is_made_and_kept_and_made_once() {
    let bench = bench();
    let (pve, permit) = (bench.world.client(), Permit::for_tests());
    let made = token::create(&pve, &bench.secrets, &permit, &privileges()).await.unwrap();
    assert_eq!((made.id.as_str(), made.is_new), ("homelab@pve!homelab-1", true));
    assert!(works(&bench).await);
    let again = token::create(&pve, &bench.secrets, &permit, &privileges()).await.unwrap();
    assert!(!again.is_new && again.revoked.is_empty());
    assert_eq!(tokens(&bench), ["homelab-1"]);
    assert!(bench.secrets.age(&TOKEN_SECRET).is_some());
}

#[tokio::test(start_paused = true)]
async fn rotation_leaves_one_token_that_works_and_takes_the_old_one_back() {
    let bench = bench();
    let (pve, permit) = (bench.world.client(), Permit::for_tests());
    token::create(&pve, &bench.secrets, &permit, &privileges()).await.unwrap();
    let made = token::rotate(&pve, &bench.secrets, &permit, &privileges()).await.unwrap();
    assert_eq!(made.revoked, ["homelab@pve!homelab-1"]);
    assert_eq!(bench.secrets.kept(&TOKEN_ID).unwrap().expose(), "homelab@pve!homelab-2");
    assert!(works(&bench).await);
    assert_eq!(tokens(&bench), ["homelab-2"]);
}

#[tokio::test(start_paused = true)]
async fn rotation_may_be_cut_off_between_any_two_steps_and_the_token_of_the_store_works_at_each() {
    let calm = bench();
    let (pve, permit) = (calm.world.client(), Permit::for_tests());
    token::create(&pve, &calm.secrets, &permit, &privileges()).await.unwrap();
    let before = calm.world.calls();
    token::rotate(&pve, &calm.secrets, &permit, &privileges()).await.unwrap();
    let calls = calm.world.calls() - before;
    assert!(calls > 10, "{calls}");
    for fault in Fault::ALL {
        for call in 0..calls {
            let bench = bench();
            let pve = bench.world.client();
            token::create(&pve, &bench.secrets, &permit, &privileges()).await.unwrap();
            bench.world.fail(call, fault);
            {
                let needed = privileges();
                let mut rotation = std::pin::pin!(token::rotate(&pve, &bench.secrets, &permit, &needed));
                tokio::select! {
                    biased;
                    () = bench.world.traffic().killed() => {}
                    _ = &mut rotation => {}
                }
            }
            bench.world.heal();
            assert!(works(&bench).await, "{fault} at call {call}: the store's token does not work");
            let pve = bench.world.client();
            token::rotate(&pve, &bench.secrets, &permit, &privileges()).await.unwrap();
            assert!(works(&bench).await, "{fault} at call {call}");
            assert_eq!(tokens(&bench).len(), 1, "{fault} at call {call}: {:?}", tokens(&bench));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_token_that_may_do_nothing_is_taken_back_and_the_old_one_stays() {
    let bench = bench();
    let (pve, permit) = (bench.world.client(), Permit::for_tests());
    token::create(&pve, &bench.secrets, &permit, &privileges()).await.unwrap();
    let refused = token::rotate(&pve, &bench.secrets, &permit, &BTreeSet::new()).await.unwrap_err();
    assert!(refused.message.contains("homelab-2 may do nothing"), "{refused}");
    assert_eq!(tokens(&bench), ["homelab-1"], "the last token is never taken back");
}

#[tokio::test(start_paused = true)]
async fn without_root_nothing_is_made_and_the_way_out_is_said() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()));
    let pve = bench.world.client();
    let refused = token::create(&pve, &bench.secrets, &Permit::for_tests(), &privileges()).await.unwrap_err();
    let hint = refused.hint.unwrap();
    assert!(hint.contains("PROXMOX_PASSWORD") && hint.contains("PROXMOX_SSH=root@NODE"), "{hint}");
    assert_eq!(bench.world.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_node_has_only_root_s_login_and_that_makes_the_token() {
    let bench = Bench::new(SimWorld::new(PVE, cluster()).with_shell());
    let (pve, permit) = (bench.world.client(), Permit::for_tests());
    let nobody = pve.resources().await.unwrap_err().to_string();
    assert!(nobody.contains("`token create --yes` makes a token"), "{nobody}");
    assert_eq!(token::release(&pve).await.unwrap(), 9);
    let made = token::create(&pve, &bench.secrets, &permit, &privileges()).await.unwrap();
    assert_eq!((made.id.as_str(), made.is_new), ("homelab@pve!homelab-1", true));
    assert!(works(&bench).await);
    let made = token::rotate(&pve, &bench.secrets, &permit, &privileges()).await.unwrap();
    assert_eq!(made.revoked, ["homelab@pve!homelab-1"]);
    assert!(works(&bench).await);
    // What root's shell refuses is said as it says it.
    let refused = token::create(&pve, &bench.secrets, &permit, &BTreeSet::from(["VM.Dance"])).await.unwrap_err();
    assert!(refused.message.starts_with("`pvesh` on the node refuses /access/roles/Homelab"), "{refused}");
}
