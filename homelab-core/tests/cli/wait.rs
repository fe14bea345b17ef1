//! Interruptions, and what is shown meanwhile.
use crate::{
    kitchen::{Kitchen, Screen, three_jars},
    says,
};
use homelab_core::cli::Exit;
use std::{io, sync::Arc};

fn press(kitchen: &Kitchen, times: u8, while_making: &str) {
    let interrupter = Arc::clone(&kitchen.interrupter);
    let trick = Arc::new(move || (0..times).for_each(|_| interrupter.press()));
    kitchen.pantry.shelves().tricks.insert(while_making.into(), trick);
}

#[test]
fn the_first_interruption_lets_what_runs_finish() {
    let kitchen = Kitchen::new(three_jars);
    press(&kitchen, 1, "plums");
    says!(kitchen.run("deploy --parallel 1"), @r"
    exit 130
    --- stdout
    + toy/jar/plums  [CODE]
        number: 7
        glass: clear
    + toy/jar/jam  [CODE]
        number: 7
        glass: clear
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    3 to create
    1 created, 2 not begun in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/plums: create
    [TIME] interrupted: finishing what runs (1), nothing new is begun; press again to leave it to the next run
    [TIME] toy/jar/plums: created in [TIME]
    not begun because of the interruption: toy/jar/jam, toy/jar/salt
    sandbox: nothing real was touched
    ");
    assert_eq!(kitchen.pantry.shelves().jars.keys().collect::<Vec<_>>(), ["plums"]);
}

#[test]
fn the_second_leaves_what_runs_to_the_next_run() {
    let mut kitchen = Kitchen::new(three_jars);
    press(&kitchen, 2, "plums");
    kitchen.pantry.shelves().endless = Some("plums".into());
    says!(kitchen.run("deploy --parallel 1"), @r"
    exit 130
    --- stdout
    + toy/jar/plums  [CODE]
        number: 7
        glass: clear
    + toy/jar/jam  [CODE]
        number: 7
        glass: clear
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    3 to create
    2 not begun, 1 left to the next run in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/plums: create
    [TIME] interrupted: leaving what runs (1) to the next run
    not begun because of the interruption: toy/jar/jam, toy/jar/salt
    left working, the next run looks after it: toy/jar/plums
    sandbox: nothing real was touched
    ");
    kitchen.pantry.shelves().endless = None;
    kitchen.pantry.shelves().tricks.clear();
    kitchen.calm();
    says!(kitchen.run("list"), @r"
    exit 0
    --- stdout
    fruit
      toy/jar/jam    at pantry, not made
      toy/jar/plums  at pantry, begun by a run that did not end
    in no group
      toy/jar/salt   at pantry, not made
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    sandbox: nothing real was touched
    ");
    says!(kitchen.run("deploy --parallel 1"), @r"
    exit 0
    --- stdout
    + toy/jar/plums  [CODE]
        number: 7
        glass: clear
    + toy/jar/jam  [CODE]
        number: 7
        glass: clear
    + toy/jar/salt  [CODE]
        number: 3
        glass: clear
    3 to create
    3 created in [TIME]
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    [TIME] toy/jar/plums: waiting for what an interrupted run left working
    [TIME] toy/jar/plums: create
    [TIME] toy/jar/plums: created in [TIME]
    [TIME] toy/jar/jam: create
    [TIME] toy/jar/jam: created in [TIME]
    [TIME] toy/jar/salt: create
    [TIME] toy/jar/salt: created in [TIME]
    sandbox: nothing real was touched
    ");
}

#[test]
fn an_interruption_before_anything_is_begun_changes_nothing() {
    let kitchen = Kitchen::new(three_jars);
    kitchen.interrupter.press();
    says!(kitchen.run("deploy"), @r"
    exit 130
    --- stdout
    --- stderr
    sandbox: no credentials are configured, so everything below is simulated
    error: interrupted; nothing was changed
    sandbox: nothing real was touched
    ");
    assert_eq!(kitchen.pantry.shelves().writes, 0);
}

#[test]
fn an_interruption_ends_a_question() {
    let mut kitchen = Kitchen::live(three_jars);
    kitchen.answer = Some("yes\n");
    let interrupter = Arc::clone(&kitchen.interrupter);
    let said = kitchen.run_changed("deploy", |outside| {
        outside.stdin = Box::new(io::BufReader::new(Pressing(interrupter)));
    });
    assert_eq!(said.exit, Exit::Interrupted, "{said}");
    assert_eq!(kitchen.pantry.shelves().writes, 0);
}

/// Somebody who presses Ctrl-C instead of answering, and then nothing more.
struct Pressing(Arc<homelab_core::engine::Interrupter>);

impl io::Read for Pressing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.press();
        Ok(0)
    }
}

#[test]
fn a_terminal_sees_what_is_done_scroll_by() {
    let kitchen = Kitchen::new(three_jars);
    kitchen.pantry.shelves().sayings.insert("plums".into(), "washing".into());
    let screen = Screen::default();
    let said = kitchen.run_changed("deploy --parallel 1", |outside| outside.terminal = Some(screen.target()));
    assert_eq!(said.exit, Exit::Done);
    let seen = screen.seen();
    for key in ["toy/jar/plums", "toy/jar/jam", "toy/jar/salt"] {
        assert!(seen.contains(&format!("{key}: created in ")), "{seen}");
    }
    assert!(seen.contains("0/3 done"), "{seen}");
}
