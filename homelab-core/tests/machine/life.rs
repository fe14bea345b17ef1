//! Made, left alone, meddled with, repaired, restarted, undone.
use crate::real::Real;
use homelab_core::{
    ResourceExt,
    host::{File, Reboot},
    plan::{Goal, Wishes},
    testing::Bench,
};

#[tokio::test]
async fn a_real_debian_converges_is_left_alone_and_repaired_and_what_is_undone_leaves_nothing() {
    let Some((real, _turn)) = Real::alone().await else { return };
    // What a command did stays, also that of another test.
    real.somebody("rm -f /srv/runs").await;
    let before = real.files().await;
    let bench = Bench::new(real.clone());
    let deploy = Wishes::new(Goal::Deploy);
    let run = bench.deploy(real.everything(1)).await;
    assert!(run.is_success(), "{}", run.story());
    let made = real.files().await;
    assert!(bench.plan(real.everything(1), &deploy).await.is_noop());
    assert!(bench.deploy(real.everything(1)).await.is_success());
    assert_eq!(real.files().await, made, "the second run changes nothing");
    real.somebody("test ! -e /var/evil").await;

    real.somebody(
        "cd '/etc/app '\\''quoted'\\'' $x' && for f in *3*; do echo drift >>\"$f\"; done; chmod 700 .; \
         rm -f /etc/blob /etc/blob-link; sed -i 's/^reorder.*/reorder off/; /homelab/d' /etc/host.conf /etc/hosts",
    )
    .await;
    let plan = bench.plan(real.everything(1), &deploy).await;
    assert!(plan.items.len() >= 7, "{plan}");
    let run = bench.deploy(real.everything(1)).await;
    assert!(run.is_success(), "{}", run.story());
    assert!(bench.plan(real.everything(1), &deploy).await.is_noop());

    let run = bench.deploy(real.everything(2)).await;
    assert!(run.is_success(), "{}", run.story());
    assert_eq!(real.somebody("wc -l </srv/runs").await, "2", "run once for each content");
    let run = bench.destroy(real.everything(2)).await;
    assert!(run.is_success(), "{}", run.story());
    real.somebody("rm -f /srv/runs").await;
    let left = real.files().await;
    let rest = |text: &str| text.lines().filter(|l| !l.contains("/etc/hosts")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(rest(&left), rest(&before));
}

#[tokio::test]
async fn a_real_restart_is_waited_for_and_what_comes_after_it_is_done_in_the_new_boot() {
    let Some((real, _turn)) = Real::alone().await else { return };
    let bench = Bench::new(real.clone());
    let lab = |n: u32| {
        real.lab(|lab, web| {
            let conf = lab.add(File::on(web, "/etc/restart-for", format!("{n}\n")));
            let reboot = lab.add(Reboot::on(web).when(conf.digest()));
            lab.add(File::on(web, "/etc/restarted-for", format!("{n}\n")).after(reboot));
        })
    };
    let boot = "cat /proc/sys/kernel/random/boot_id; stat -c %Z /proc/1";
    for n in [1, 2] {
        let before = real.somebody(boot).await;
        let run = bench.deploy(lab(n)).await;
        assert!(run.is_success(), "{}", run.story());
        assert_ne!(real.somebody(boot).await, before, "it has booted anew");
        assert_eq!(real.somebody("cat /etc/restarted-for").await, n.to_string());
        assert!(bench.plan(lab(n), &Wishes::new(Goal::Deploy)).await.is_noop());
    }
    assert!(bench.destroy(lab(2)).await.is_success());
}
