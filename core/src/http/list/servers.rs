//! The parameters of lists of servers.
//!
//! N accepts each parameter from some microversion on, and some of them from admins only. Up to 2.74 it
//! ignores the others.

use super::parameters::{Parameters, boolean, is_true};
use crate::auth::{AccessLevel, Actor};
use crate::http::body;
use crate::http::fault::Fault;
use crate::http::microversion::Microversion;
use crate::http::status::StatusFilter;
use crate::name_pattern::NamePattern;
use crate::rpc::{NameFilter, Summary, SummaryState};
use crate::timestamp::Timestamp;

/// What a list of servers is filtered by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ServerFilter {
    pub(super) name: Option<NamePattern>,
    pub(super) uuid: Option<String>,
    pub(super) states: States,
    pub(super) changes_since: Option<Timestamp>,
    pub(super) changes_before: Option<Timestamp>,
    /// N: a list of changes shows soft-deleted servers, too, unless `deleted` is given.
    pub(super) soft_deleted: bool,
    power_state: Option<NamePattern>,
    locked: Option<bool>,
}

/// The states that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum States {
    /// By `status`. N: it takes the place of `vm_state` and `task_state`.
    Status(StatusFilter),
    /// By `vm_state` and `task_state`, each exactly.
    Exactly {
        vm_state: Option<String>,
        task_state: Option<String>,
    },
}

impl Default for States {
    fn default() -> Self {
        Self::Exactly {
            vm_state: None,
            task_state: None,
        }
    }
}

/// What becomes of a parameter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// It is read.
    Read,
    /// N filters by it; what it is compared with is not known here.
    Unknown,
    /// The same; it is a regular expression, so that an empty one matches everything.
    UnknownPattern,
    /// N: a column that must not be filtered by.
    Internal,
}

/// A parameter that N knows.
struct Parameter {
    name: &'static str,
    /// The first microversion 2.x that knows it.
    known: u32,
    /// The first one that accepts it from those who are no admins.
    accepted: u32,
    usage: Use,
}

const NEVER: u32 = u32::MAX;

const fn parameter(name: &'static str, known: u32, accepted: u32, usage: Use) -> Parameter {
    Parameter {
        name,
        known,
        accepted,
        usage,
    }
}

