//! Machines that stand on each other start in order.
use crate::world::Hyper;
use homelab_core::{AnyHandle, Apply, Claim, Failure, Handle, Lab, Look, NoOutputs, Resource, ResourceExt, Site, Turn};
use serde::Serialize;

const HERE: Site<Hyper> = Site::named("here");
const THERE: Site<Hyper> = Site::named("there");

#[derive(Serialize)]
struct Machine {
    #[serde(skip)]
    name: &'static str,
    #[serde(skip)]
    site: Site<Hyper>,
    #[serde(skip)]
    asks: Option<u8>,
    place: Option<u32>,
    needed: bool,
}

#[derive(Serialize)]
struct Program {
    #[serde(skip)]
    name: &'static str,
    #[serde(skip)]
    on: AnyHandle,
}

macro_rules! looked_at_only {
    () => {
        type Provider = Hyper;
        type State = ();
        type Id = ();
        type Outputs = NoOutputs;
        fn name(&self) -> &str {
            self.name
        }
        async fn read(&self, _: &Look<'_, Hyper>) -> Result<Option<()>, Failure> {
            Ok(None)
        }
        async fn find((): &(), _: &Look<'_, Hyper>) -> Result<Option<()>, Failure> {
            Ok(None)
        }
        fn id((): &()) {}
        async fn apply(&self, _: Option<&()>, _: &Apply<'_, Hyper>) -> Result<(), Failure> {
            Ok(())
        }
        async fn delete((): &(), _: &Apply<'_, Hyper>) -> Result<(), Failure> {
            Ok(())
        }
    };
}

impl Resource for Machine {
    const KIND: &'static str = "toy/machine";
    const MACHINE: bool = true;
    looked_at_only!();
    fn site(&self) -> Site<Hyper> {
        self.site
    }
    fn claims(&self) -> Vec<Claim> {
        vec![Claim::new("address", self.name)]
    }
    fn leans_on(&self) -> Vec<Claim> {
        self.asks.map(|n| Claim::new("address", format!("dns{n}"))).into_iter().collect()
    }
    fn take_turn(&mut self, turn: Turn) {
        (self.place, self.needed) = (Some(turn.place), turn.is_needed);
    }
}

impl Resource for Program {
    const KIND: &'static str = "toy/program";
    looked_at_only!();
    fn site(&self) -> Site<Hyper> {
        HERE
    }
    fn lives_in(&self) -> Option<AnyHandle> {
        Some(self.on)
    }
}

fn machine(name: &'static str) -> Machine {
    Machine { name, site: HERE, asks: None, place: None, needed: false }
}

fn program(on: Handle<Machine>, name: &'static str) -> Program {
    Program { name, on: on.into() }
}

/// What each machine was told: `nas 0 needed`.
fn told(lab: Lab) -> Vec<String> {
    let graph = lab.build().unwrap_or_else(|problems| panic!("{problems}"));
    let all = graph.resources().filter(|one| one.kind() == "toy/machine");
    let place = |one: &homelab_core::ResourceRef<'_>| one.spec().get("place").map_or("-".into(), ToString::to_string);
    let needed =
        |one: &homelab_core::ResourceRef<'_>| one.spec().get("needed").is_some_and(|n| n.to_string() == "true");
    all.map(|one| format!("{} {}{}", one.name(), place(&one), if needed(&one) { " needed" } else { "" })).collect()
}

#[test]
fn whoever_mounts_what_another_serves_comes_after_it_although_the_machines_do_not_know_each_other() {
    let mut lab = Lab::named("home");
    let (alone, web, nas) = (lab.add(machine("alone")), lab.add(machine("web")), lab.add(machine("nas")));
    lab.add(program(alone, "top"));
    let share = lab.add(program(nas, "share"));
    let docker = lab.add(program(web, "mount").after(share));
    let front = lab.add(machine("front").after(docker));
    lab.add(program(front, "proxy"));
    assert_eq!(told(lab), ["alone -", "web 1 needed", "nas 0 needed", "front 2"]);
}

#[test]
fn machines_that_stand_on_each_other_come_at_the_same_time_and_after_what_both_stand_on() {
    let mut lab = Lab::named("home");
    let (nas, a, b) = (lab.add(machine("nas")), lab.add(machine("a")), lab.add(machine("b")));
    let share = lab.add(program(nas, "share"));
    let first = lab.add(program(a, "first").after(share));
    let second = lab.add(program(b, "second").after(first));
    lab.add(program(a, "third").after(second));
    assert_eq!(told(lab), ["nas 0 needed", "a 1", "b 1"]);
}

#[test]
fn the_name_server_comes_first_wherever_it_is_declared_and_another_site_is_another_matter() {
    let mut lab = Lab::named("home");
    let elsewhere = lab.add(Machine { site: THERE, ..machine("elsewhere") });
    let web = lab.add(Machine { asks: Some(1), ..machine("web") });
    lab.add(program(web, "mirror").after(elsewhere));
    lab.add(Machine { asks: Some(9), ..machine("asks-somebody-else") });
    lab.add(machine("dns1"));
    assert_eq!(told(lab), ["elsewhere -", "web 1", "asks-somebody-else -", "dns1 0 needed"]);
}
