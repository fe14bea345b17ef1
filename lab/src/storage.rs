//! What is on the two TrueNAS: pools, datasets, shares, users, tasks, and replication from one to the other.
//!
//! The old documents contradict each other in two points, which are decided here:
//!
//! - **The shelf on din** is called a DS2246 in one place and an MD1220 in another. Both have 24 bays of 2.5 inches; it is the DS2246 (its
//!   two IOM6 are what makes each disk show on two paths), and [`FAST`] names its 24 disks. **The MD1200 on grogu** with 8x 3 TB is in no
//!   list of hardware, and neither is its controller: [`BACKUP_DISKS`] names the disks, and a plan says which of them the NAS does not see.
//! - **"Three phases"** are listed as four there. Here there are none: one `deploy` goes from disks to replicated shares, and what has to
//!   be there first is a handle.
use crate::{
    guests::NasGuests,
    net,
    sites::{BACKUP, NAS},
};
use homelab_core::{
    Diagnostic, Graph, Handle, Lab, ResourceExt, Secret,
    units::{HostAddr, Size, SizeUnits},
};
use homelab_proxmox::{Image, api::qemu::Slot, resource::EmptyDrive};
use homelab_truenas::{
    Dataset, NfsShare, Pool, SmbShare,
    resource::{
        Day, DiskTest, Group, Keep, Permissions, Preset, Replication, Schedule, ScrubTask, Service, SnapshotTask,
        SshConnection, SshKey, StorageNetwork, System, User, every_dataset_has_snapshots,
    },
    topology::{NasDisks, rows},
};

/// NFS and replication: a network without a way out, so nothing that is shared with it can be reached from the LAN.
pub(crate) const STORAGE: StorageNetwork = StorageNetwork::of(net::STORAGE);

/// The password of the user `svenlito` for SMB.
pub(crate) const SMB_PASSWORD: Secret = Secret::named("NAS_SMB_PASSWORD");

/// The release of TrueNAS that both are installed from.
pub(crate) const TRUENAS: &str = "25.10.1";
/// Its ISO, if both are to be installed by the deploy. The checksum stands beside the ISO on the download server, under the same name with
/// `.sha256`. None is written here, for none was compared with a file; until it is, both are installed by hand:
/// `Some(Image::sha256("https://download.sys.truenas.net/TrueNAS-SCALE-Goldeye/25.10.1/TrueNAS-SCALE-25.10.1.iso", "612b2c0c.."))`.
pub(crate) const INSTALLER: Option<Image> = None;
/// The disk that each is installed on.
pub(crate) const BOOT: Size = Size::gib(32);

/// The password of `truenas_admin` on both: whoever installs TrueNAS sets it or leaves it open.
pub(crate) const PASSWORD: Secret = Secret::named("NAS_PASSWORD");
/// The key of the primary NAS, made by its first deploy and kept in the secret store.
pub(crate) const NAS_KEY: Secret = Secret::named("NAS_API_KEY");
/// The certificate that the primary NAS showed then.
pub(crate) const NAS_FINGERPRINT: Secret = Secret::named("NAS_FINGERPRINT").open();
/// The key of the backup NAS.
pub(crate) const BACKUP_KEY: Secret = Secret::named("NAS_BACKUP_API_KEY");
/// The certificate that the backup NAS showed.
pub(crate) const BACKUP_FINGERPRINT: Secret = Secret::named("NAS_BACKUP_FINGERPRINT").open();

/// 5x 8 TB in the bays of din, behind its H330. Put the serial numbers of yours here: `lsblk -do name,serial,size`.
pub(crate) const BULK: [&str; 5] = ["VLG1A001", "VLG1A002", "VLG1A003", "VLG1A004", "VLG1A005"];
/// Two SSDs for the intent log of `bulk`.
pub(crate) const LOG: [&str; 2] = ["S3Z8NX001", "S3Z8NX002"];
/// 24x 900 GB in the DS2246, behind the LSI 9201-8e; each shows on two paths and is counted once.
pub(crate) const FAST: [&str; 24] = [
    "KXG01", "KXG02", "KXG03", "KXG04", "KXG05", "KXG06", "KXG07", "KXG08", "KXG09", "KXG10", "KXG11", "KXG12",
    "KXG13", "KXG14", "KXG15", "KXG16", "KXG17", "KXG18", "KXG19", "KXG20", "KXG21", "KXG22", "KXG23", "KXG24",
];
/// 8x 3 TB in the MD1200 on grogu.
pub(crate) const BACKUP_DISKS: [&str; 8] = ["YHK01", "YHK02", "YHK03", "YHK04", "YHK05", "YHK06", "YHK07", "YHK08"];

