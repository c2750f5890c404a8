//! Asks between two batches whether the service as a whole is well.

use std::sync::Arc;
use std::time::Duration;

use daytwo_model::Event;
use daytwo_model::plan::On;

use crate::unit::At;
use crate::verify::Asking;

impl At {
    /// Asks the plan's health check from this machine, until it holds or its time is over.
    pub(crate) async fn health(self, batch: u32) -> Vec<Event> {
        let (holds, said) = match self.is_well().await {
            Ok(()) => (true, "it holds".to_owned()),
            Err(why) => (false, self.context.reason(&why)),
        };
        vec![Event::HealthChecked { batch, holds, said }]
    }

    async fn is_well(&self) -> Result<(), String> {
        let context = Arc::clone(&self.context);
        let health = context.plan.plan().limits.health.as_ref().ok_or("the plan has no health check")?;
        let asking = Asking { within: Duration::from_millis(health.within_ms), samples: 1, at_least: 1 };
        self.comes_to_hold(&self.question(On::Console, &health.probe)?, asking).await
    }
}
