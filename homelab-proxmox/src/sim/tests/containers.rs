//! Containers: their own order of checks, and their own words.
use super::Lab;
use crate::http::Method::{Post, Put};

async fn lab() -> Lab {
    let lab = Lab::new();
    let volume = "local:vztmpl/tiny_1.0_amd64.tar.gz";
    let url = "http://example.org/tiny_1.0_amd64.tar.gz";
    let fetch = [("content", "vztmpl"), ("filename", "tiny_1.0_amd64.tar.gz"), ("url", url)];
    assert_eq!(lab.run(Post, "/nodes/pve/storage/local/download-url", &fetch).await, "OK");
    let params = [("vmid", "200"), ("ostemplate", volume), ("rootfs", "local:1"), ("hostname", "tiny")];
    assert_eq!(lab.run(Post, "/nodes/pve/lxc", &params).await, "OK");
    lab
}

#[tokio::test(start_paused = true)]
async fn a_container_has_its_own_words_for_what_it_refuses() {
    let lab = lab().await;
    for (method, path, params, told) in [
        (Put, "config", vec![("delete", "memory")], "500 unable to delete required option 'memory'"),
        (Put, "config", vec![("unprivileged", "1")], "500 unable to modify read-only option: 'unprivileged'"),
        (
            Put,
            "config",
            vec![("cores", "1"), ("revert", "cores")],
            "400 revert: you can't use '-cores' and '-revert cores' at the same time",
        ),
        (Put, "resize", vec![("disk", "rootfs"), ("size", "1G")], "500 disk is already at specified size"),
        (Post, "move_volume", vec![("volume", "rootfs"), ("target-vmid", "201")], "500 Cannot move to/from 'rootfs'"),
        (
            Post,
            "move_volume",
            vec![("volume", "mp0"), ("storage", "local"), ("target-vmid", "201")],
            "500 either set storage or target-vmid, but not both",
        ),
        (Post, "status/stop", vec![], "500 CT 200 not running"),
        (Post, "status/reboot", vec![], "500 VM 200 not running"),
    ] {
        assert_eq!(
            lab.refusal(method, &format!("/nodes/pve/lxc/200/{path}"), &params).await,
            told,
            "{path} {params:?}"
        );
    }
    let told = lab
        .refusal(Post, "/nodes/pve/lxc", &[("vmid", "201"), ("ostemplate", "local:iso/x.iso"), ("rootfs", "local:1")])
        .await;
    assert_eq!(told, "500 unable to use volume local:iso/x.iso - content type needs to be 'vztmpl'");
}

#[tokio::test(start_paused = true)]
async fn a_running_container_keeps_some_options_for_its_next_start() {
    let lab = lab().await;
    assert_eq!(lab.run(Post, "/nodes/pve/lxc/200/status/start", &[]).await, "OK");
    lab.put("/nodes/pve/lxc/200/config", &[("memory", "256"), ("nameserver", "1.1.1.1")]).await;
    let pending = lab.get("/nodes/pve/lxc/200/pending").await;
    let waits =
        |key: &str| pending.as_array().unwrap().iter().any(|row| row["key"] == key && row.get("pending").is_some());
    assert_eq!((waits("memory"), waits("nameserver")), (false, true));
}

#[tokio::test(start_paused = true)]
async fn a_copy_of_a_container_keeps_its_host_name() {
    let lab = lab().await;
    assert_eq!(lab.run(Post, "/nodes/pve/lxc/200/clone", &[("newid", "201")]).await, "OK");
    assert_eq!(lab.get("/nodes/pve/lxc/201/config").await["hostname"], "tiny");
}