/// N's parameters. P: `uuid` is accepted from everyone, because a list never shows more than it was
/// asked for.
const PARAMETERS: &[Parameter] = &[
    parameter("limit", 1, 1, Use::Read),
    parameter("marker", 1, 1, Use::Read),
    parameter("sort_key", 1, 1, Use::Read),
    parameter("sort_dir", 1, 1, Use::Read),
    parameter("all_tenants", 1, 1, Use::Read),
    parameter("project_id", 1, NEVER, Use::Read),
    parameter("tenant_id", 1, NEVER, Use::Read),
    parameter("name", 1, 1, Use::Read),
    parameter("display_name", 1, NEVER, Use::Read),
    parameter("status", 1, 1, Use::Read),
    parameter("changes-since", 1, 1, Use::Read),
    parameter("changes-before", 66, 66, Use::Read),
    parameter("uuid", 1, 1, Use::Read),
    parameter("vm_state", 1, 83, Use::Read),
    parameter("task_state", 1, 83, Use::Read),
    parameter("power_state", 1, 83, Use::Read),
    parameter("locked", 73, 73, Use::Read),
    parameter("deleted", 1, NEVER, Use::Read),
    parameter("soft_deleted", 1, NEVER, Use::Read),
    parameter("image", 1, 1, Use::Unknown),
    parameter("image_ref", 1, NEVER, Use::Unknown),
    parameter("host", 1, NEVER, Use::Unknown),
    parameter("launch_index", 1, NEVER, Use::Unknown),
    parameter("user_id", 1, 83, Use::Unknown),
    parameter("access_ip_v4", 1, NEVER, Use::UnknownPattern),
    parameter("access_ip_v6", 1, NEVER, Use::UnknownPattern),
    parameter("auto_disk_config", 1, NEVER, Use::UnknownPattern),
    parameter("availability_zone", 1, 83, Use::UnknownPattern),
    parameter("config_drive", 1, 83, Use::UnknownPattern),
    parameter("created_at", 1, 83, Use::UnknownPattern),
    parameter("description", 1, NEVER, Use::UnknownPattern),
    parameter("display_description", 1, NEVER, Use::UnknownPattern),
    parameter("flavor", 1, 1, Use::UnknownPattern),
    parameter("hostname", 1, 90, Use::UnknownPattern),
    parameter("ip", 1, 1, Use::UnknownPattern),
    parameter("ip6", 1, 5, Use::UnknownPattern),
    parameter("kernel_id", 1, NEVER, Use::UnknownPattern),
    parameter("key_name", 1, 83, Use::UnknownPattern),
    parameter("launched_at", 1, 83, Use::UnknownPattern),
    parameter("locked_by", 1, NEVER, Use::UnknownPattern),
    parameter("node", 1, NEVER, Use::UnknownPattern),
    parameter("progress", 1, 83, Use::UnknownPattern),
    parameter("ramdisk_id", 1, NEVER, Use::UnknownPattern),
    parameter("reservation_id", 1, 1, Use::UnknownPattern),
    parameter("root_device_name", 1, NEVER, Use::UnknownPattern),
    parameter("terminated_at", 1, 83, Use::UnknownPattern),
    parameter("tags", 26, 26, Use::UnknownPattern),
    parameter("tags-any", 26, 26, Use::UnknownPattern),
    parameter("not-tags", 26, 26, Use::UnknownPattern),
    parameter("not-tags-any", 26, 26, Use::UnknownPattern),
    parameter("block_device_mapping", 1, NEVER, Use::Internal),
    parameter("info_cache", 1, NEVER, Use::Internal),
    parameter("metadata", 1, NEVER, Use::Internal),
    parameter("pci_devices", 1, NEVER, Use::Internal),
    parameter("security_groups", 1, NEVER, Use::Internal),
    parameter("services", 1, NEVER, Use::Internal),
    parameter("system_metadata", 1, NEVER, Use::Internal),
];

/// N: keys that are not sorted by although they are named; `locked` only before 2.73, and none of
/// them from 2.75 on, which refuses them.
const IGNORED_SORT_KEYS: &[&str] = &[
    "architecture",
    "cell_name",
    "cleaned",
    "default_ephemeral_device",
    "default_swap_device",
    "deleted",
    "deleted_at",
    "disable_terminate",
    "ephemeral_gb",
    "ephemeral_key_uuid",
    "id",
    "key_data",
    "launched_on",
    "locked",
    "memory_mb",
    "os_type",
    "reservation_id",
    "root_gb",
    "shutdown_terminate",
    "user_data",
    "vcpus",
    "vm_mode",
];

/// A request for a list of servers, as far as its parameters are read by it.
pub(super) struct Reader<'a> {
    pub(super) parameters: Parameters<'a>,
    pub(super) version: Microversion,
    pub(super) actor: &'a Actor,
    pub(super) detail: bool,
}

impl<'a> Reader<'a> {
    /// Returns the filter, and the project whose list it is.
    ///
    /// # Errors
    ///
    /// 400 for what the schema refuses, 403 for those who may not list, then N's checks of values in N's
    /// order, then 400 for what cannot be answered.
    pub(super) fn read(&self) -> Result<(ServerFilter, String), Fault> {
        let name = self.name()?;
        let changes_since = self.parameters.time("changes-since")?;
        let changes_before = self.accepted_time("changes-before")?;
        let has_changes = changes_since.is_some() || changes_before.is_some();
        let filter = ServerFilter {
            name,
            changes_since,
            changes_before,
            soft_deleted: has_changes && self.accepted("deleted").is_none(),
            power_state: self.accepted_pattern("power_state")?,
            uuid: self.accepted("uuid").map(str::to_owned),
            states: States::default(),
            locked: None,
        };
        self.check_names()?;
        let own_project = self.check_right()?;
        self.check_internal()?;
        if let (Some(since), Some(before)) = (filter.changes_since, filter.changes_before)
            && before < since
        {
            return Err(Fault::ChangesOrder);
        }
        let states = self.states()?;
        let all_tenants = self.all_tenants()?;
        let locked = self.accepted("locked").map(boolean).transpose()?;
        let project_id = self.project_id(own_project, all_tenants)?;
        self.check_unsupported()?;
        self.check_sorting()?;
        let filter = ServerFilter {
            states,
            locked,
            ..filter
        };
        Ok((filter, project_id))
    }

