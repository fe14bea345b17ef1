//! What of shares is more than a row: who may use an SMB share.
use super::{Cx, field, object, rows};
use crate::sim::fail::Fail;
use serde_json::{Value, json};

pub(super) fn run(cx: &mut Cx<'_>, name: &str, params: &[Value]) -> Option<Result<Value, Fail>> {
    let data = object(params, 0);
    let share = field(&data, "share_name").to_owned();
    let key = format!("smb:{}", share.to_lowercase());
    match name {
        "sharing.smb.getacl" | "sharing.smb.setacl" => {}
        "sharing.smb.presets" => return Some(Ok(json!({}))),
        _ => return None,
    }
    if !cx.world.rows("sharing.smb").any(|row| field(row, "name").eq_ignore_ascii_case(&share)) {
        let at = if name.ends_with("setacl") { "smb_setacl.share_name" } else { "smb_getacl.share_name" };
        return Some(Err(Fail::about(at, "Share does not exist", 2)));
    }
    if name == "sharing.smb.setacl" {
        cx.world.acls.insert(key.clone(), data.get("share_acl").cloned().unwrap_or_default());
    }
    let everyone = json!([{"ae_who_sid": "S-1-1-0", "ae_who_id": null, "ae_who_str": null, "ae_perm": "FULL", "ae_type": "ALLOWED"}]);
    let acl = cx.world.acls.get(&key).cloned().unwrap_or(everyone);
    Some(Ok(json!({"share_name": share, "share_acl": acl})))
}

/// Who has what mounted. Nobody speaks NFS 4 or iSCSI here.
pub(super) fn clients(cx: &Cx<'_>, verb: &str, params: &[Value]) -> Result<Value, Fail> {
    let row = |(by, export): &(String, String)| {
        let row = json!({"ip": by, "export": export});
        row.as_object().cloned().unwrap_or_default()
    };
    let rows = if verb == "get_nfs3_clients" { cx.world.mounts.iter().map(row).collect() } else { vec![] };
    rows::filtered(rows, params)
}
