//! Every kind's exam: made, changed field by field, deleted, and failed at calls all along.
use crate::world::{NAS, nth, old_world, with_dataset, with_pool, world};
use homelab_core::{
    Handle, Lab, ResourceExt, Secret,
    testing::{Declare, Fixture, conformance_every},
    units::{Network, SizeUnits},
};
use homelab_truenas::{
    Dataset, NfsShare, Pool, SmbShare,
    resource::{
        Access, AlertLevel, AlertPolicies, AlertPolicy, AlertService, ApiKey, Certificate, Chap, Compression,
        ConfigBackup, CronJob, Day, DiskTest, Extent, Group, InitScript, Initiators, Interface, Keep, Lun, NfsSettings,
        Permissions, Portal, Preset, Privilege, Replication, Schedule, ScrubTask, Service, SmbSettings, SnapshotTask,
        SshConnection, SshKey, StaticRoute, StorageNetwork, Target, UpdateSettings, Ups, User, When, Zvol,
    },
    topology::NasDisks,
};

const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));
const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24).gateway(1);

/// On both releases, each of which judges every call by its own schemas.
async fn exam(lab: &Declare<'_>, edits: &[(&str, &Declare<'_>)]) {
    conformance_every(nth(), &Fixture { world: &world, lab, edits }).await;
    conformance_every(nth(), &Fixture { world: &old_world, lab, edits }).await;
}

fn site(declare: impl FnOnce(&mut Lab)) -> Lab {
    let mut lab = Lab::named("home");
    declare(&mut lab);
    lab
}

fn dataset(declare: impl Fn(Dataset) -> Dataset) -> impl Fn() -> Lab {
    move || with_pool(|lab: &mut Lab, bulk: Handle<Pool>| lab.add(declare(Dataset::of(bulk, "media"))))
}

