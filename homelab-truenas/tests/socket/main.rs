//! The real client against the simulator on loopback: logins, trust, broken connections, limits, versions.
mod bad;
mod broken;
mod first;
mod install;
mod setup;
mod verbs;
