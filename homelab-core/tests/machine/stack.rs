//! A stack on a real Docker Engine with its Compose plugin, from an image that was built from nothing. Only where the environment
//! names the image (`HOMELAB_TEST_IMAGE`): it has busybox at `/bin/busybox`.
use crate::real::Real;
use homelab_core::{
    Lab,
    host::ComposeStack,
    plan::{Goal, Wishes},
    testing::{Bench, Run},
};
use std::env;

const WEB: &str = r#"services:
  web:
    image: ${IMAGE}
    network_mode: host
    stop_grace_period: 1s
    command: [/bin/busybox, httpd, -f, -p, "127.0.0.1:8080", -h, /www]
    volumes: ["./www:/www:ro"]
    healthcheck:
      test: [CMD, /bin/busybox, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/index.html"]
      interval: 1s
"#;

const BESIDE: &str = "  beside:\n    image: ${IMAGE}\n    network_mode: none\n    stop_grace_period: 1s\n    command: [/bin/busybox, sleep, \"1000\"]\n";

const ILL: &str = "  ill:\n    image: ${IMAGE}\n    network_mode: none\n    stop_grace_period: 1s\n    command: [/bin/busybox, sh, -c, \"echo no luck; exit 3\"]\n";

fn succeeded(run: &Run) {
    assert!(run.is_success(), "{}", run.story());
}

#[tokio::test]
async fn a_real_stack_comes_up_healthy_is_repaired_changed_and_taken_down_again() {
    let (Ok(image), Some((real, _turn))) = (env::var("HOMELAB_TEST_IMAGE"), Real::alone().await) else { return };
    let stack = |file: String, page: &'static str| -> Lab {
        let image = image.clone();
        real.lab(move |lab, web| {
            lab.add(ComposeStack::on(web, "site", &file).env("IMAGE", image).file("www/index.html", page));
        })
    };
    let page = "docker exec site-web-1 /bin/busybox wget -q -O - http://127.0.0.1:8080/index.html";
    let running = "docker ps --format '{{.Names}} {{.Status}}' | sed 's/ Up .*(/ (/; s/ Up .*//' | sort | tr '\\n' ' '";
    let bench = Bench::new(real.clone());
    let deploy = Wishes::new(Goal::Deploy);

    let both = || stack(format!("{WEB}{BESIDE}"), "one");
    succeeded(&bench.deploy(both()).await);
    assert_eq!(real.somebody(running).await, "site-beside-1 site-web-1 (healthy)");
    assert_eq!(real.somebody(page).await, "one");
    let plan = bench.plan(both(), &deploy).await;
    assert!(plan.is_noop(), "{plan}");

    real.somebody("docker stop --time 0 site-web-1").await;
    let plan = bench.plan(both(), &deploy).await.to_string();
    assert!(plan.contains("services.web"), "{plan}");
    succeeded(&bench.deploy(both()).await);
    assert_eq!(real.somebody(running).await, "site-beside-1 site-web-1 (healthy)");

    let less = || stack(WEB.to_owned(), "two");
    succeeded(&bench.deploy(less()).await);
    assert_eq!(real.somebody(running).await, "site-web-1 (healthy)", "what has left the file is gone");
    assert_eq!(real.somebody(page).await, "two");
    assert!(bench.plan(less(), &deploy).await.is_noop());

    let run = bench.deploy(stack(format!("{WEB}{ILL}"), "two")).await;
    assert!(!run.is_success() && run.story().contains("no luck"), "its own words are told: {}", run.story());
    succeeded(&bench.deploy(less()).await);
    succeeded(&bench.destroy(less()).await);
    assert_eq!(real.somebody("docker ps --all --quiet; find /opt -name '*site*'").await, "");
}
