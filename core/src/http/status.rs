//! The status that clients see, and the states that it is made of.

/// N: a `vm_state`, its status, and the tasks that show another status meanwhile.
struct VmState {
    name: &'static str,
    status: &'static str,
    tasks: &'static [(&'static str, &'static str)],
}

const REBUILD: [(&str, &str); 3] = [
    ("rebuilding", "REBUILD"),
    ("rebuild_block_device_mapping", "REBUILD"),
    ("rebuild_spawning", "REBUILD"),
];

/// N's table of states.
const VM_STATES: &[VmState] = &[
    VmState {
        name: "active",
        status: "ACTIVE",
        tasks: &[
            ("rebooting", "REBOOT"),
            ("reboot_pending", "REBOOT"),
            ("reboot_started", "REBOOT"),
            ("rebooting_hard", "HARD_REBOOT"),
            ("reboot_pending_hard", "HARD_REBOOT"),
            ("reboot_started_hard", "HARD_REBOOT"),
            ("updating_password", "PASSWORD"),
            REBUILD[0],
            REBUILD[1],
            REBUILD[2],
            ("migrating", "MIGRATING"),
            ("resize_prep", "RESIZE"),
            ("resize_migrating", "RESIZE"),
            ("resize_migrated", "RESIZE"),
            ("resize_finish", "RESIZE"),
        ],
    },
    VmState {
        name: "building",
        status: "BUILD",
        tasks: &[],
    },
    VmState {
        name: "stopped",
        status: "SHUTOFF",
        tasks: &[
            ("resize_prep", "RESIZE"),
            ("resize_migrating", "RESIZE"),
            ("resize_migrated", "RESIZE"),
            ("resize_finish", "RESIZE"),
            REBUILD[0],
            REBUILD[1],
            REBUILD[2],
        ],
    },
    VmState {
        name: "resized",
        status: "VERIFY_RESIZE",
        tasks: &[("resize_reverting", "REVERT_RESIZE")],
    },
    VmState {
        name: "paused",
        status: "PAUSED",
        tasks: &[("migrating", "MIGRATING")],
    },
    VmState {
        name: "suspended",
        status: "SUSPENDED",
        tasks: &[],
    },
    VmState {
        name: "rescued",
        status: "RESCUE",
        tasks: &[],
    },
    VmState {
        name: "error",
        status: "ERROR",
        tasks: &REBUILD,
    },
    VmState {
        name: "deleted",
        status: "DELETED",
        tasks: &[],
    },
    VmState {
        name: "soft-delete",
        status: "SOFT_DELETED",
        tasks: &[],
    },
    VmState {
        name: "shelved",
        status: "SHELVED",
        tasks: &[],
    },
    VmState {
        name: "shelved_offloaded",
        status: "SHELVED_OFFLOADED",
        tasks: &[],
    },
];

/// Returns the status of a server. N: a state that is not in the table is `UNKNOWN`.
#[must_use]
pub fn server_status(vm_state: &str, task_state: Option<&str>) -> &'static str {
    let Some(state) = VM_STATES.iter().find(|state| state.name == vm_state) else {
        return "UNKNOWN";
    };
    state
        .tasks
        .iter()
        .find(|(task, _)| Some(*task) == task_state)
        .map_or(state.status, |(_, status)| status)
}

/// Returns the status of an image. N: Glance's statuses, as the Compute API names them.
#[must_use]
pub fn image_status(status: &str) -> &'static str {
    match status {
        "active" => "ACTIVE",
        "queued" | "saving" => "SAVING",
        "deleted" | "pending_delete" => "DELETED",
        "killed" => "ERROR",
        _ => "UNKNOWN",
    }
}

/// The states that a list of servers is asked for by `status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusFilter {
    vm_states: Vec<&'static str>,
    /// [`None`] when any task may run.
    task_states: Option<Vec<&'static str>>,
}

impl StatusFilter {
    /// Returns the states of these statuses, in any case. N: of several statuses one is enough, and
    /// a status that a state has without a task is found with any task.
    #[must_use]
    pub fn new<S: AsRef<str>>(statuses: &[S]) -> Self {
        let is_asked = |status: &str| {
            statuses
                .iter()
                .any(|asked| asked.as_ref().eq_ignore_ascii_case(status))
        };
        let mut vm_states = Vec::new();
        let mut task_states = Vec::new();
        for state in VM_STATES {
            let tasks = state.tasks.iter().filter(|(_, status)| is_asked(status));
            let before = task_states.len();
            task_states.extend(tasks.map(|(task, _)| *task));
            if is_asked(state.status) || task_states.len() > before {
                vm_states.push(state.name);
            }
        }
        let any_task = VM_STATES.iter().any(|state| is_asked(state.status));
        Self {
            vm_states,
            task_states: (!any_task).then_some(task_states),
        }
    }

