//! The system itself: who logs in, what is kept, what the card is spared.
use super::expr::{Binding, Expr, bind};
use super::{flake::needs_hardware, render::name};
use crate::{Board, Pi, Release};

/// What every file may use: said once.
pub(super) fn constants(pi: &Pi) -> Expr {
    let names = ["hostName", "stateVersion", "timeZone"];
    Expr::Set(names.map(|name| bind(name, constant(pi, name).value().clone())).into())
}

/// One of the constants.
pub(super) fn constant(pi: &Pi, name: &'static str) -> Expr {
    let text = match name {
        "hostName" => pi.name,
        "stateVersion" => pi.state_version,
        _ => pi.time_zone,
    };
    Expr::Constant(name, Box::new(text.into()))
}

/// The module.
pub(super) fn bindings(pi: &Pi) -> Vec<Binding> {
    let key = Expr::set([("path", HOST_KEY.into()), ("type", "ed25519".into())]);
    let mut all = vec![
        bind("system.stateVersion", constant(pi, "stateVersion")),
        bind("time.timeZone", constant(pi, "timeZone")),
        // What the Pi is: read back by a plan.
        bind("environment.etc.\"homelab/pi.json\".source", Expr::Path("./description.json")),
        bind("users.mutableUsers", false),
        bind(
            format!("users.users.{}", name(pi.login.user)),
            Expr::set([
                ("isNormalUser", true.into()),
                ("extraGroups", Expr::list(["wheel"])),
                ("openssh.authorizedKeys.keys", Expr::list(pi.login.keys.iter().copied())),
            ]),
        ),
        // Nobody has a password, so none can be asked for.
        bind("security.sudo.wheelNeedsPassword", false),
        bind(
            "services.openssh",
            Expr::set([
                ("enable", true.into()),
                ("hostKeys", vec![key].into()),
                (
                    "settings",
                    Expr::set([
                        ("PasswordAuthentication", false.into()),
                        ("KbdInteractiveAuthentication", false.into()),
                        ("PermitRootLogin", Expr::Force(Box::new("no".into()))),
                        ("X11Forwarding", false.into()),
                    ]),
                ),
            ]),
        ),
        // A deploy copies what was built elsewhere and is signed by nobody.
        bind("nix.settings.trusted-users", Expr::list(["root", "@wheel"])),
        bind("nix.settings.experimental-features", Expr::list(["nix-command", "flakes"])),
        // Collected by age a generation to go back to could be lost; by number it cannot.
        bind(
            "nix.gc",
            Expr::set([("automatic", true.into()), ("dates", "weekly".into()), ("persistent", true.into())]),
        ),
        bind(
            "systemd.services.nix-gc.preStart",
            Expr::Lines(format!(
                "${{config.nix.package}}/bin/nix-env --profile /nix/var/nix/profiles/system --delete-generations +{}\n",
                pi.generations
            )),
        ),
        bind("boot.loader.generic-extlinux-compatible.configurationLimit", pi.generations),
        // The card: nothing is written for having been read, no log, no swap.
        bind("fileSystems.\"/\".options", Expr::list(["noatime"])),
        bind("services.journald.extraConfig", Expr::Lines("Storage=volatile\nRuntimeMaxUse=64M\n".into())),
        bind("swapDevices", Expr::list::<Expr>([])),
        bind("zramSwap.enable", true),
        bind("services.timesyncd.enable", true),
        bind("services.timesyncd.servers", Expr::list(pi.ntp.iter().copied())),
        // Never by name.
        bind("services.timesyncd.fallbackServers", Expr::list::<Expr>([])),
        // Verification asks Unbound from the Pi itself.
        bind("environment.systemPackages", Expr::List(vec![Expr::Package("pkgs.dig")])),
        bind("sdImage.compressImage", true),
        image_name(pi),
    ];
    all.extend(watchdog(pi.system.release));
    all.extend(firmware(pi.board));
    all
}

/// Where the private host key is, on the Pi.
pub(crate) const HOST_KEY: &str = "/var/lib/homelab/ssh_host_ed25519_key";

fn image_name(pi: &Pi) -> Binding {
    match pi.system.release.has_image_options() {
        true => bind("image.baseName", pi.name),
        false => bind("sdImage.imageBaseName", pi.name),
    }
}

/// What starts the model 5: U-Boot for all 64-bit boards, which the stable releases do not have ready-made. nixos-hardware puts it onto the
/// first partition, with the settings and the device trees that the boot loader in the EEPROM wants to see there
/// (`raspberry-pi/common/firmware.nix` there, from June 2026 on).
fn firmware(board: Board) -> Vec<Binding> {
    if !needs_hardware(board) {
        return vec![];
    }
    let uboot = Expr::set([
        ("defconfig", "rpi_arm64_defconfig".into()),
        ("extraMeta", Expr::set([("platforms", Expr::list(["aarch64-linux"]))])),
        ("filesToInstall", Expr::list(["u-boot.bin"])),
    ]);
    let package = Expr::Call("pkgs.buildUBoot", Box::new(uboot));
    vec![bind("hardware.raspberry-pi.firmware.uboot", Expr::set([("enable", true.into()), ("package", package)]))]
}

/// A Pi that hangs starts anew.
fn watchdog(release: Release) -> Vec<Binding> {
    match release.has_systemd_settings() {
        true => vec![bind(
            "systemd.settings.Manager",
            Expr::set([("RuntimeWatchdogSec", "15s".into()), ("RebootWatchdogSec", "2min".into())]),
        )],
        false => vec![bind("systemd.watchdog.runtimeTime", "15s"), bind("systemd.watchdog.rebootTime", "2min")],
    }
}
