//! Machines of a lab: whether they answer, and commands on them.
use crate::kitchen::Kitchen;
use homelab_core::{
    Lab,
    cli::Exit,
    host::{Computer, File},
    sim::{self, Net},
    units::Network,
};

const LAN: Network = Network::new("LAN", [192, 168, 0, 0], 24);

fn two_machines() -> Lab {
    let mut lab = Lab::named("home");
    let din = lab.add(Computer::named("din", LAN.host(11)).login("root"));
    lab.add(Computer::named("grogu", LAN.host(12)));
    lab.add(File::on(din, "/etc/motd", "welcome\n"));
    lab
}

/// A sandbox in which one of the two is on.
fn kitchen() -> Kitchen {
    let kitchen = Kitchen::new(two_machines);
    let net = Net::kept_in(&kitchen.state("world/net")).unwrap();
    net.switch_on("din", sim::Computer::named("din", [LAN.host(11).ip()]));
    kitchen
}

#[test]
fn ping_tells_of_every_machine_and_why_one_does_not_answer() {
    let said = kitchen().run("ping");
    assert_eq!(said.exit, Exit::Refused, "{said}");
    let lines: Vec<&str> = said.stdout.lines().collect();
    assert!(lines[0].starts_with("host/computer/din    root@192.168.0.11  up  "), "{said}");
    assert!(lines[0].contains("din debian 12, Linux"), "{said}");
    assert!(lines[1].starts_with("host/computer/grogu"), "{said}");
    assert!(lines[1].contains("down  there is no route to 192.168.0.12"), "{said}");
    assert!(lines[2].contains("hint: look whether the machine is up"), "{said}");
    let json: serde_json::Value = serde_json::from_str(&kitchen().run("ping --json").stdout).unwrap();
    assert_eq!(json[0]["machine"], "host/computer/din");
}

#[test]
fn a_command_is_run_on_a_machine_that_is_named_by_its_key_or_its_name() {
    let kitchen = kitchen();
    let said = kitchen.run("exec din -- echo hello world");
    assert_eq!((said.exit, said.stdout.as_str()), (Exit::Done, "hello world\n"), "{said}");
    let said = kitchen.run("exec host/computer/din -- false");
    assert_eq!(said.exit, Exit::Refused);
    assert!(said.stderr.contains("error: `false` ended with status 1"), "{said}");
    let said = kitchen.run("exec dinn -- true");
    assert_eq!(said.exit, Exit::Usage);
    assert!(said.stderr.contains("did you mean host/computer/din?"), "{said}");
}

#[test]
fn nobody_logs_in_to_a_simulated_machine() {
    let said = kitchen().run("ssh din");
    assert!(said.exit == Exit::Usage && said.stderr.contains("`exec din -- COMMAND`"), "{said}");
}

#[test]
fn ansible_is_given_an_inventory() {
    let said = kitchen().run("inventory --ansible");
    assert_eq!(
        said.stdout,
        "[lab]\ndin ansible_host=192.168.0.11 ansible_user=root\n# host/computer/grogu is not made yet, or does not answer\n"
    );
}

#[test]
fn what_is_on_a_machine_is_deployed_from_the_command_line_and_is_there_in_the_next_process() {
    let kitchen = kitchen();
    let net = Net::kept_in(&kitchen.state("world/net")).unwrap();
    net.switch_on("grogu", sim::Computer::named("grogu", [LAN.host(12).ip()]));
    drop(net);
    let said = kitchen.run("deploy");
    assert_eq!(said.exit, Exit::Done, "{said}");
    assert!(kitchen.run("deploy").stdout.contains("no changes"));
    let net = Net::kept_in(&kitchen.state("world/net")).unwrap();
    assert_eq!(net.machine("din").unwrap().text("/etc/motd").as_deref(), Some("welcome\n"));
}

#[test]
fn the_doctor_names_what_is_wrong_and_the_way_out() {
    let kitchen = kitchen();
    let said = kitchen.run("doctor");
    assert_eq!((said.exit, said.exit.code()), (Exit::Unsound, 7), "{said}");
    let says = |line: &str| assert!(said.stdout.contains(line), "{line}: {said}");
    says("ok    the lab `home` is valid");
    says("ok    host/computer/din is simulated, and needs no key");
    says("wrong  host/computer/grogu: there is no route to 192.168.0.12");
    says("      hint: look whether the machine is up");
    let net = Net::kept_in(&kitchen.state("world/net")).unwrap();
    net.switch_on("grogu", sim::Computer::named("grogu", [LAN.host(12).ip()]));
    drop(net);
    assert_eq!(kitchen.run("doctor").exit, Exit::Done);
}

#[test]
fn the_doctor_compares_the_clocks_of_real_machines_with_ours() {
    let net = Net::new();
    net.switch_on("din", sim::Computer::named("din", [LAN.host(11).ip()]));
    net.switch_on("grogu", sim::Computer::named("grogu", [LAN.host(12).ip()]));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    // Its clock stands still in 2025.
    net.machine("grogu").unwrap().pass(now - 1_750_000_000);
    let mut kitchen = Kitchen::live(two_machines);
    kitchen.machines = Some(net);
    let said = kitchen.run("doctor");
    assert_eq!(said.exit, Exit::Unsound, "{said}");
    assert!(said.stdout.contains("wrong  host/computer/din: its clock is -"), "{said}");
    assert!(said.stdout.contains("timedatectl set-ntp true"), "{said}");
    assert!(said.stdout.contains("ok    host/computer/grogu answers, and its clock is right"), "{said}");
}
