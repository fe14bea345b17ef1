//! Rules that a whole lab must keep, checked when it is assembled and so in its author's unit tests.
use crate::{diagnostic::Diagnostic, graph::Graph};

/// A rule over an assembled graph. It returns what it finds wrong, and nothing when it is content.
///
/// ```
/// use homelab_core::{Diagnostic, Graph};
/// fn guests_have_short_names(graph: &Graph) -> Vec<Diagnostic> {
///     graph
///         .resources()
///         .filter(|r| r.kind() == "proxmox/vm" && r.name().len() > 15)
///         .map(|r| Diagnostic::warning("this name is too long for NetBIOS").at(r.key(), r.declared_at()))
///         .collect()
/// }
/// ```
pub type Policy = fn(&Graph) -> Vec<Diagnostic>;
