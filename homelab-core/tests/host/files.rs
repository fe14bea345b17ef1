//! What is at paths: files, directories, links, lines, blocks.
use crate::bench::{lab, room};
use homelab_core::{
    Lab, ResourceExt, Secret, SecretSource, SecretValue, Secrets, Text,
    host::{Block, Command, Directory, File, Line, Link},
    plan::{Goal, Wishes},
    sim::{Room, SimMachine},
    testing::{Bench, Declare, Fixture, Run, World, conformance},
    text,
};
use std::sync::Arc;

const TOKEN: Secret = Secret::named("TOKEN");

/// The one secret.
struct Fixed(&'static str);

impl SecretSource for Fixed {
    fn get(&self, name: &str) -> Option<SecretValue> {
        (name == "TOKEN").then(|| self.0.into())
    }
}

fn file(content: impl Into<Text>) -> Lab {
    let content = content.into();
    lab(move |lab, web| {
        lab.add(File::on(web, "/etc/app.conf", content));
    })
}

fn web(bench: &Bench<Room>) -> Arc<SimMachine> {
    bench.world.machine("web")
}

async fn plan(bench: &Bench<Room>, lab: Lab) -> String {
    bench.plan(lab, &Wishes::new(Goal::Deploy)).await.to_string()
}

fn succeeded(run: &Run) {
    assert!(run.is_success(), "{}", run.story());
}

#[tokio::test(start_paused = true)]
async fn a_file_conforms() {
    conformance(&Fixture {
        world: &room,
        lab: &|| file("port = 80\n"),
        edits: &[
            ("content", &|| file("port = 81\n")),
            ("mode and owner", &|| {
                lab(|lab, web| {
                    lab.add(File::on(web, "/etc/app.conf", "port = 80\n").mode(0o600).owner("daemon", "daemon"));
                })
            }),
            ("bytes", &|| {
                lab(|lab, web| {
                    lab.add(File::of_bytes(web, "/etc/app.conf", [0xff, 0, b'\n']));
                })
            }),
        ],
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_directory_conforms() {
    conformance(&Fixture {
        world: &room,
        lab: &|| {
            lab(|lab, web| {
                lab.add(Directory::on(web, "/etc/app"));
            })
        },
        edits: &[
            ("mode and owner", &|| {
                lab(|lab, web| {
                    lab.add(Directory::on(web, "/etc/app").mode(0o2750).owner("daemon", "root"));
                })
            }),
            ("contents", &|| {
                lab(|lab, web| {
                    lab.add(Directory::on(web, "/etc/app").with_contents());
                })
            }),
        ],
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_link_conforms() {
    let to = |to: &'static str| {
        move || {
            lab(|lab, web| {
                lab.add(Link::on(web, "/etc/current", to));
            })
        }
    };
    conformance(&Fixture { world: &room, lab: &to("app-1"), edits: &[("to", &to("/opt/app-2"))] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_conforms() {
    let line = |line: &'static str| {
        move || {
            lab(|lab, web| {
                lab.add(Line::on(web, "/etc/hosts", line).in_place_of("10.0.0.1 "));
            })
        }
    };
    conformance(&Fixture { world: &room, lab: &line("10.0.0.1 a"), edits: &[("line", &line("10.0.0.1 b"))] }).await;
}

#[tokio::test(start_paused = true)]
async fn a_block_conforms() {
    let block = |text: &'static str| {
        move || {
            lab(|lab, web| {
                lab.add(Block::on(web, "/etc/hosts", "lab", text));
            })
        }
    };
    let edits: &[(&str, &Declare<'_>)] = &[("text", &block("10.0.0.2 b\n10.0.0.3 c"))];
    conformance(&Fixture { world: &room, lab: &block("10.0.0.1 a\n"), edits }).await;
}

#[tokio::test(start_paused = true)]
async fn a_line_and_a_block_make_a_file_that_is_not_there_where_they_are_told_to_and_it_goes_with_them() {
    let with = |line: &'static str, block: &'static str| {
        move || {
            lab(|lab, web| {
                lab.add(Line::on(web, "/etc/new.conf", line).in_place_of("port=").create());
                lab.add(Block::on(web, "/etc/hosts.new", "lab", block).create());
            })
        }
    };
    let edits: &[(&str, &Declare<'_>)] = &[("both", &with("port=2", "10.0.0.2 b"))];
    conformance(&Fixture { world: &room, lab: &with("port=1", "10.0.0.1 a"), edits }).await;
    let bench = Bench::new(room());
    succeeded(&bench.deploy(with("port=1", "10.0.0.1 a")()).await);
    web(&bench).somebody_writes("/etc/new.conf", "port=1\ntheirs\n");
    succeeded(&bench.destroy(with("port=1", "10.0.0.1 a")()).await);
    assert_eq!(web(&bench).text("/etc/new.conf").as_deref(), Some("theirs\n"), "what others wrote stays");
}

#[tokio::test(start_paused = true)]
async fn a_line_and_a_block_in_a_file_that_nothing_brings_are_refused_by_the_plan() {
    let bench = Bench::new(room());
    let alone = || {
        lab(|lab, web| {
            lab.add(Line::on(web, "/etc/new.conf", "port=1"));
            lab.add(Block::on(web, "/etc/new.conf", "lab", "host=a\n"));
        })
    };
    insta::assert_snapshot!(plan(&bench, alone()).await, @r"
    + host/line/web/etc/new.conf#port=1  homelab-core/tests/host/files.rs:151
        line: port=1
        refused: /etc/new.conf is not there, and nothing that could bring it comes first
          hint: say `.after(..)` of the package or the file that brings it, or `.create()` to make it
    + host/block/web/etc/new.conf#lab  homelab-core/tests/host/files.rs:152
        text: host=a
        refused: /etc/new.conf is not there, and nothing that could bring it comes first
          hint: say `.after(..)` of the package or the file that brings it, or `.create()` to make it
    2 to create (1 as they should be)
    ");
    let brought = || {
        lab(|lab, web| {
            let app = lab.add(Directory::on(web, "/etc/app"));
            lab.add(Line::on(web, "/etc/new.conf", "port=1").after(app));
        })
    };
    let said = plan(&bench, brought()).await;
    assert!(said.contains("note: /etc/new.conf is not there yet: what comes first must bring it"), "{said}");
    let run = bench.deploy(brought()).await;
    assert!(run.story().contains("nothing can be changed in it"), "it did not: {}", run.story());
    web(&bench).somebody_writes("/etc/new.conf", "theirs\n");
    succeeded(&bench.deploy(alone()).await);
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_what_differs_in_a_file_line_by_line() {
    let bench = Bench::new(room());
    let long = |n: u32| (1..40).map(|l| format!("line {}\n", if l == 20 { n } else { l })).collect::<String>();
    succeeded(&bench.deploy(file(long(20))).await);
    insta::assert_snapshot!(plan(&bench, file(long(99))).await, @r"
    ~ host/file/web/etc/app.conf  homelab-core/tests/host/files.rs:27
        content:
           line 18
           line 19
          -line 20
          +line 99
           line 21
           line 22
    1 to update (1 as they should be)
    ");
}

#[tokio::test(start_paused = true)]
async fn what_a_secret_is_stands_in_no_plan_and_a_changed_one_is_still_seen() {
    let mut bench = Bench::new(room());
    let sealed = || file(text!["token=", TOKEN, "\n"]);
    bench.secrets = Secrets::none().and(Fixed("first-value"));
    succeeded(&bench.deploy(sealed()).await);
    assert!(bench.plan(sealed(), &Wishes::new(Goal::Deploy)).await.is_noop());
    bench.secrets = Secrets::none().and(Fixed("second-value"));
    let said = plan(&bench, sealed()).await;
    assert!(said.contains("-> as declared") && !said.contains("value"), "{said}");
    succeeded(&bench.deploy(sealed()).await);
    assert!(bench.plan(sealed(), &Wishes::new(Goal::Deploy)).await.is_noop());
    let ledger = std::fs::read_to_string(bench.state().join("ledger.json")).unwrap();
    assert!(!ledger.contains("value"));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_there_is_asked_for_and_put_back_when_its_line_of_code_goes() {
    let bench = Bench::new(room());
    let motd = || {
        lab(|lab, web| {
            lab.add(File::on(web, "/etc/issue", "ours\n"));
        })
    };
    web(&bench).somebody_writes("/etc/issue", "somebody's\n");
    let before = bench.world.inventory();
    let said = plan(&bench, motd()).await;
    assert!(said.contains("somebody's -> ours") && said.contains("take it over with `--adopt`"), "{said}");
    let adopt = Wishes { adopt: true, ..Wishes::new(Goal::Deploy) };
    succeeded(&bench.run(motd(), &adopt).await);
    assert!(bench.plan(motd(), &Wishes::new(Goal::Deploy)).await.is_noop());
    succeeded(&bench.deploy(lab(|_, _| {})).await);
    assert_eq!(bench.world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_finds_something_wrong_leaves_the_old_file() {
    let bench = Bench::new(room());
    let checked = |content: &'static str| {
        lab(move |lab, web| {
            let check = Command::new("checker").arg("%s");
            lab.add(File::on(web, "/etc/app.conf", content).validate(check));
        })
    };
    web(&bench).on_command(|argv, stdin| {
        let bad = stdin.starts_with(b"bad");
        (argv == ["checker", "/dev/stdin"]).then(|| homelab_core::host::Output {
            status: u8::from(bad),
            stdout: vec![],
            stderr: if bad { b"line 1: bad\n".to_vec() } else { vec![] },
        })
    });
    succeeded(&bench.deploy(checked("good\n")).await);
    let before = bench.world.inventory();
    let run = bench.deploy(checked("bad\n")).await;
    assert!(!run.is_success() && run.story().contains("line 1: bad"), "{}", run.story());
    assert_eq!(bench.world.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn a_directory_goes_when_it_is_empty_and_says_what_is_in_it_when_not() {
    let bench = Bench::new(room());
    let app = || {
        lab(|lab, web| {
            let dir = lab.add(Directory::on(web, "/etc/app"));
            lab.add(File::on(web, "/etc/app/conf", "x\n").after(dir));
        })
    };
    let empty = bench.world.inventory();
    succeeded(&bench.deploy(app()).await);
    let other = Bench::new(bench.world.clone());
    let theirs = || {
        let mut other = Lab::named("other");
        let web = crate::bench::computer(&mut other, crate::bench::LAN.host(11));
        other.add(File::on(web, "/etc/app/theirs", "x\n"));
        other
    };
    succeeded(&other.deploy(theirs()).await);
    let run = bench.destroy(app()).await;
    assert!(run.story().contains("something in it that is not ours: theirs"), "{}", run.story());
    succeeded(&other.destroy(theirs()).await);
    succeeded(&bench.destroy(app()).await);
    assert_eq!(bench.world.inventory(), empty);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_a_directory_of_its_own_is_data() {
    let bench = Bench::new(room());
    let data = || {
        lab(|lab, web| {
            let dir = lab.add(Directory::on(web, "/etc/db").with_contents());
            lab.add(File::on(web, "/etc/db/rows", "x\n").after(dir));
        })
    };
    succeeded(&bench.deploy(data()).await);
    let said = bench.plan(data(), &Wishes::new(Goal::Destroy)).await.to_string();
    assert!(said.contains("it holds what is in it: rows"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_hundred_files_that_are_right_are_found_so_with_one_question_and_no_write() {
    let bench = Bench::new(room());
    let many = || {
        lab(|lab, web| {
            for n in 0..100 {
                lab.add(File::on(web, &format!("/etc/many-{n}"), format!("{n}\n")));
            }
        })
    };
    succeeded(&bench.deploy(many()).await);
    let (calls, writes) = (bench.world.calls(), bench.world.writes());
    succeeded(&bench.deploy(many()).await);
    assert_eq!(bench.world.writes(), writes);
    assert_eq!(bench.world.calls() - calls, 1, "messages, the one about the machine itself included");
}