#[tokio::test(start_paused = true)]
async fn datasets() {
    exam(
        &dataset(|d| d),
        &[
            ("preset", &dataset(|d| d.preset(Preset::Backups))),
            ("quota", &dataset(|d| d.quota(10.gib()).own_quota(5.gib()).reservation(1.gib()))),
            ("comments", &dataset(|d| d.comments("films"))),
            ("acls", &dataset(Dataset::nfs4_acls)),
            ("switches", &dataset(|d| d.access_times(false).executable(false).read_only(true).snapshots_visible(true))),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn volumes() {
    let zvol =
        |edit: fn(Zvol) -> Zvol| move || with_pool(|lab, bulk| lab.add(edit(Zvol::of(bulk, "vm", 10.gib()).sparse())));
    exam(&zvol(|z| z), &[("compression", &zvol(|z| z.compression(Compression::Zstd(6))))]).await;
}

#[tokio::test(start_paused = true)]
async fn nfs_shares() {
    let nfs = |edit: fn(NfsShare) -> NfsShare| {
        move || with_dataset(|lab, media| lab.add(edit(NfsShare::of(media).for_network(STORAGE))))
    };
    exam(
        &nfs(|n| n),
        &[
            ("read only", &nfs(NfsShare::read_only)),
            ("comment", &nfs(|n| n.comment("films"))),
            ("another network", &nfs(|n| n.open_to(LAN))),
            ("root", &nfs(|n| n.root_is("root", "root"))),
            ("none", &|| with_dataset(|_, _| ())),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn smb_shares() {
    let smb = |edit: fn(SmbShare) -> SmbShare| {
        move || with_dataset(|lab, media| lab.add(edit(SmbShare::of(media).named("Media"))))
    };
    exam(
        &smb(|s| s),
        &[
            ("read only", &smb(SmbShare::read_only)),
            ("hidden", &smb(|s| s.hidden().lists_only_readable())),
            ("time machine", &smb(|s| s.time_machine(500.gib()))),
            ("networks", &smb(|s| s.for_networks([LAN]))),
            ("none", &|| with_dataset(|_, _| ())),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn groups_and_users() {
    let user = |edit: fn(User) -> User| {
        move || {
            site(|lab| {
                let media = lab.add(Group::named("media", 3001).on(NAS));
                lab.add(edit(User::named("jellyfin", 3002).on(NAS).group(media)));
            })
        }
    };
    exam(
        &user(|u| u),
        &[
            ("name", &user(|u| u.full_name("Jellyfin"))),
            ("email", &user(|u| u.email("jellyfin@home.example"))),
            ("shell", &user(|u| u.shell("/usr/bin/bash"))),
            ("sudo", &user(|u| u.sudo_without_password(["/usr/sbin/zfs"]))),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn permissions() {
    let owned = |edit: fn(Permissions) -> Permissions| {
        move || {
            with_dataset(|lab, media| {
                let family = lab.add(Group::named("family", 3001).on(NAS));
                lab.add(edit(Permissions::of(media).group(family).mode(0o770)));
            })
        }
    };
    exam(&owned(|p| p), &[("mode", &owned(|p| p.mode(0o750)))]).await;
    let listed = |access: Access| {
        move || {
            with_pool(|lab, bulk| {
                let media = lab.add(Dataset::of(bulk, "media").nfs4_acls());
                lab.add(Permissions::of(media).acl(Access::FullControl, Access::Modify, Some(access)));
            })
        }
    };
    exam(&listed(Access::Read), &[("access", &listed(Access::Traverse))]).await;
}

#[tokio::test(start_paused = true)]
async fn snapshot_tasks() {
    let task = |schedule: fn() -> Schedule, edit: fn(SnapshotTask) -> SnapshotTask| {
        move || with_dataset(|lab, media| lab.add(edit(SnapshotTask::of(media, schedule(), Keep::days(2)))))
    };
    let hourly = || Schedule::hourly(0);
    exam(
        &task(hourly, |t| t),
        &[
            ("schedule", &task(|| Schedule::daily(3, 30), |t| t)),
            ("recursive", &task(hourly, SnapshotTask::recursive)),
            ("only if changed", &task(hourly, SnapshotTask::only_if_changed)),
            ("none", &|| with_dataset(|_, _| ())),
        ],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn scrubs() {
    let scrub = |day: Day| move || with_pool(|lab, bulk| lab.add(ScrubTask::of(bulk, Schedule::weekly(day, 4, 0))));
    exam(&scrub(Day::Saturday), &[("day", &scrub(Day::Monday)), ("none", &|| with_pool(|_, _| ()))]).await;
}

#[tokio::test(start_paused = true)]
async fn jobs_of_the_nas() {
    let jobs = |hour: u8| {
        move || {
            site(|lab| {
                lab.add(DiskTest::short().on(NAS, Schedule::weekly(Day::Sunday, hour, 0)));
                lab.add(CronJob::named("trim").on(NAS, Schedule::daily(hour, 0), "zpool trim -a"));
                lab.add(InitScript::named("tune").on(NAS, When::PostInit, "true").timeout_seconds(u32::from(hour)));
            })
        }
    };
    exam(&jobs(3), &[("times", &jobs(4))]).await;
}

#[tokio::test(start_paused = true)]
async fn services_and_settings() {
    let settings = |more: bool| {
        move || {
            site(|lab| {
                lab.add(Service::ssh().on(NAS));
                let nfs = NfsSettings::on(NAS).version_4_only();
                lab.add(if more { nfs.servers(16) } else { nfs });
                lab.add(SmbSettings::on(NAS).workgroup(if more { "HOME" } else { "LAB" }).for_macs());
                let ups = Ups::attached(NAS, "apc", "usbhid-ups", "auto");
                lab.add(if more { ups.off_after_seconds(90) } else { ups });
            })
        }
    };
    exam(&settings(false), &[("settings", &settings(true))]).await;
}

#[tokio::test(start_paused = true)]
async fn updates() {
    let lab = || {
        site(|lab| {
            lab.add(UpdateSettings::by_hand(NAS));
        })
    };
    exam(&lab, &[("none", &|| site(|_| ()))]).await;
}

#[tokio::test(start_paused = true)]
async fn block_devices() {
    let iscsi = |small: bool| {
        move || {
            with_pool(|lab, bulk| {
                let vm = lab.add(Zvol::of(bulk, "vm", 10.gib()).sparse());
                let portal = lab.add(Portal::named("storage").on(NAS, STORAGE, STORAGE.host(13)));
                let clients = lab.add(Initiators::named("din").on(NAS, ["iqn.1993-08.org.debian:01:din"]));
                let extent = Extent::of(vm).named("vm");
                let extent = lab.add(if small { extent.read_only() } else { extent });
                let target = lab.add(Target::named("vm").at(portal, clients));
                lab.add(Lun::named("vm", target, 0, extent));
            })
        }
    };
    exam(&iscsi(false), &[("read only", &iscsi(true))]).await;
}

#[tokio::test(start_paused = true)]
async fn the_nas_itself() {
    let system = |more: bool| {
        move || {
            site(|lab| {
                let admins = lab.add(Group::named("watchers", 3001).on(NAS));
                let roles: &[&str] = if more { &["READONLY_ADMIN", "SHARING_ADMIN"] } else { &["READONLY_ADMIN"] };
                lab.add(Privilege::named("watchers").of(admins, roles.iter().copied()));
                let mail = AlertService::named("mail").mail(NAS, "root@home.example");
                lab.add(if more { mail.from(AlertLevel::Error) } else { mail });
                lab.add(
                    StaticRoute::to(Network::new("far", [10, 0, 9, 0], 24))
                        .via(NAS, STORAGE.host(if more { 2 } else { 1 })),
                );
                let interface = Interface::named("enp2s0").on(NAS, STORAGE.host(13));
                lab.add(if more { interface.mtu(9000) } else { interface });
            })
        }
    };
    exam(&system(false), &[("settings", &system(true))]).await;
}

#[tokio::test(start_paused = true)]
async fn keys_and_certificates() {
    const KEY: Secret = Secret::named("PROBE_KEY");
    const CHAIN: &str = "-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIUf\n-----END CERTIFICATE-----\n";
    let keys = |user: &'static str, certificate: &'static str| {
        move || {
            site(|lab| {
                lab.add(ApiKey::named("probe").on(NAS, user, KEY));
                // Any secret does for a test: nobody looks into a certificate here.
                lab.add(Certificate::named(certificate).on(NAS, CHAIN, KEY));
            })
        }
    };
    exam(&keys("root", "web"), &[("another certificate", &keys("root", "web2"))]).await;
}

#[tokio::test(start_paused = true)]
async fn logins_of_block_devices() {
    const SECRET: Secret = Secret::named("PROBE_CHAP");
    let lab = |user: &'static str| {
        move || {
            site(|lab| {
                let chap = Chap::user(user).on(NAS, 7, SECRET);
                let tag = chap.tag();
                let chap = lab.add(chap);
                let portal = lab.add(Portal::named("storage").on(NAS, STORAGE, STORAGE.host(13)));
                let clients = lab.add(Initiators::named("din").on(NAS, ["iqn.1993-08.org.debian:01:din"]));
                lab.add(Target::named("vm").at(portal, clients).chap(tag).after(chap));
            })
        }
    };
    exam(&lab("din"), &[("user", &lab("grogu"))]).await;
}

#[tokio::test(start_paused = true)]
async fn copies_of_the_configuration_and_policies() {
    const COPY: Secret = Secret::named("NAS_CONFIG");
    let lab = |policy: AlertPolicy| {
        move || {
            site(|lab| {
                lab.add(ConfigBackup::of(NAS).kept_as(COPY, 7));
                lab.add(
                    AlertPolicies::on(NAS, "ZpoolCapacityNotice", policy).and("SnapshotFailed", AlertPolicy::Hourly),
                );
            })
        }
    };
    exam(&lab(AlertPolicy::Daily), &[("policy", &lab(AlertPolicy::Never))]).await;
}

#[tokio::test(start_paused = true)]
async fn keys_connections_and_replication() {
    let lab = |last: u32, keep: fn() -> Keep| {
        move || {
            with_dataset(|lab, media| {
                let daily = lab.add(SnapshotTask::of(media, Schedule::daily(3, 0), Keep::weeks(2)));
                let target = lab.add(Pool::named("backup").on(NAS).mirror(NAS.disks(["D3", "D4"])));
                let key = lab.add(SshKey::named("replication").on(NAS));
                let host_key = "ssh-ed25519 AAAA".to_owned();
                let link = SshConnection::named("far").from(key, "replicator", STORAGE.host(last), host_key);
                let link = lab.add(link);
                lab.add(Replication::named("media").of(media, daily).to(link, target).keep(keep()).sudo());
            })
        }
    };
    let months = || Keep::months(3);
    let edits: [(&str, &Declare<'_>); 2] =
        [("another address", &lab(15, months)), ("kept for longer", &lab(14, || Keep::months(6)))];
    exam(&lab(14, months), &edits).await;
}
