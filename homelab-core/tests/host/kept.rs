//! A network of simulated machines that outlives the process.
use homelab_core::{
    Permit,
    host::{Action, Batch, Command, HostPath, Machine, Network, Spot, probe},
    sim::{Computer, Net, Wire},
};
use std::{fs, net::IpAddr, path::Path, sync::Arc};

const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 0, 11));

fn machine(net: &Arc<Net>) -> Arc<dyn Machine> {
    Wire(Arc::clone(net)).machine(&Spot::at(ADDRESS)).unwrap()
}

fn open(dir: &Path) -> Arc<Net> {
    Arc::new(Net::kept_in(dir).unwrap())
}

fn written(content: &[u8]) -> Batch {
    let mut batch = Batch::new();
    let path = HostPath::new(b"/etc/a \xff".to_vec()).unwrap();
    let owner = None;
    batch.act(&Permit::for_tests(), Action::Write { path, content: content.into(), mode: 0o640, owner });
    batch
}

#[tokio::test]
async fn what_is_written_to_a_machine_is_there_after_the_process_has_gone() {
    let dir = tempfile::tempdir().unwrap();
    let net = open(dir.path());
    net.switch_on("din", Computer::named("din", [ADDRESS]));
    machine(&net).run(&written(b"\xfe binary")).await.unwrap()[0].clone().unwrap();
    let before = net.inventory();
    drop(net);
    let net = open(dir.path());
    assert_eq!(net.inventory(), before);
    assert_eq!(net.at(ADDRESS).unwrap().0, "din");
    net.discard("din");
    drop(net);
    assert!(open(dir.path()).computer("din").is_none());
}

#[tokio::test]
async fn looking_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let net = open(dir.path());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    net.switch_on("din", Computer::named("din", [ADDRESS]));
    let file = dir.path().join("world.json");
    fs::remove_file(&file).unwrap();
    let mut batch = Batch::new();
    batch.ask(probe::system());
    batch.ask(probe::command(Command::new("true")));
    machine(&net).run(&batch).await.unwrap();
    net.switch_on("din", Computer::named("din", [ADDRESS]));
    assert!(!file.exists());
}

#[tokio::test]
async fn a_machine_whose_disk_cannot_be_kept_says_so_to_whoever_writes() {
    let dir = tempfile::tempdir().unwrap();
    let net = open(dir.path());
    net.switch_on("din", Computer::named("din", [ADDRESS]));
    fs::create_dir(dir.path().join("world.json.new")).unwrap();
    let said = machine(&net).run(&written(b"x")).await.unwrap_err().to_string();
    assert!(said.contains("cannot keep the simulated network in"), "{said}");
}
