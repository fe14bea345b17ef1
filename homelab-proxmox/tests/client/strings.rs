//! Configuration values both ways: those that a real 8.4.21 answered and took, and any that can be thought up.
//!
//! The recorded values are copied from the recording; where it blanked a MAC address or UUID, one is filled in.
use homelab_proxmox::api::{
    ConfigString, DiskSize, Tags, VolumeId,
    qemu::{
        Agent, Boot, Bus, Cpu, Description, Disk, DiskSource, EfiDisk, HostPci, Ip4, Ip6, IpConfig, Mac, Net, Serial,
        Slot, SshKeys, Startup, TpmState, Usb, Vga,
    },
};
use proptest::{collection::btree_map, option, prelude::*};
use std::fmt::Debug;

/// Values that the server answered: they print back exactly as they came.
fn answered<T: ConfigString + Debug>(texts: &[&str]) {
    for text in texts {
        let value: T = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(value.to_string(), *text);
    }
}

/// Values that are written differently: they mean the same after printing and parsing.
fn taken<T: ConfigString + Debug>(pairs: &[(&str, &str)]) {
    for (text, printed) in pairs {
        let value: T = text.parse().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(value.to_string(), *printed);
        assert!(value.same(&printed.parse().unwrap()), "{text}");
    }
}

/// Values that the server refused, and so do we.
fn refused<T: ConfigString + Debug>(texts: &[&str]) {
    for text in texts {
        assert!(text.parse::<T>().is_err(), "{text}");
    }
}

#[test]
fn recorded_network_devices_print_as_they_came() {
    answered::<Net>(&[
        "e1000=52:54:00:AB:CD:04,bridge=vmbr1",
        "virtio=52:54:00:AB:CD:01,bridge=vmbr0,firewall=1,rate=10,tag=7",
        "virtio=52:54:00:AB:CD:04,bridge=vmbr1",
        "virtio=52:54:00:AB:CD:11,bridge=vmbr0",
        "virtio=BC:24:11:00:00:01,bridge=vmbr0",
        "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=0",
        "virtio=BC:24:11:00:00:01,bridge=vmbr77",
        "e1000=BC:24:11:00:00:01,bridge=vmbr1",
        "virtio=52:54:00:AB:CD:03,bridge=vmbr1",
        "virtio,bridge=vmbr0",
        "virtio,bridge=vmbr77",
        "e1000,bridge=vmbr1",
        "virtio=52:54:00:AB:CD:60,bridge=vmbr0,firewall=1",
    ]);
    taken::<Net>(&[
        ("bridge=vmbr0,model=virtio,firewall=0", "virtio,bridge=vmbr0,firewall=0"),
        (
            "virtio=52:54:00:AB:CD:01,bridge=vmbr0,firewall=1,tag=7,rate=10",
            "virtio=52:54:00:AB:CD:01,bridge=vmbr0,firewall=1,rate=10,tag=7",
        ),
        ("virtio,bridge=vmbr0,macaddr=52:54:00:ab:cd:02", "virtio=52:54:00:AB:CD:02,bridge=vmbr0"),
        ("virtio=52:54:00:ab:cd:02,bridge=vmbr0", "virtio=52:54:00:AB:CD:02,bridge=vmbr0"),
        ("virtio,bridge=vmbr0,colour=blue", "virtio,bridge=vmbr0,colour=blue"),
    ]);
    refused::<Net>(&["bridge=vmbr0", "virtio=zz:zz,bridge=vmbr0"]);
}

