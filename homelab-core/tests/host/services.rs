//! What systemd knows, and what runs.
use super::bench::{lab, room};
use homelab_core::{
    Lab, ResourceExt,
    host::{Package, Service, UnitFile},
    plan::{Goal, Wishes},
    testing::{Bench, Declare, Fixture, World, conformance_every},
};

const APP: &str = "[Unit]\nDescription=app\n[Service]\nExecStart=/opt/app\n[Install]\nWantedBy=multi-user.target\n";
const APP2: &str =
    "[Unit]\nDescription=app\n[Service]\nExecStart=/opt/app --fast\n[Install]\nWantedBy=multi-user.target\n";

fn unit(text: &'static str) -> impl Fn() -> Lab {
    move || lab(|lab, web| lab.add(UnitFile::on(web, "app.service", text)))
}

fn app(text: &'static str) -> Lab {
    lab(|lab, web| {
        let unit = lab.add(UnitFile::on(web, "app.service", text));
        lab.add(Service::on(web, "app").restart_on(unit.digest()));
    })
}

#[tokio::test(start_paused = true)]
async fn a_unit_file_survives_everything() {
    let fixture = Fixture { world: &room, lab: &unit(APP), edits: &[("text", &unit(APP2))] };
    conformance_every(3, &fixture).await;
    let drop_in =
        |text: &'static str| move || lab(|lab, web| lab.add(UnitFile::drop_in(web, "ssh.service", "slow", text)));
    let (slow, slower) = (drop_in("[Service]\nTimeoutStartSec=300\n"), drop_in("[Service]\nTimeoutStartSec=600\n"));
    conformance_every(7, &Fixture { world: &room, lab: &slow, edits: &[("text", &slower)] }).await;
    let timer = |calendar: &'static str| move || lab(|lab, web| lab.add(UnitFile::timer(web, "backup", calendar)));
    let (nightly, weekly) = (timer("*-*-* 03:00:00"), timer("weekly"));
    conformance_every(7, &Fixture { world: &room, lab: &nightly, edits: &[("text", &weekly)] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_survives_everything() {
    let on = |which: u8| {
        move || {
            lab(|lab, web| {
                let unit = lab.add(UnitFile::on(web, "app.service", APP));
                lab.add(match which {
                    0 => Service::on(web, "app.service").after(unit),
                    1 => Service::stopped(web, "app.service").after(unit),
                    _ => Service::on(web, "app.service").restart_on(unit.digest()).after(unit),
                });
            })
        }
    };
    let edits: [(&str, &Declare<'_>); 3] =
        [("enabled and running", &on(1)), ("started_with", &on(2)), ("what it is started with", &|| app(APP2))];
    conformance_every(7, &Fixture { world: &room, lab: &on(0), edits: &edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_masked_unit_survives_everything() {
    let masked = || lab(|lab, web| lab.add(Service::masked(web, "systemd-timesyncd.service")));
    let running = || lab(|lab, web| lab.add(Service::on(web, "systemd-timesyncd.service")));
    conformance_every(3, &Fixture { world: &room, lab: &masked, edits: &[("masked", &running)] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_is_restarted_when_its_unit_has_changed_and_only_then() {
    let bench = Bench::new(room());
    let pid = || bench.world.machine("web").unit("app.service").main_pid.unwrap();
    assert!(bench.deploy(app(APP)).await.is_success());
    let first = pid();
    assert!(bench.deploy(app(APP)).await.is_success());
    assert_eq!(pid(), first);
    let plan = bench.plan(app(APP2), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("app.service is restarted, because what it uses has changed"), "{plan}");
    assert!(bench.deploy(app(APP2)).await.is_success());
    assert_eq!(pid(), first + 1);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_was_there_is_as_it_was_when_its_code_goes() {
    let bench = Bench::new(room());
    bench.world.machine("web").somebody_runs(&["systemctl", "disable", "--now", "systemd-timesyncd.service"]);
    let before = bench.world.inventory();
    let on = || lab(|lab, web| lab.add(Service::on(web, "systemd-timesyncd")));
    assert!(bench.deploy(on()).await.is_success());
    assert!(bench.world.inventory().contains("runs systemd-timesyncd.service active"));
    assert!(bench.destroy(on()).await.is_success());
    assert_eq!(bench.world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_fails_shows_what_it_has_said() {
    let bench = Bench::new(room());
    bench.world.machine("web").break_unit("app.service", true);
    let story = bench.deploy(app(APP)).await.story();
    assert!(story.contains("was started and has failed") && story.contains("/opt/app: it does not work"), "{story}");
    bench.world.machine("web").break_unit("app.service", false);
    let run = bench.deploy(app(APP)).await;
    assert!(run.is_success(), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn a_unit_file_that_systemd_does_not_understand_is_an_error() {
    let bench = Bench::new(room());
    let story = bench.deploy(unit("[Service]\nType=simple\n")()).await.story();
    assert!(story.contains("systemd does not understand /etc/systemd/system/app.service"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_service_of_a_package_that_is_stopped_by_somebody_is_started_again() {
    let bench = Bench::new(room());
    let lab = || {
        lab(|lab, web| {
            let cron = lab.add(Package::on(web, "cron"));
            lab.add(Service::on(web, "cron").after(cron));
        })
    };
    assert!(bench.deploy(lab()).await.is_success());
    bench.world.machine("web").somebody_runs(&["systemctl", "stop", "cron"]);
    let plan = bench.plan(lab(), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.to_string().contains("running: false -> true"), "{plan}");
    assert!(bench.deploy(lab()).await.is_success());
    assert!(bench.plan(lab(), &Wishes::new(Goal::Deploy)).await.is_noop());
    // The unit goes with its package, the other way round: nothing is left to be asked.
    let run = bench.destroy(lab()).await;
    assert!(run.is_success(), "{}", run.story());
}
