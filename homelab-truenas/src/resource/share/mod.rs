//! What clients are given: NFS and SMB shares, and the networks that they are given to.
mod network;
mod nfs;
mod old_smb;
mod smb;

pub use network::StorageNetwork;
pub use nfs::{NfsShare, NfsShareOf};
pub use smb::{SmbShare, SmbShareOf};
