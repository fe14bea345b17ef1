//! What a template has and its clones cannot change: firmware, and whether cloud-init sets it up. Carried by types.
use serde::Serialize;

/// SeaBIOS.
#[derive(Clone, Copy, Debug)]
pub enum Bios {}
/// UEFI: OVMF, machine `q35` and a disk for its variables, always together.
#[derive(Clone, Copy, Debug)]
pub enum Uefi {}
/// Without cloud-init.
#[derive(Clone, Copy, Debug)]
pub enum NoCloudInit {}
/// With a cloud-init drive: user, keys and addresses can be given.
#[derive(Clone, Copy, Debug)]
pub enum CloudInit {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Bios {}
    impl Sealed for super::Uefi {}
    impl Sealed for super::NoCloudInit {}
    impl Sealed for super::CloudInit {}
}

/// The kinds of firmware: [`Bios`] and [`Uefi`].
pub trait Firmware: sealed::Sealed + 'static {
    #[doc(hidden)]
    const IS: FirmwareKind;
}
impl Firmware for Bios {
    const IS: FirmwareKind = FirmwareKind::Bios;
}
impl Firmware for Uefi {
    const IS: FirmwareKind = FirmwareKind::Uefi;
}

/// With or without cloud-init: [`CloudInit`] and [`NoCloudInit`].
pub trait Setup: sealed::Sealed + 'static {
    #[doc(hidden)]
    const CLOUD_INIT: bool;
}
impl Setup for NoCloudInit {
    const CLOUD_INIT: bool = false;
}
impl Setup for CloudInit {
    const CLOUD_INIT: bool = true;
}

/// A firmware as data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FirmwareKind {
    /// SeaBIOS.
    Bios,
    /// OVMF.
    Uefi,
}

/// Holds for UEFI.
#[diagnostic::on_unimplemented(
    message = "only UEFI has Secure Boot",
    label = "this template boots with SeaBIOS",
    note = "choose the firmware first: `.uefi().secure_boot()`"
)]
pub trait IsUefi: Firmware {}
impl IsUefi for Uefi {}

/// Holds for guests that cloud-init sets up.
#[diagnostic::on_unimplemented(
    message = "this guest has no cloud-init, so nobody in it would take this setting",
    label = "its template has no cloud-init drive",
    note = "add it to the template: `Template::ubuntu_24_04(9000).on(node).cloud_init()`"
)]
pub trait HasCloudInit: Setup {}
impl HasCloudInit for CloudInit {}

/// Holds for nothing: it is what a clone's firmware setter asks for, so that the compiler says why there is none.
#[diagnostic::on_unimplemented(
    message = "a clone has the firmware of its template",
    label = "the firmware cannot be chosen here",
    note = "choose it on the template: `Template::ubuntu_24_04(9000).on(node).uefi()`; an empty guest is `Vm::blank().uefi()`"
)]
pub trait ChoosesFirmware {}