#[test]
fn recorded_disks_print_as_they_came() {
    answered::<Disk>(&[
        "local:7111/vm-7111-cloudinit.qcow2,media=cdrom",
        "none,media=cdrom",
        "local:cloudinit",
        "local:iso/none.iso,media=cdrom",
        "local:7042/vm-7042-disk-0.vmdk,backup=0,size=1G",
        "local:7041/vm-7041-disk-1.raw,discard=on,iothread=1,size=1G,ssd=1",
        "local:7042/vm-7042-disk-1.raw,size=1G",
        "local:7060/vm-7060-disk-0.qcow2,size=1G",
        "local:7061/vm-7061-disk-0.qcow2,size=3G",
        "local:7062/vm-7062-disk-0.qcow2,size=128M",
        "local:7070/base-7070-disk-0.qcow2,size=1G",
        "local:7070/base-7070-disk-0.qcow2/7073/vm-7073-disk-0.qcow2,size=1G",
        "local:110/base-110-disk-1.raw/112/vm-112-disk-1.qcow2",
        "local:7074/vm-7074-disk-0.raw,size=1G",
        "local:7077/vm-7077-disk-0.qcow2,size=2G",
        "local:9000/base-9000-disk-1.qcow2,size=128M",
        "local:7042/vm-7042-disk-2.qcow2,cache=writeback,size=2G",
        "local:7060/vm-7060-disk-1.qcow2,cache=none,discard=on,size=1G",
        "local:7060/vm-7060-disk-1.qcow2",
        "local:7060/vm-7060-disk-2.raw,iothread=1,size=1G",
        "local:7042/vm-7042-disk-3.qcow2,size=512M",
        "local:7061/vm-7061-disk-0.qcow2,size=1124M",
        "local:1",
        "local:1,format=qcow2",
        "local:1,format=raw,iothread=1",
        "local:0.5,format=qcow2",
        "nowhere:4",
        "local:4,import-from=local:import/miniguest.qcow2",
        "local:0,import-from=local:import/none.qcow2",
        "/dev/null",
        "local:abc",
    ]);
    taken::<Disk>(&[
        ("local:1,iothread=1,discard=on,ssd=1", "local:1,discard=on,iothread=1,ssd=1"),
        ("local:1,format=vmdk,backup=0", "local:1,backup=0,format=vmdk"),
        ("local:2,format=qcow2,cache=writeback", "local:2,cache=writeback,format=qcow2"),
        (
            "local:0,import-from=local:import/miniguest.qcow2,format=qcow2",
            "local:0,format=qcow2,import-from=local:import/miniguest.qcow2",
        ),
    ]);
    for (text, storage) in
        [("local:7104/vm-7104-disk-0.qcow2", "local"), ("local:1", "local"), ("nowhere:4", "nowhere")]
    {
        assert_eq!(text.parse::<Disk>().unwrap().source.storage(), Some(storage));
    }
    for text in ["local:7060/vm-7060-disk-1.qcow2", "local:7060/vm-7060-disk-2.raw", "local:7140/vm-7140-disk-1.raw"] {
        assert_eq!(text.parse::<VolumeId>().unwrap().to_string(), text);
    }
}

#[test]
fn recorded_firmware_disks_print_as_they_came() {
    answered::<EfiDisk>(&[
        "local:7041/vm-7041-disk-0.qcow2,efitype=4m,pre-enrolled-keys=0,size=528K",
        "local:7100/vm-7100-disk-0.raw,efitype=4m,pre-enrolled-keys=0,size=528K",
        "local:9000/base-9000-disk-0.raw,efitype=4m,size=528K",
        "local:1,efitype=4m,pre-enrolled-keys=0",
    ]);
    taken::<EfiDisk>(&[(
        "local:1,efitype=4m,pre-enrolled-keys=0,format=qcow2",
        "local:1,efitype=4m,format=qcow2,pre-enrolled-keys=0",
    )]);
    answered::<TpmState>(&["local:7041/vm-7041-disk-2.raw,size=4M,version=v2.0", "local:1,version=v2.0"]);
}

#[test]
fn recorded_settings_print_as_they_came() {
    answered::<Agent>(&["enabled=1"]);
    taken::<Agent>(&[
        ("0", "enabled=0"),
        ("1", "enabled=1"),
        ("1,fstrim_cloned_disks=1", "enabled=1,fstrim_cloned_disks=1"),
        ("enabled=1,type=virtio", "enabled=1,type=virtio"),
    ]);
    refused::<Agent>(&["maybe"]);
    answered::<Boot>(&[
        "cdn",
        "order=ide2;net0",
        "order=net0",
        "order=scsi0",
        "order=scsi0;ide2",
        "order=scsi3;ide2;net0",
    ]);
    taken::<Boot>(&[(" ", "order=")]);
    taken::<IpConfig>(&[("ip=10.1.2.3/24,gw=10.1.2.1", "gw=10.1.2.1,ip=10.1.2.3/24")]);
    refused::<IpConfig>(&["ip=10.0.0.5", "ip=10.0.0.5/24,gw=nope"]);
    taken::<Startup>(&[("3", "order=3"), ("order=2,up=30,down=60", "order=2,down=60,up=30")]);
    refused::<Startup>(&["order=x"]);
    answered::<Cpu>(&["host", "x86-64-v2-AES,flags=+aes;-pcid"]);
    taken::<Cpu>(&[("cputype=host", "host")]);
    answered::<Vga>(&["serial0"]);
    taken::<Vga>(&[("type=std,memory=32", "std,memory=32")]);
    answered::<Serial>(&["socket", "/dev/ttyS0"]);
    answered::<HostPci>(&["mapping=parity-pci,pcie=1", "0000:00:01.0", "mapping=parity-none"]);
    taken::<HostPci>(&[("host=0000:00:01.0,pcie=1", "0000:00:01.0,pcie=1")]);
    answered::<Usb>(&["spice"]);
    taken::<Usb>(&[("host=1234:5678", "1234:5678")]);
}

