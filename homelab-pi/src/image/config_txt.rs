//! What the firmware reads: which kernel a board starts, and whether all that it needs for that lies beside it.
use crate::Board;

/// Whether the firmware starts something on this board, and what it names is there. `names` are the files beside it, in small letters.
///
/// Lines before any section and those after `[all]` are for every board, a later line wins
/// (<https://www.raspberrypi.com/documentation/computers/config_txt.html>, conditional filters). What is behind a filter that depends on
/// something else, as a monitor, is not counted upon.
pub(super) fn started(config: &str, board: Board, names: &[String]) -> Result<String, String> {
    let (mut within, mut kernel, mut stub) = (true, None, None);
    for line in config.lines().map(str::trim) {
        match line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            Some(name) => within = name == "all" || name == board.section(),
            None if within => match line.split_once('=') {
                Some(("kernel", file)) => kernel = Some(file.trim()),
                Some(("armstub", file)) => stub = Some(file.trim()),
                _ => {}
            },
            None => {}
        }
    }
    let kernel = kernel.ok_or_else(|| {
        format!("it has no kernel in a section [{}] or for all: the {board} would not start", board.section())
    })?;
    let is_there = |file: &str| names.contains(&file.to_ascii_lowercase());
    if let Some(missing) = [Some(kernel), stub].into_iter().flatten().find(|file| !is_there(file)) {
        return Err(format!("it names {missing}, which is not there"));
    }
    let tree = board.device_tree();
    match board.checks_its_tree() && !is_there(tree) {
        true => Err(format!("{tree} is not beside it: the boot loader of the {board} would refuse the card")),
        false => Ok(format!("the {board} starts {kernel}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::Untested;

    /// As nixos-hardware renders it (`raspberry-pi/common/config-txt-defaults.nix`, with U-Boot enabled).
    const HARDWARE: &str =
        "[all]\narm_64bit=1\nenable_uart=1\nkernel=u-boot.bin\n[all]\n[cm4]\notg_mode=1\n[all]\n[pi5]\nenable_uart=0\n";

    fn names(all: &[&str]) -> Vec<String> {
        all.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_line_for_all_counts_unless_one_for_the_board_comes_later() {
        let files = names(&["u-boot.bin", "other.bin", "bcm2712-rpi-5-b.dtb"]);
        let pi5 = Board::Pi5(Untested);
        assert_eq!(started(HARDWARE, pi5, &files).unwrap(), "the Raspberry Pi 5 starts u-boot.bin");
        assert_eq!(started("kernel=u-boot.bin", Board::Pi3, &files).unwrap(), "the Raspberry Pi 3 starts u-boot.bin");
        let own = format!("{HARDWARE}kernel=other.bin\n[pi4]\nkernel=u-boot.bin\n");
        assert_eq!(started(&own, pi5, &files).unwrap(), "the Raspberry Pi 5 starts other.bin");
        let elsewhere = "[pi4]\nkernel=u-boot.bin\n[gpio4=1]\nkernel=u-boot.bin\n";
        assert!(started(elsewhere, pi5, &files).unwrap_err().contains("no kernel in a section [pi5] or for all"));
    }

    #[test]
    fn the_model_5_wants_to_see_its_device_tree_first() {
        let (files, pi5) = (names(&["u-boot.bin"]), Board::Pi5(Untested));
        let why = started(HARDWARE, pi5, &files).unwrap_err();
        assert_eq!(
            why,
            "bcm2712-rpi-5-b.dtb is not beside it: the boot loader of the Raspberry Pi 5 would refuse the card"
        );
        assert!(started(HARDWARE, Board::Pi4, &files).is_ok(), "the others take it from the root");
    }
}
