//! What Pi-hole says of itself, for a verification.
use super::Pihole;
use async_trait::async_trait;
use homelab_core::Failure;
use serde_json::Value;
use tokio::try_join;

/// What Pi-hole says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether it blocks.
    pub blocking: bool,
    /// How many domains its lists hold.
    pub domains: u64,
    /// When they were loaded, in seconds since 1970; 0 for never.
    pub updated: u64,
    /// How many messages it has for a person.
    pub messages: u64,
    /// The addresses of lists that could not be had the last time.
    pub dead: Vec<String>,
}

/// Whoever can say it.
#[async_trait]
pub trait Dashboard: Send + Sync {
    /// Asks.
    ///
    /// # Errors
    /// When it cannot be reached, or does not let us in.
    async fn health(&self) -> Result<Health, Failure>;
}

#[async_trait]
impl Dashboard for Pihole {
    async fn health(&self) -> Result<Health, Failure> {
        let (blocking, summary, messages, lists) = try_join!(
            self.fetch("/dns/blocking"),
            self.fetch("/stats/summary"),
            self.fetch("/info/messages/count"),
            self.fetch("/lists")
        )?;
        // 3: not to be had, the copy from before counts; 4: not to be had, and there is none.
        let is_dead = |list: &&Value| list["enabled"] == true && matches!(list["status"].as_u64(), Some(3 | 4));
        let lists = lists["lists"].as_array().map(Vec::as_slice).unwrap_or_default();
        let dead = lists.iter().filter(is_dead).filter_map(|list| list["address"].as_str().map(str::to_owned));
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        Ok(Health {
            blocking: blocking["blocking"] == "enabled",
            domains: number(&summary["gravity"]["domains_being_blocked"]),
            updated: number(&summary["gravity"]["last_update"]),
            messages: number(&messages["count"]),
            dead: dead.collect(),
        })
    }
}