#[test]
fn recorded_texts_print_as_they_came() {
    answered::<Tags>(&["a;b", "a;b;c", "run", ""]);
    taken::<Tags>(&[("Zeta;alpha,beta;alpha", "alpha;beta;zeta"), (" B ; a , a ; c ", "a;b;c"), ("b;A", "a;b")]);
    refused::<Tags>(&["a b,c!d"]);
    answered::<SshKeys>(&[
        "ssh-ed25519%20AAAAC3NzaC1lZDI1NTE5AAAAIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw%20ada%40home%0A",
    ]);
    answered::<Description>(&["line one\nline two: ümlaut 中文 % ; #tag\n\n last", "tail space", "two\nlines", ""]);
    taken::<Description>(&[("tail space  \n\n", "tail space"), ("hello\n", "hello")]);
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9]{0,7}"
}

fn other() -> impl Strategy<Value = homelab_proxmox::api::Other> {
    btree_map("x[a-z]{1,6}", "[A-Za-z0-9:;/.=_-]{1,12}", 0..3)
}

fn storage() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9_.-]{1,9}"
}

fn size() -> impl Strategy<Value = DiskSize> {
    (0..1_u64 << 45).prop_map(DiskSize::bytes)
}

fn source() -> impl Strategy<Value = DiskSource> {
    prop_oneof![
        Just(DiskSource::Empty),
        Just(DiskSource::HostDrive),
        // Not finer than bytes of a small disk: a number of GiB with more than nine decimals is rounded.
        (storage(), 0..1_u64 << 20).prop_map(|(storage, mib)| DiskSource::allocate(storage, DiskSize::mib(mib))),
        storage().prop_map(|storage| DiskSource::CloudInit { storage }),
        (storage(), "[a-z0-9]{1,5}/[a-z][A-Za-z0-9.-]{1,12}")
            .prop_map(|(storage, name)| DiskSource::Volume(VolumeId::new(storage, name))),
    ]
}

prop_compose! {
    fn disk()(
        source in source(), cdrom in any::<bool>(), size in option::of(size()), cache in option::of(word()),
        flags in any::<[Option<bool>; 6]>(), aio in option::of(word()), serial in option::of("[A-Za-z0-9%]{1,9}"),
        format in option::of(word()), import in option::of("local:import/[a-z]{1,5}"), other in other(),
    ) -> Disk {
        let [discard, ssd, iothread, backup, replicate, read_only] = flags;
        Disk {
            source, cdrom, size, cache, discard, ssd, iothread, aio, backup, replicate, read_only, serial, format,
            import_from: import, other,
        }
    }
}

prop_compose! {
    fn net()(
        model in prop::sample::select(vec!["virtio", "e1000", "e1000-82540em", "vmxnet3", "ne2k_pci"]),
        mac in option::of(any::<[u8; 6]>()), bridge in option::of(word()), tag in option::of(1..=4094_u16),
        trunks in option::of("[1-9]{1,3}(;[1-9]{1,3}){0,2}"), firewall in any::<Option<bool>>(),
        link_down in any::<Option<bool>>(), mtu in option::of(1..65520_u32), queues in option::of(0..=64_u16),
        rate in option::of(0.0..10_000.0_f64), other in other(),
    ) -> Net {
        let mac = mac.map(|mut bytes| { bytes[0] &= 0xFE; Mac::new(bytes) });
        Net { model: model.to_owned(), mac, bridge, tag, trunks, firewall, link_down, mtu, queues, rate, other }
    }
}

fn slot() -> impl Strategy<Value = Slot> {
    let buses = [Bus::Ide, Bus::Sata, Bus::Scsi, Bus::Virtio, Bus::Efidisk, Bus::Tpmstate, Bus::Unused];
    prop::sample::select(buses.to_vec())
        .prop_flat_map(|bus| (Just(bus), 0..bus.places()))
        .prop_map(|(bus, place)| Slot::of(bus, place).unwrap())
}

