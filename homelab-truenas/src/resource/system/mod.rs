//! The NAS itself: alerts, routes, certificates, keys, privileges, settings.
mod alert;
mod alert_policy;
mod api_key;
mod backup;
mod certificate;
mod privilege;
mod route;
mod settings;

pub use alert::{AlertLevel, AlertService, AlertServiceOf};
pub use alert_policy::{AlertPolicies, AlertPolicy};
pub use api_key::{ApiKey, ApiKeyOf};
pub use backup::{ConfigBackup, ConfigBackupOf};
pub use certificate::{Certificate, CertificateOf};
pub use privilege::{Privilege, PrivilegeOf};
pub use route::{StaticRoute, StaticRouteOf};
pub use settings::{NfsSettings, Settings, SettingsState, SmbSettings, UpdateSettings, Ups};
