//! `/nodes/{node}/aplinfo`: the index of templates for containers, and fetching from it.
use crate::sim::answer::{Answer, Fail};
use crate::sim::call::Call;
use crate::sim::tasks::{Fetch, Job, Locks};
use serde_json::{Value, json};

/// Where Proxmox keeps them.
const SOURCE: &str = "http://download.proxmox.com/images/system/";

/// Package and version of `debian-12-standard_12.12-1_amd64.tar.zst`.
fn parts(file: &str) -> (&str, &str) {
    let mut parts = file.split('_');
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// GET aplinfo
pub(super) fn list(call: &mut Call<'_>) -> Answer {
    let row = |file: &String| {
        let (package, version) = parts(file);
        json!({
            "template": file, "package": package, "version": version, "type": "lxc", "section": "system",
            "architecture": "amd64", "location": format!("{SOURCE}{file}"), "source": SOURCE, "headline": package,
            "os": package.rsplit_once('-').map_or(package, |(os, _)| os),
        })
    };
    Ok(json!(call.world.appliances.iter().map(row).collect::<Vec<Value>>()).into())
}

/// POST aplinfo
pub(super) fn fetch(call: &mut Call<'_>) -> Answer {
    let (node, storage) = (call.node(), call.args.text("storage").to_owned());
    let file = call.args.text("template").to_owned();
    if !call.world.appliances.contains(&file) {
        return Err(Fail::param("template", "no such template"));
    }
    call.world.storage_usable(&storage, &node)?;
    if !call.world.storage_holds(&storage, "vztmpl") {
        return Err(Fail::die(format!("storage '{storage}' does not support templates")));
    }
    let fetch = Fetch {
        node: node.clone(),
        url: format!("{SOURCE}{file}"),
        volid: format!("{storage}:vztmpl/{file}"),
        content: "vztmpl".to_owned(),
        // Whatever the index says, which is signed.
        checksum: Some(("sha512".to_owned(), String::new())),
        decompress: false,
    };
    Ok(call.start(&node, "download", &file, Locks::none(), Job::Fetch(fetch)).into())
}