fn returns<T: ConfigString + Debug>(value: &T) {
    let text = value.to_string();
    let again: T = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(&again, value, "{text}");
    assert_eq!(again.to_string(), text);
    assert!(value.same(&value.canonical()), "{text}");
    assert_eq!(value.canonical(), value.canonical().canonical());
}

proptest! {
    #[test]
    fn any_disk_returns(disk in disk()) {
        returns(&disk);
    }

    #[test]
    fn any_network_device_returns(net in net()) {
        returns(&net);
    }

    #[test]
    fn any_firmware_disk_returns(source in source(), efitype in option::of(word()), keys in any::<Option<bool>>(), size in option::of(size()), other in other()) {
        returns(&EfiDisk { source: source.clone(), efitype: efitype.clone(), pre_enrolled_keys: keys, format: None, size, other: other.clone() });
        returns(&TpmState { source, version: efitype, size, other });
    }

    #[test]
    fn any_address_returns(
        ip in option::of(prop_oneof![Just(Ip4::Dhcp), (any::<[u8; 4]>(), 0..=32_u8).prop_map(|(a, p)| Ip4::Fixed(a.into(), p))]),
        gateway in option::of(any::<[u8; 4]>()),
        ip6 in option::of(prop_oneof![Just(Ip6::Dhcp), Just(Ip6::Auto), (any::<[u8; 16]>(), 0..=128_u8).prop_map(|(a, p)| Ip6::Fixed(a.into(), p))]),
        gateway6 in option::of(any::<[u8; 16]>()),
        other in other(),
    ) {
        returns(&IpConfig { ip, gateway: gateway.map(Into::into), ip6, gateway6: gateway6.map(Into::into), other });
    }

    #[test]
    fn any_setting_returns(
        word in option::of(word()), flags in any::<[Option<bool>; 3]>(), numbers in any::<[Option<u32>; 3]>(), on in any::<bool>(), other in other(),
    ) {
        let [a, b, c] = flags;
        let [order, up, down] = numbers;
        returns(&Agent { enabled: on, fstrim_cloned_disks: a, freeze: b, channel: word.clone(), other: other.clone() });
        returns(&HostPci { host: None, mapping: word.clone(), pcie: a, rombar: b, x_vga: c, mdev: None, other: other.clone() });
        returns(&Usb { host: word.clone(), mapping: None, usb3: a, other: other.clone() });
        returns(&Vga { kind: word.clone(), memory: order, other: other.clone() });
        returns(&Cpu { kind: word, flags: None, hidden: a, other: other.clone() });
        returns(&Startup { order, up, down, other });
    }

    #[test]
    fn any_slot_size_and_boot_order_returns(slots in prop::collection::vec(slot(), 0..6), size in size()) {
        for slot in &slots {
            prop_assert_eq!(slot.to_string().parse::<Slot>().unwrap(), *slot);
        }
        prop_assert_eq!(size.to_string().parse::<DiskSize>().unwrap(), size);
        returns(&Boot::order(slots));
    }

    #[test]
    fn any_text_returns(notes in any::<String>(), keys in prop::collection::vec("[ -~äß中]{1,40}", 0..4), tags in prop::collection::vec("[A-Za-z0-9_][A-Za-z0-9_+.-]{0,8}", 0..5)) {
        returns(&Description::new(notes));
        returns(&SshKeys::new(keys));
        returns(&tags.join(";").parse::<Tags>().unwrap());
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in any::<String>(), list in "[a-z0-9=,:;/.-]{0,40}") {
        for text in [text, list] {
            let _ = (text.parse::<Disk>(), text.parse::<Net>(), text.parse::<IpConfig>(), text.parse::<EfiDisk>());
            let _ = (text.parse::<Agent>(), text.parse::<Boot>(), text.parse::<Startup>(), text.parse::<HostPci>());
            let _ = (text.parse::<Slot>(), text.parse::<DiskSize>(), text.parse::<VolumeId>(), text.parse::<Tags>());
            let _ = (text.parse::<SshKeys>(), text.parse::<Mac>(), text.parse::<homelab_proxmox::client::Upid>());
            let _ = (text.parse::<homelab_proxmox::client::Endpoint>(), text.parse::<homelab_proxmox::client::Fingerprint>());
        }
    }
}
