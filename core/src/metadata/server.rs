//! What is particular to a server.

use serde::{Deserialize, Serialize};

/// The states of a server, as the control plane reported them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// N: `active`, `building`, `paused`, … Any text; unknown states allow no change.
    pub vm_state: String,
    /// The task that runs on it, if any.
    pub task_state: Option<String>,
    /// N: 0 pending, 1 running, 3 paused, 4 shut down, 6 crashed, 7 suspended.
    pub power_state: i32,
    /// Whether its owner or an admin has locked it.
    pub locked: bool,
    /// Whether it was ever launched.
    pub launched: bool,
}

impl Default for Server {
    /// P: the states of a new record that names none.
    fn default() -> Self {
        Self {
            vm_state: "active".to_owned(),
            task_state: None,
            power_state: 1,
            locked: false,
            launched: true,
        }
    }
}

impl Server {
    /// S2: 409 unless the status is one of ACTIVE, PAUSED, SUSPENDED, STOPPED.
    #[must_use]
    pub fn state_allows_change(&self) -> bool {
        matches!(
            self.vm_state.as_str(),
            "active" | "paused" | "suspended" | "stopped"
        )
    }

    /// Returns whether the server no longer exists for clients. N: a deleted server answers 404.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.vm_state == "deleted"
    }

    /// Returns whether the server is soft-deleted. N: such a server is shown by its id, and listed
    /// only among changes.
    #[must_use]
    pub fn is_soft_deleted(&self) -> bool {
        self.vm_state == "soft-delete"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s2_409_only_four_states_allow_a_change() {
        for (vm_state, allows) in [
            ("active", true),
            ("paused", true),
            ("suspended", true),
            ("stopped", true),
            ("building", false),
            ("error", false),
            ("soft-delete", false),
            ("unknown to this release", false),
            ("ACTIVE", false),
        ] {
            let server = Server {
                vm_state: vm_state.into(),
                ..Server::default()
            };
            assert_eq!(server.state_allows_change(), allows, "{vm_state}");
        }
    }

    #[test]
    fn n_deleted_servers_are_gone_and_soft_deleted_ones_are_not() {
        for (vm_state, gone, soft_deleted) in [
            ("active", false, false),
            ("soft-delete", false, true),
            ("deleted", true, false),
        ] {
            let server = Server {
                vm_state: vm_state.into(),
                ..Server::default()
            };
            assert_eq!(server.is_gone(), gone, "{vm_state}");
            assert_eq!(server.is_soft_deleted(), soft_deleted, "{vm_state}");
        }
    }
}
