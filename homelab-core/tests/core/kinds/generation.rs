//! A generation that is taken back unless it is confirmed in time.
use crate::world::{PI, Pi};
use homelab_core::{Apply, Failure, Look, Resource, Site, outputs};
use serde::Serialize;
use std::time::Duration;
use tokio::time::Instant;

/// A generation of a machine's whole system: activated on trial, confirmed when it answers, taken back by the machine itself.
#[derive(Serialize)]
pub struct Generation {
    pub running: String,
    pub confirmed: bool,
}

pub fn generation(name: &str) -> Generation {
    Generation { running: name.into(), confirmed: true }
}

#[derive(Serialize)]
pub struct GenerationState {
    running: String,
    confirmed: bool,
}
outputs!(GenerationOutputs of GenerationState { running: String });

pub const CONFIRM_WITHIN: Duration = Duration::from_secs(120);

impl Resource for Generation {
    const KIND: &'static str = "toy/generation";
    type Provider = Pi;
    type State = GenerationState;
    type Id = String;
    type Outputs = GenerationOutputs;
    fn name(&self) -> &str {
        "pihole"
    }
    fn site(&self) -> Site<Pi> {
        PI
    }
    async fn read(&self, cx: &Look<'_, Pi>) -> Result<Option<GenerationState>, Failure> {
        Self::find(&String::new(), cx).await
    }
    async fn find(_: &String, cx: &Look<'_, Pi>) -> Result<Option<GenerationState>, Failure> {
        cx.call(false, |s| {
            let is = GenerationState { running: s.pi.running.clone(), confirmed: s.pi.unless_confirmed.is_none() };
            // The machine as it came is nobody's generation.
            Ok((is.running != "factory").then_some(is))
        })
        .await
    }
    fn id(_: &GenerationState) -> String {
        "pihole".into()
    }
    fn planned_id(&self) -> Option<String> {
        Some("pihole".into())
    }
    async fn apply(&self, now: Option<&GenerationState>, cx: &Apply<'_, Pi>) -> Result<(), Failure> {
        if now.is_none_or(|n| n.running != self.running) {
            cx.write(cx.permit(), |s| {
                let old = match s.pi.unless_confirmed.take() {
                    Some((old, _)) => old,
                    None => s.pi.running.clone(),
                };
                s.pi.unless_confirmed = Some((old, Instant::now() + CONFIRM_WITHIN));
                s.pi.running = self.running.clone();
                Ok(())
            })
            .await?;
        }
        cx.progress("asking its DNS", None);
        let answers = cx.0.call(false, |s| Ok(!s.pi.broken.contains(&s.pi.running))).await?;
        if !answers {
            return Err(Failure::new(format!(
                "generation {} does not answer; the Pi goes back by itself",
                self.running
            ))
            .hint("nothing has to be done: the old generation runs again within two minutes"));
        }
        cx.write(cx.permit(), |s| {
            if s.pi.running != self.running {
                return Err(Failure::passing("the Pi went back before it was confirmed"));
            }
            s.pi.unless_confirmed = None;
            Ok(())
        })
        .await
    }
    async fn delete(_: &GenerationState, cx: &Apply<'_, Pi>) -> Result<(), Failure> {
        cx.write(cx.permit(), |s| {
            s.pi.running = "factory".into();
            s.pi.unless_confirmed = None;
            Ok(())
        })
        .await
    }
}
