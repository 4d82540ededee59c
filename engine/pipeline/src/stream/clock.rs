//! The clock of a stream: it never goes back, whatever the machine's does.

use std::time::{SystemTime, UNIX_EPOCH};

/// What the machine's clock says, in ms since 1970 UTC.
pub fn wall_ms() -> i64 {
    fail::fail_point!("clock-back", |ms| machine_ms() - ms.and_then(|ms| ms.parse::<i64>().ok()).unwrap_or(0));
    machine_ms()
}

fn machine_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_millis() as i64)
}

/// Gives instants in ms since 1970 UTC, none before the last.
#[derive(Debug)]
pub(crate) struct Clock {
    last_ms: i64,
    told_back: bool,
}

impl Clock {
    /// A clock that goes on from an instant.
    pub fn after(last_ms: i64) -> Self {
        Self { last_ms, told_back: false }
    }

    /// The instant now. While the machine's clock stands before the last instant, that one is given again, and it is
    /// said once.
    pub fn now(&mut self) -> i64 {
        self.at(wall_ms())
    }

    fn at(&mut self, wall_ms: i64) -> i64 {
        // A second or two is what clocks are corrected by.
        const NOTABLE_MS: i64 = 2_000;
        let back = self.last_ms - wall_ms;
        if back > NOTABLE_MS && !self.told_back {
            tracing::warn!(
                back_ms = back,
                "the machine's clock stands before the last record; records are dated with the last instant until it has caught up"
            );
        }
        self.told_back = back > NOTABLE_MS;
        self.last_ms = self.last_ms.max(wall_ms);
        self.last_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_still_while_the_machine_is_behind() {
        let mut clock = Clock::after(10_000);
        let instants = [9_000, 5_000, 12_000, 11_999, 12_001].map(|wall| clock.at(wall));
        assert_eq!(instants, [10_000, 10_000, 12_000, 12_000, 12_001]);
    }
}