    /// Returns whether N knows none of the statuses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vm_states.is_empty()
    }

    /// Returns whether only deleted servers are asked for.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.vm_states == ["deleted"]
    }

    /// Returns whether a server in these states is asked for.
    #[must_use]
    pub fn matches(&self, vm_state: &str, task_state: Option<&str>) -> bool {
        self.vm_states.contains(&vm_state)
            && self.task_states.as_ref().is_none_or(|task_states| {
                task_state.is_some_and(|task_state| task_states.contains(&task_state))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_the_status_comes_from_vm_state_and_task_state() {
        for (vm_state, task_state, status) in [
            ("active", None, "ACTIVE"),
            ("active", Some("image_snapshot"), "ACTIVE"),
            ("active", Some("rebooting"), "REBOOT"),
            ("active", Some("reboot_started"), "REBOOT"),
            ("active", Some("rebooting_hard"), "HARD_REBOOT"),
            ("active", Some("updating_password"), "PASSWORD"),
            ("active", Some("rebuilding"), "REBUILD"),
            ("active", Some("rebuild_spawning"), "REBUILD"),
            ("active", Some("migrating"), "MIGRATING"),
            ("active", Some("resize_prep"), "RESIZE"),
            ("active", Some("resize_reverting"), "ACTIVE"),
            ("active", Some("resize_confirming"), "ACTIVE"),
            ("stopped", Some("resize_confirming"), "SHUTOFF"),
            ("building", None, "BUILD"),
            ("building", Some("spawning"), "BUILD"),
            ("stopped", None, "SHUTOFF"),
            ("stopped", Some("resize_finish"), "RESIZE"),
            ("stopped", Some("rebuilding"), "REBUILD"),
            ("resized", None, "VERIFY_RESIZE"),
            ("resized", Some("resize_reverting"), "REVERT_RESIZE"),
            ("paused", None, "PAUSED"),
            ("paused", Some("migrating"), "MIGRATING"),
            ("suspended", None, "SUSPENDED"),
            ("rescued", None, "RESCUE"),
            ("error", None, "ERROR"),
            ("error", Some("rebuilding"), "REBUILD"),
            ("deleted", None, "DELETED"),
            ("soft-delete", None, "SOFT_DELETED"),
            ("shelved", None, "SHELVED"),
            ("shelved_offloaded", None, "SHELVED_OFFLOADED"),
            ("unheard of", None, "UNKNOWN"),
        ] {
            assert_eq!(
                server_status(vm_state, task_state),
                status,
                "{vm_state} {task_state:?}"
            );
        }
    }

    #[test]
    fn n_the_status_of_an_image_comes_from_glances() {
        for (status, shown) in [
            ("active", "ACTIVE"),
            ("queued", "SAVING"),
            ("saving", "SAVING"),
            ("killed", "ERROR"),
            ("deleted", "DELETED"),
            ("pending_delete", "DELETED"),
            ("deactivated", "UNKNOWN"),
        ] {
            assert_eq!(image_status(status), shown);
        }
    }

    #[test]
    fn n_a_status_is_looked_for_by_the_states_that_show_it() {
        for (statuses, vm_state, task_state, matches) in [
            (&["ERROR"][..], "error", None, true),
            (&["error"], "error", Some("rebuilding"), true),
            (&["ERROR"], "active", None, false),
            (&["ACTIVE"], "active", Some("rebooting"), true),
            (&["REBOOT"], "active", Some("rebooting"), true),
            (&["REBOOT"], "active", None, false),
            (&["REBOOT"], "active", Some("migrating"), false),
            (&["RESIZE"], "stopped", Some("resize_prep"), true),
            (&["REBOOT", "SHUTOFF"], "stopped", None, true),
            (&["REBOOT", "SHUTOFF"], "active", None, true),
            (&["SHUTOFF", "unheard of"], "stopped", None, true),
        ] {
            let filter = StatusFilter::new(statuses);
            assert_eq!(
                filter.matches(vm_state, task_state),
                matches,
                "{statuses:?} {vm_state} {task_state:?}"
            );
        }
        assert!(StatusFilter::new(&["unheard of", ""]).is_empty());
        assert!(StatusFilter::new(&["deleted"]).is_deleted());
        assert!(!StatusFilter::new(&["DELETED", "ERROR"]).is_deleted());
    }
}
