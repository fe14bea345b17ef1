use super::*;
use crate::{
    ResourceExt, Secret,
    host::{Computer, DockerEngine, File, Package, SshHardening},
    text,
    units::Network,
};

const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);

fn recipe(declare: impl FnOnce(&mut Lab, Handle<Unsealed>)) -> Recipe {
    Recipe::of("ubuntu", LAN.host(250), "ubuntu", declare)
}

fn add<R: crate::Declare>(lab: &mut Lab, resource: R) {
    lab.add(resource);
}

fn told(recipe: &Recipe) -> String {
    recipe.problems().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_digest_of_a_part_is_its_own_whatever_else_there_is() {
    let one = recipe(|lab, machine| {
        DockerEngine::ubuntu(lab, machine);
    });
    let more = recipe(|lab, machine| {
        lab.add(Package::on(machine, "htop"));
        DockerEngine::ubuntu(lab, machine);
    });
    assert_eq!(
        one.parts().iter().map(|p| &p.digest).collect::<Vec<_>>(),
        more.parts()[1..].iter().map(|p| &p.digest).collect::<Vec<_>>()
    );
    let other = |text: &'static str| recipe(|lab, machine| add(lab, File::on(machine, "/etc/motd", text)));
    let (a, b) = (other("a").parts()[0].clone(), other("b").parts()[0].clone());
    assert!(a.is_of(&b.digest) && a.digest != b.digest, "the same thing says something else");
    assert!(!a.is_of(&more.parts()[0].digest));
}

#[test]
fn a_secret_in_a_recipe_is_an_error_with_its_line() {
    const TOKEN: Secret = Secret::named("TOKEN");
    let recipe = recipe(|lab, machine| add(lab, File::on(machine, "/etc/token", text!["token=", TOKEN])));
    let told = told(&recipe);
    assert!(told.starts_with("error: the secret TOKEN would be copied to every guest"), "{told}");
    assert!(told.contains("recipe/tests.rs:") && told.contains("host/file/ubuntu/etc/token"), "{told}");
}

#[test]
fn what_is_somewhere_else_is_no_part_of_a_recipe() {
    let mut around = Lab::named("home");
    let nas = around.add(Computer::named("nas", LAN.host(13)));
    let on_another = told(&recipe(|lab, _| add(lab, SshHardening::on(nas))));
    assert!(on_another.contains("it uses a handle that this lab did not give out"), "{on_another}");
    let address = told(&recipe(|lab, machine| {
        lab.add(File::on(machine, "/etc/nas", text![nas.address()]));
    }));
    assert!(address.contains("it uses a handle that this lab did not give out"), "{address}");
    let another = told(&recipe(|lab, _| add(lab, Computer::named("nas", LAN.host(13)))));
    assert!(another.contains("it is not on the machine that becomes the template"), "{another}");
    let mut kept = None;
    recipe(|_, machine| kept = Some(machine));
    around.add(Package::on(kept.unwrap(), "htop").after(nas));
    let outside = around.build().err().unwrap().to_string();
    assert!(outside.contains("it uses a handle that this lab did not give out"), "{outside}");
}

#[test]
fn a_name_that_is_given_twice_in_a_recipe_is_told_as_anywhere() {
    let recipe = recipe(|lab, machine| {
        lab.add(Package::on(machine, "htop"));
        lab.add(Package::on(machine, "htop"));
    });
    assert!(told(&recipe).contains("host/package/ubuntu/htop"), "{}", told(&recipe));
}
