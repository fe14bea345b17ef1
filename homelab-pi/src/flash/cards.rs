//! Where cards are: in this machine's devices, or wherever a simulator has them.
use super::{Device, Target, open, write::WriteError};
use homelab_core::Failure;
use std::path::Path;

/// Devices that cards are in.
pub trait Cards: Send + Sync {
    /// Looks at a device.
    ///
    /// # Errors
    /// When there is none.
    fn find(&self, path: &Path) -> Result<Device, Failure>;

    /// Unmounts what a desktop has mounted of it by itself.
    ///
    /// # Errors
    /// When it is in use.
    fn unmount(&self, device: &Device) -> Result<(), Failure>;

    /// Opens it for ourselves alone.
    ///
    /// # Errors
    /// When somebody else uses it, or it may not be written.
    fn open(&self, device: &Device) -> Result<Box<dyn Target>, Failure>;
}

/// The devices of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Devices;

impl Cards for Devices {
    fn find(&self, path: &Path) -> Result<Device, Failure> {
        open::find(path)
    }
    fn unmount(&self, device: &Device) -> Result<(), Failure> {
        open::unmount(device)
    }
    fn open(&self, device: &Device) -> Result<Box<dyn Target>, Failure> {
        Ok(Box::new(open::open(device)?))
    }
}

/// Whether it is still the device that was looked at.
///
/// # Errors
/// When it is another one now, or gone.
pub(crate) fn same(cards: &dyn Cards, device: &Device) -> Result<(), Failure> {
    let now = cards.find(&device.path).map_err(|gone| gone.hint("is the card still in? Begin again"))?;
    match now.is_same(device) {
        true => Ok(()),
        false => Err(Failure::new(format!("{} is another device now: {now}", device.path.display()))
            .hint("the card was changed; begin again")),
    }
}

/// What went wrong, with the way out.
pub(crate) fn failed(device: &Device, error: &WriteError) -> Failure {
    let hint = match error {
        WriteError::Image(_) | WriteError::NoImage(_) => "build the image anew: `pi build`",
        WriteError::Secrets(_) => "the image is not one that `pi build` made, or its first partition is full",
        WriteError::TooSmall(_) => "take a larger card",
        WriteError::Card { .. } => "is it still in? The card does not boot as it is: begin again, or take another card",
        WriteError::Different { .. } => "the card is worn out, or sells for more than it is: take another one",
    };
    Failure::new(format!("{device}: {error}")).hint(hint)
}
