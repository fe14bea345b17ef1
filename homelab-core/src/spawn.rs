//! Work in the background.
use std::pin::Pin;
use tokio::task::JoinHandle;

/// Begins work in the background of the runtime that this runs in. All of it is of one type to the runtime: what tokio makes of a type
/// is 250 functions, which every build of a lab would read for each piece of work anew.
///
/// # Panics
/// Outside of a runtime of tokio.
pub fn spawn(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    let work: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(work);
    tokio::spawn(work)
}