    fn is_admin(&self) -> bool {
        self.actor.access_level == AccessLevel::Admin
    }

    fn is_known(&self, parameter: &Parameter) -> bool {
        self.version >= Microversion::new(parameter.known)
    }

    fn is_accepted(&self, parameter: &Parameter) -> bool {
        let accepted = self.version >= Microversion::new(parameter.accepted);
        self.is_known(parameter) && (self.is_admin() || accepted)
    }

    /// Returns a parameter's value, if N does not ignore it.
    fn accepted(&self, name: &str) -> Option<&'a str> {
        let is_accepted = find(name).is_some_and(|parameter| self.is_accepted(parameter));
        self.parameters.last(name).filter(|_| is_accepted)
    }

    fn accepted_time(&self, name: &str) -> Result<Option<Timestamp>, Fault> {
        self.accepted(name)
            .map_or(Ok(None), |_| self.parameters.time(name))
    }

    fn accepted_pattern(&self, name: &str) -> Result<Option<NamePattern>, Fault> {
        self.accepted(name)
            .map_or(Ok(None), |_| self.parameters.pattern(name))
    }

    /// N: `display_name` is the same under another name.
    fn name(&self) -> Result<Option<NamePattern>, Fault> {
        let name = self.parameters.pattern("name")?;
        Ok(name.or(self.accepted_pattern("display_name")?))
    }

    /// N: 400 from 2.75 on for parameters that it does not know.
    fn check_names(&self) -> Result<(), Fault> {
        if self.version < Microversion::STRICT_LIST_QUERIES {
            return Ok(());
        }
        let names = self.parameters.iter().map(|(name, _)| name);
        let unknown = names.filter(|name| {
            !name.starts_with('_') && !find(name).is_some_and(|found| self.is_known(found))
        });
        body::unexpected(unknown).map_or(Ok(()), Err)
    }

    /// S2: 403 without a project or a role. Returns the token's project.
    fn check_right(&self) -> Result<&'a str, Fault> {
        let may_read = self.actor.access_level >= AccessLevel::Reader;
        self.actor
            .project_id
            .as_deref()
            .filter(|_| may_read)
            .ok_or_else(|| self.policy(""))
    }

    fn policy(&self, suffix: &str) -> Fault {
        let right = if self.detail { "detail" } else { "index" };
        Fault::Policy(format!("os_compute_api:servers:{right}{suffix}"))
    }

    /// N: 400 to admins, ignored from others.
    fn check_internal(&self) -> Result<(), Fault> {
        if !self.is_admin() {
            return Ok(());
        }
        let is_internal = |name: &str| {
            name.starts_with('_') || find(name).is_some_and(|found| found.usage == Use::Internal)
        };
        match self.parameters.iter().find(|(name, _)| is_internal(name)) {
            Some((name, _)) => Err(Fault::InvalidFilter(name.to_owned())),
            None => Ok(()),
        }
    }

    fn states(&self) -> Result<States, Fault> {
        let statuses: Vec<_> = self.parameters.all("status").collect();
        if statuses.is_empty() {
            return Ok(States::Exactly {
                vm_state: self.accepted("vm_state").map(str::to_owned),
                task_state: self.accepted("task_state").map(str::to_owned),
            });
        }
        let filter = StatusFilter::new(&statuses);
        match (filter.is_deleted(), self.is_admin()) {
            (true, false) => Err(Fault::DeletedInstances),
            // P: deleted servers are in no list.
            (true, true) => Err(unsupported("status")),
            (false, _) => Ok(States::Status(filter)),
        }
    }

    fn all_tenants(&self) -> Result<bool, Fault> {
        match self.parameters.last("all_tenants") {
            // N: the empty text is true.
            Some("") => Ok(true),
            Some(value) => boolean(value),
            None => Ok(false),
        }
    }

    /// N: with `all_tenants` an admin asks for any project's servers. P: for one project's, because
    /// there is a list for each project and none of all.
    fn project_id(&self, own_project: &str, all_tenants: bool) -> Result<String, Fault> {
        if !all_tenants {
            return Ok(own_project.to_owned());
        }
        if !self.is_admin() {
            return Err(self.policy(":get_all_tenants"));
        }
        self.parameters
            .iter()
            .filter(|(name, value)| {
                matches!(*name, "project_id" | "tenant_id") && !value.is_empty()
            })
            .last()
            .map(|(_, project_id)| project_id.to_owned())
            .ok_or(Fault::ProjectRequired)
    }

    /// P: 400 for what N would filter by and this service cannot. A false `deleted` and an empty
    /// regular expression filter nothing.
    fn check_unsupported(&self) -> Result<(), Fault> {
        for (name, value) in self.parameters.iter() {
            let Some(parameter) = find(name).filter(|parameter| self.is_accepted(parameter)) else {
                continue;
            };
            let filters = match (parameter.usage, name) {
                (Use::Unknown, _) => true,
                (Use::UnknownPattern, _) => !value.is_empty(),
                (Use::Read, "deleted" | "soft_deleted") => is_true(value),
                (Use::Read | Use::Internal, _) => false,
            };
            if filters {
                return Err(unsupported(name));
            }
        }
        Ok(())
    }

    /// P: lists are sorted by `created_at`, newest first, and 400 for any other order.
    fn check_sorting(&self) -> Result<(), Fault> {
        let mut directions: Vec<_> = self.parameters.all("sort_dir").map(str::trim).collect();
        let mut position = 0;
        for key in self.parameters.all("sort_key").map(str::trim) {
            if self.ignores_sort_key(key) {
                // N: its direction goes with it.
                if position < directions.len() {
                    directions.remove(position);
                }
                continue;
            }
            if key != "created_at" {
                return Err(unsupported("sort_key"));
            }
            position += 1;
        }
        if directions.iter().any(|direction| *direction != "desc") {
            return Err(unsupported("sort_dir"));
        }
        Ok(())
    }

    fn ignores_sort_key(&self, key: &str) -> bool {
        IGNORED_SORT_KEYS.contains(&key)
            && self.version < Microversion::STRICT_LIST_QUERIES
            && (key != "locked" || self.version < Microversion::new(73))
    }
}

