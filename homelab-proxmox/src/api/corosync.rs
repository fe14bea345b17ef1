//! `/cluster/config`: what the nodes of a cluster know of each other, and who else has a vote.
use super::lenient::FromScalar;
use crate::{
    client::{Reader, call::Call, call::path},
    error::Result,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc};

/// The nodes of a cluster, each with the addresses of its links in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CorosyncNodes(pub BTreeMap<String, Vec<String>>);

impl<'de> Deserialize<'de> for CorosyncNodes {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        let mut nodes = BTreeMap::new();
        for row in Vec::<Map<String, Value>>::deserialize(from)? {
            let text = |key: &str| row.get(key).and_then(String::from_scalar);
            let link = |n: u8| {
                let text = text(&format!("ring{n}_addr"))?;
                // Its priority may stand behind it.
                let address = text.split(',').next().unwrap_or_default().trim_start_matches("address=");
                Some(address.to_owned())
            };
            nodes.extend(text("node").map(|node| (node, (0..8).filter_map(link).collect())));
        }
        Ok(CorosyncNodes(nodes))
    }
}

/// The machine beside the nodes that has a vote.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct QDeviceStatus {
    /// Where it is asked, with its port; nothing where there is none.
    #[serde(default, rename = "QNetd host")]
    pub host: Option<String>,
    /// `Connected`, if it is.
    #[serde(default, rename = "State")]
    pub state: Option<String>,
}

impl Reader {
    /// The nodes of the cluster as corosync knows them; none, if it is a single node.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn corosync_nodes(&self) -> Result<Arc<CorosyncNodes>> {
        self.once(Call::get("list", "the nodes of the cluster", "/cluster/config/nodes")).await
    }

    /// The QDevice, as the node that answers sees it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn qdevice(&self) -> Result<Arc<QDeviceStatus>> {
        self.once(Call::get("read", "the state of the QDevice", "/cluster/config/qdevice")).await
    }

    /// The SHA-256 of the certificate that a node has of its cluster.
    ///
    /// # Errors
    /// If its certificates cannot be listed.
    pub async fn cluster_fingerprint(&self, node: &str) -> Result<Option<String>> {
        let path = path(&[&"nodes", &node, &"certificates", &"info"]);
        let call = Call::get("list", format!("the certificates of {node}"), path);
        let rows: Vec<Map<String, Value>> = self.fresh(call).await?;
        let text = |row: &Map<String, Value>, key: &str| row.get(key).and_then(String::from_scalar);
        let own = rows.iter().find(|row| text(row, "filename").as_deref() == Some("pve-ssl.pem"));
        Ok(own.and_then(|row| text(row, "fingerprint")))
    }
}
