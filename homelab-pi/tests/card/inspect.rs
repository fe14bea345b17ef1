//! An image is looked into without root and without a loop device.
use super::{CONFIG, image, image_with};
use homelab_pi::{
    Board,
    board::Untested,
    image::{Inspection, inspect},
};
use std::io::Cursor;

fn look(image: Vec<u8>, board: Board) -> Inspection {
    inspect(Cursor::new(image), board).unwrap()
}

fn replaced(mut image: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let places: Vec<usize> =
        image.windows(from.len()).enumerate().filter(|(_, w)| *w == from).map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| image[at..at + to.len()].copy_from_slice(to));
    image
}

#[test]
fn a_good_image_boots_the_system_that_it_holds() {
    for board in [Board::Pi3, Board::Pi4] {
        let look = look(image(CONFIG), board);
        assert_eq!(look.faults(), Vec::<String>::new());
        assert!(look.system.unwrap().ends_with("-nixos-system-pihole-25.11"));
    }
}

/// The first partition as nixos-hardware fills it for the model 5.
const MODEL_5: [(&str, &str); 3] = [
    ("config.txt", "[all]\narm_64bit=1\nkernel=u-boot.bin\n[all]\n[pi5]\nenable_uart=0\n"),
    ("u-boot.bin", "u-boot"),
    ("bcm2712-rpi-5-b.dtb", "tree"),
];

#[test]
fn an_image_for_the_model_5_has_its_settings_its_boot_loader_and_its_device_tree() {
    let faults = |files: &[_]| look(image_with(files), Board::Pi5(Untested)).faults();
    assert_eq!(faults(&MODEL_5), Vec::<String>::new());
    // U-Boot gets the firmware's tree where it is not told of another.
    let without = replaced(image_with(&MODEL_5), b"  FDTDIR ", b"# FDTDIR ");
    assert_eq!(look(without, Board::Pi5(Untested)).faults(), Vec::<String>::new());
    assert_eq!(faults(&[MODEL_5[0], MODEL_5[2]]), ["config.txt: it names u-boot.bin, which is not there"]);
    let told =
        "config.txt: bcm2712-rpi-5-b.dtb is not beside it: the boot loader of the Raspberry Pi 5 would refuse the card";
    assert_eq!(faults(&MODEL_5[..2]), [told]);
    let other = replaced(image_with(&MODEL_5), b"bcm2712-rpi-5-b.dtb\0", b"bcm2712-rpi-9-b.dtb\0");
    let missing =
        "extlinux.conf: it starts /boot/nixos/dddd-device-tree/broadcom/bcm2712-rpi-5-b.dtb, which is not there";
    assert_eq!(look(other, Board::Pi5(Untested)).faults(), [missing]);
}

#[test]
fn the_stock_image_does_not_start_the_model_5_and_that_is_told() {
    let faults = look(image(CONFIG), Board::Pi5(Untested)).faults();
    assert_eq!(
        faults,
        ["config.txt: it has no kernel in a section [pi5] or for all: the Raspberry Pi 5 would not start"]
    );
}

#[test]
fn what_is_missing_is_named() {
    let faults = |image| look(image, Board::Pi4).faults();
    let named = CONFIG.replace("u-boot-rpi4.bin", "another.bin");
    assert_eq!(faults(image(&named)), ["config.txt: it names another.bin, which is not there"]);
    let kernel = replaced(image(CONFIG), b"../nixos/aaaa-Image", b"../nixos/zzzz-Image");
    assert_eq!(faults(kernel), ["extlinux.conf: it starts /boot/nixos/zzzz-Image, which is not there"]);
    let label = replaced(image(CONFIG), b"DEFAULT nixos-default", b"DEFAULT other-default");
    assert_eq!(faults(label), ["extlinux.conf: its default is no entry of it"]);
    let system = replaced(image(CONFIG), b"init=/nix/store/0v4", b"init=/nix/store/1v4");
    assert!(faults(system)[0].ends_with("is not in the store"));
    let firmware = replaced(image(CONFIG), b"FIRMWARE   ", b"ANOTHER    ");
    assert_eq!(faults(firmware), ["firmware: it is called `ANOTHER`, not FIRMWARE"]);
}

#[test]
fn an_image_that_is_cut_off_or_none_at_all_is_told() {
    let mut cut = image(CONFIG);
    cut.truncate(cut.len() - 4096);
    assert_eq!(look(cut, Board::Pi4).faults(), ["partitions: the image ends 4096 bytes before its last partition"]);
    assert_eq!(look(vec![0; 4096], Board::Pi4).faults(), ["partitions: its first sector has no boot signature"]);
    assert_eq!(look(vec![], Board::Pi4).faults(), ["partitions: it is shorter than a sector"]);
}