fn find(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.name == name)
}

fn unsupported(name: &str) -> Fault {
    Fault::UnsupportedParameter(name.to_owned())
}

impl ServerFilter {
    /// Returns the names for the index.
    pub(super) fn names(&self) -> NameFilter {
        let Some(pattern) = &self.name else {
            return NameFilter::Any;
        };
        match pattern.only_name() {
            Some(name) => NameFilter::Exact(name),
            None => NameFilter::Pattern(pattern.as_str().to_owned()),
        }
    }

    /// Returns whether no server matches.
    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.states, States::Status(filter) if filter.is_empty())
    }

    pub(super) fn matches(&self, id: &str, summary: &Summary) -> bool {
        let SummaryState::Server {
            vm_state,
            task_state,
            power_state,
            locked,
        } = &summary.state
        else {
            return false;
        };
        let in_states = match &self.states {
            States::Status(filter) => filter.matches(vm_state, task_state.as_deref()),
            States::Exactly {
                vm_state: asked_vm_state,
                task_state: asked_task_state,
            } => {
                asked_vm_state
                    .as_ref()
                    .is_none_or(|asked| asked == vm_state)
                    && asked_task_state
                        .as_ref()
                        .is_none_or(|asked| Some(asked) == task_state.as_ref())
            }
        };
        in_states
            && self.uuid.as_ref().is_none_or(|uuid| uuid == id)
            && self
                .name
                .as_ref()
                .is_none_or(|pattern| pattern.is_found_in(&summary.name))
            && self
                .power_state
                .as_ref()
                .is_none_or(|pattern| pattern.is_found_in(&power_state.to_string()))
            && self.locked.is_none_or(|asked| asked == *locked)
            && self
                .changes_since
                .is_none_or(|since| summary.updated >= since)
            && self
                .changes_before
                .is_none_or(|before| summary.updated <= before)
    }
}
