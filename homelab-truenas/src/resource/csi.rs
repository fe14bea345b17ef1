//! What democratic-csi is told of a NAS: the values of its Helm chart, made from the lab's own shares.
//!
//! democratic-csi makes a dataset and a share for each volume that Kubernetes asks for, over the NAS's API. From the lab it needs the
//! parent datasets and the network that it may share with; the API key stays a secret of the cluster.
use super::{StorageNetwork, dataset::Parent};
use homelab_core::{Text, text, units::HostAddr};

/// Values for the chart `democratic-csi`, for volumes over NFS that the driver `freenas-api-nfs` makes.
///
/// The text has the names of datasets as outputs, so whatever it is written to waits for them. The key is read from an existing secret
/// of the cluster, and never stands in the values.
///
/// ```
/// # use homelab_core::{Handle, Lab, units::Network};
/// # use homelab_truenas::resource::{Dataset, StorageNetwork, csi};
/// # const STORAGE: StorageNetwork = StorageNetwork::of(Network::new("storage", [10, 10, 10, 0], 24).vlan(10));
/// # fn values(volumes: Handle<Dataset>, snapshots: Handle<Dataset>) -> homelab_core::Text {
/// csi::nfs_values("nfs", STORAGE.host(13), STORAGE, volumes, snapshots)
/// # }
/// ```
#[must_use]
pub fn nfs_values(
    class: &str,
    nas: HostAddr,
    network: StorageNetwork,
    volumes: impl Parent,
    snapshots: impl Parent,
) -> Text {
    let (volumes, snapshots) = (volumes.within().dataset, snapshots.within().dataset);
    let (address, allowed) = (nas.ip(), network.network());
    text![
        format!(
            "csiDriver:\n  name: org.democratic-csi.{class}\nstorageClasses:\n  - name: {class}\n    defaultClass: false\n    \
             reclaimPolicy: Retain\n    volumeBindingMode: Immediate\n    allowVolumeExpansion: true\n    parameters:\n      fsType: nfs\n    \
             mountOptions:\n      - nfsvers=4.2\n      - noatime\ndriver:\n  existingConfigSecret: {class}-driver\n  config:\n    \
             driver: freenas-api-nfs\n    httpConnection:\n      protocol: https\n      host: {address}\n      port: 443\n      \
             allowInsecure: false\n    zfs:\n      datasetParentName: "
        ),
        volumes,
        "\n      detachedSnapshotsDatasetParentName: ",
        snapshots,
        format!(
            "\n      datasetEnableQuotas: true\n      datasetPermissionsMode: \"0777\"\n    nfs:\n      shareHost: {address}\n      \
             shareAlldirs: false\n      shareAllowedNetworks:\n        - {allowed}\n      shareMaprootUser: root\n      \
             shareMaprootGroup: root\n"
        ),
    ]
}
