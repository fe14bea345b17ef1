//! Ended at random moments: our program, the connection, the server.
use crate::real::Real;
use homelab_core::{
    plan::{Goal, Wishes},
    testing::Bench,
};
use std::{
    env,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

/// How often each is ended.
const ROUNDS: u32 = 10;

/// Somewhere in the length of a deploy.
fn moment() -> Duration {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Duration::from_millis(u64::from(now.subsec_micros() % 1200))
}

#[tokio::test]
async fn the_run_after_a_kill_of_our_program_converges() {
    let Some((real, _turn)) = Real::alone().await else { return };
    for n in 10..10 + ROUNDS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--ignored", "--exact", "killed::a_program_to_be_killed"])
            .env("HOMELAB_TEST_ROUND", n.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(moment()).await;
        child.kill().unwrap();
        child.wait().unwrap();
        // Its ledger died with it: our notes on the machine tell what is ours.
        converges(&real, n, "our program was killed").await;
    }
    Bench::new(real.clone()).destroy(real.everything(10 + ROUNDS - 1)).await;
}

/// Not a test by itself: the program that the one above kills.
#[tokio::test]
#[ignore = "it is the other half of a test"]
async fn a_program_to_be_killed() {
    let Some(real) = Real::wanted() else { return };
    let n = env::var("HOMELAB_TEST_ROUND").map_or(0, |n| n.parse().unwrap());
    Bench::new(real.clone()).deploy(real.everything(n)).await;
}

#[tokio::test]
async fn the_run_after_the_end_of_sshd_and_all_its_connections_converges() {
    let Some((real, _turn)) = Real::alone().await else { return };
    let bench = Bench::new(real.clone());
    for n in 30..30 + ROUNDS {
        let stroke = async {
            tokio::time::sleep(moment()).await;
            // It ends its own connection too, a moment after it has answered.
            real.somebody("(sleep 0.2; pkill -9 -f '^sshd'; systemctl restart ssh) >/dev/null 2>&1 </dev/null &").await;
        };
        // Whether this one gets through is a matter of luck.
        let (_, _) = tokio::join!(bench.deploy(real.everything(n)), stroke);
        tokio::time::sleep(Duration::from_millis(600)).await;
        converges(&real, n, "sshd was ended").await;
    }
    bench.destroy(real.everything(30 + ROUNDS - 1)).await;
}

#[tokio::test]
async fn the_run_after_a_restart_of_the_machine_in_its_middle_converges() {
    let Some((real, _turn)) = Real::alone().await else { return };
    let bench = Bench::new(real.clone());
    for n in 50..53 {
        let stroke = async {
            tokio::time::sleep(moment()).await;
            real.somebody("systemctl --no-block reboot").await;
        };
        let (_, _) = tokio::join!(bench.deploy(real.everything(n)), stroke);
        real.answers().await;
        converges(&real, n, "the machine was restarted").await;
    }
    bench.destroy(real.everything(52)).await;
}

async fn converges(real: &Real, n: u32, after: &str) {
    let bench = Bench::new(real.clone());
    let run = bench.deploy(real.everything(n)).await;
    assert!(run.is_success(), "round {n}, {after}: {}", run.story());
    let plan = bench.plan(real.everything(n), &Wishes::new(Goal::Deploy)).await;
    assert!(plan.is_noop(), "round {n}, {after}:\n{plan}");
}