/// What others need of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shares {
    /// Films and music, for Jellyfin.
    pub(crate) media: Handle<NfsShare>,
}

/// The systems of the two NAS. Everything on them comes after them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Systems {
    /// Of the primary NAS.
    pub(crate) primary: Handle<System>,
    /// Of the backup NAS.
    pub(crate) backup: Handle<System>,
}

/// The primary NAS from its first boot to a key.
#[must_use]
pub(crate) fn primary() -> System {
    System::of(NAS).administrator(PASSWORD).keeps(NAS_KEY, NAS_FINGERPRINT)
}

/// The backup NAS from its first boot to a key.
#[must_use]
pub(crate) fn backup() -> System {
    System::of(BACKUP).administrator(PASSWORD).keeps(BACKUP_KEY, BACKUP_FINGERPRINT)
}

/// The systems of both NAS, in their guests: installed by the deploy, or by hand.
pub(crate) fn systems(lab: &mut Lab, guests: NasGuests, installed: bool) -> Systems {
    let from = |system: System, first: HostAddr| {
        if installed { system.installed_on(BOOT).first_address(first) } else { system }
    };
    lab.group("truenas/systems", |lab| {
        let systems = Systems {
            primary: lab.add(from(primary(), net::NAS).within(guests.primary)),
            backup: lab.add(from(backup(), net::NAS_BACKUP).within(guests.backup)),
        };
        if installed {
            // Once a system is up nothing depends on its installer's CD any more.
            for (guest, system) in [(guests.primary, systems.primary), (guests.backup, systems.backup)] {
                lab.add(EmptyDrive::of(guest, Slot::ide(2)).after(system));
            }
        }
        systems
    })
}

/// Everything on the two NAS. The backup has a pool, and is replicated to, if it sees its shelf.
pub(crate) fn storage(lab: &mut Lab, systems: &Systems, has_shelf: bool) -> Shares {
    let pools = lab.group("truenas/pools", |lab| pools(lab, systems));
    let users = lab.group("truenas/users", |lab| users(lab, systems));
    let datasets = lab.group("truenas/datasets", |lab| datasets(lab, &pools, &users));
    let shares = lab.group("truenas/shares", |lab| shares(lab, &datasets));
    lab.group("truenas/tasks", |lab| tasks(lab, systems, &pools));
    if has_shelf {
        lab.group("truenas/replication", |lab| replication(lab, systems, &datasets));
    }
    lab.check(snapshots);
    shares
}

struct Pools {
    bulk: Handle<Pool>,
    fast: Handle<Pool>,
}

fn pools(lab: &mut Lab, systems: &Systems) -> Pools {
    let bulk = Pool::named("bulk").on(NAS).raidz2(NAS.disks(BULK)).log_mirror(NAS.disks(LOG));
    let fast = Pool::named("fast").on(NAS).raidz2_rows(rows::<6, 4, 24>(NAS.disks(FAST)));
    Pools { bulk: lab.add(bulk.after(systems.primary)), fast: lab.add(fast.after(systems.primary)) }
}

struct Users {
    media: Handle<Group>,
    svenlito: Handle<User>,
}

/// People and services have the same numbers on the NAS and in the guests.
fn users(lab: &mut Lab, systems: &Systems) -> Users {
    let media = lab.add(Group::named("media", 3001).on(NAS).after(systems.primary));
    lab.add(User::named("jellyfin", 3001).on(NAS).group(media).full_name("Jellyfin"));
    let svenlito = User::named("svenlito", 3000).on(NAS).group(media).full_name("Sven").password(SMB_PASSWORD).smb();
    Users { media, svenlito: lab.add(svenlito) }
}

struct Datasets {
    media: Handle<Dataset>,
    time_machine: Handle<Dataset>,
    kubernetes: Handle<Dataset>,
    databases: Handle<Dataset>,
    media_snapshots: Handle<SnapshotTask>,
    database_snapshots: Handle<SnapshotTask>,
    kubernetes_snapshots: Handle<SnapshotTask>,
}

