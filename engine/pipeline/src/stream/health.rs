//! Whether the engine works, and why not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::inbox::Inbox;

/// What keeps the engine from committing.
#[derive(Default)]
pub(crate) struct Health(Mutex<Option<String>>);

impl Health {
    /// Why nothing can be committed, while that is so.
    pub fn failing(&self) -> Option<String> {
        self.lock().clone()
    }

    /// Nothing can be committed now.
    pub fn fails(&self, why: String) {
        *self.lock() = Some(why);
    }

    /// All is well again.
    pub fn recovers(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held by a thread of the engine: should it panic, nobody waits for it in vain.
pub(crate) struct Guard {
    pub name: &'static str,
    pub health: Arc<Health>,
    pub inbox: Arc<Inbox>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(thread = self.name, "a thread of the engine has failed; nothing more is taken");
            self.health.fails(format!("the {} has failed; this is a bug, restart the service", self.name));
            self.inbox.abandon();
        }
    }
}
