//! tmp
#[derive(Debug, thiserror::Error)]
#[error("x")]
pub struct LockError;
impl LockError {
    pub fn hint(&self) -> &'static str {
        ""
    }
}
#[derive(Debug)]
pub(crate) struct RunLock;
impl RunLock {
    pub(crate) fn take(_: &std::path::Path, _: &str) -> Result<RunLock, LockError> {
        Ok(RunLock)
    }
}