fn datasets(lab: &mut Lab, pools: &Pools, users: &Users) -> Datasets {
    let media = lab.add(Dataset::of(pools.bulk, "media").preset(Preset::Media).quota(8.tib()));
    lab.add(Permissions::of(media).owner(users.svenlito).group(users.media).mode(0o775));
    let time_machine = lab.add(Dataset::of(pools.bulk, "time-machine").preset(Preset::TimeMachine).quota(2.tib()));
    let kubernetes = lab.add(Dataset::of(pools.fast, "kubernetes").preset(Preset::Kubernetes).quota(4.tib()));
    let databases = lab.add(Dataset::of(pools.fast, "databases").preset(Preset::Databases).quota(1.tib()));
    Datasets {
        media_snapshots: lab.add(SnapshotTask::of(media, Schedule::daily(2, 0), Keep::weeks(4))),
        database_snapshots: lab.add(SnapshotTask::of(databases, Schedule::hourly(0), Keep::days(3))),
        kubernetes_snapshots: lab.add(SnapshotTask::of(kubernetes, Schedule::daily(3, 0), Keep::weeks(2)).recursive()),
        media,
        time_machine,
        kubernetes,
        databases,
    }
}

fn shares(lab: &mut Lab, datasets: &Datasets) -> Shares {
    let at = net::NAS_STORAGE;
    let media = NfsShare::of(datasets.media).for_network(STORAGE).at(at).comment("Films and music, for Jellyfin.");
    let kubernetes = NfsShare::of(datasets.kubernetes).for_network(STORAGE).at(at).root_is("root", "root");
    let shares = Shares { media: lab.add(media) };
    lab.add(kubernetes);
    let macs = SmbShare::of(datasets.time_machine).named("Time Machine").time_machine(2.tib());
    lab.add(macs.for_networks([net::LAN]).at(net::NAS));
    shares
}

fn tasks(lab: &mut Lab, systems: &Systems, pools: &Pools) {
    for pool in [pools.bulk, pools.fast] {
        lab.add(weekly_scrub(pool));
    }
    for (nas, system) in [(NAS, systems.primary), (BACKUP, systems.backup)] {
        lab.add(DiskTest::short().on(nas, Schedule::weekly(Day::Wednesday, 5, 0)).after(system));
        lab.add(DiskTest::long().on(nas, Schedule::monthly(1, 5, 0)).after(system));
    }
}

fn weekly_scrub(pool: Handle<Pool>) -> ScrubTask {
    ScrubTask::of(pool, Schedule::weekly(Day::Sunday, 4, 0))
}

/// From din to grogu over the storage network: the NAS with the data dials, as a user who may run `zfs` and nothing else.
fn replication(lab: &mut Lab, systems: &Systems, datasets: &Datasets) {
    let pool = Pool::named("backup").on(BACKUP).raidz2(BACKUP.disks(BACKUP_DISKS));
    let pool = lab.add(pool.after(systems.backup));
    lab.add(weekly_scrub(pool));
    let homes = lab.add(Dataset::of(pool, "homes").quota(1.gib()));
    let ssh = lab.add(Service::ssh().on(BACKUP).after(systems.backup));
    let key = lab.add(SshKey::named("replication").on(NAS).after(systems.primary));
    let user = User::named("replicator", 3900).on(BACKUP).home_in(homes).authorized_key(key.public_key());
    lab.add(user.sudo_without_password(["/usr/sbin/zfs"]));
    let link = SshConnection::named("backup").from(key, "replicator", net::NAS_BACKUP_STORAGE, ssh.host_key());
    let link = lab.add(link);
    for (name, dataset, snapshots) in [
        ("databases", datasets.databases, datasets.database_snapshots),
        ("kubernetes", datasets.kubernetes, datasets.kubernetes_snapshots),
        ("media", datasets.media, datasets.media_snapshots),
    ] {
        let task = Replication::named(name).of(dataset, snapshots).to(link, pool).keep(Keep::months(3)).sudo();
        lab.add(if name == "kubernetes" { task.recursive() } else { task });
    }
}

/// Macs keep their own history in their backups; the replicator's home holds a key.
fn snapshots(graph: &Graph) -> Vec<Diagnostic> {
    let bare = ["truenas/dataset/nas/bulk/time-machine", "truenas/dataset/backup/backup/homes"];
    every_dataset_has_snapshots(graph, &bare)
}
