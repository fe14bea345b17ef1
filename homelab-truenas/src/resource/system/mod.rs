//! The NAS itself: alerts, routes, certificates, keys, privileges, settings.
mod alert;
mod api_key;
mod certificate;
mod privilege;
mod route;
mod settings;

pub use alert::{AlertLevel, AlertService, AlertServiceOf};
pub use api_key::{ApiKey, ApiKeyOf};
pub use certificate::{Certificate, CertificateOf};
pub use privilege::{Privilege, PrivilegeOf};
pub use route::{StaticRoute, StaticRouteOf};
pub use settings::{NfsSettings, Settings, SettingsState, SmbSettings, UpdateSettings, Ups};
