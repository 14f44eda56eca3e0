//! A rejection by the domain, as the fault that answers it.

use super::fault::Fault;
use crate::metadata::{Kind, Operation, Rejection};

/// Returns the fault for a rejection of `operation` on the resource `id`.
#[must_use]
pub fn fault(
    rejection: Rejection,
    kind: Kind,
    id: &str,
    operation: &Operation,
    item_limit: usize,
) -> Fault {
    let action = match operation {
        Operation::DeleteItem { .. } => "delete",
        _ => "update",
    };
    let id = id.to_owned();
    let state = |attribute, state| Fault::ServerState {
        action,
        id: id.clone(),
        attribute,
        state,
    };
    match (rejection, kind) {
        (Rejection::NotFound, _) => not_found(kind, &id),
        (Rejection::Forbidden, Kind::Server) => Fault::Policy(policy(operation).to_owned()),
        (Rejection::Forbidden, Kind::Image) => Fault::ImageForbidden(id),
        (Rejection::KeyMismatch, _) => Fault::KeyMismatch,
        (Rejection::ItemNotFound, Kind::Server) => Fault::ServerItemNotFound,
        (Rejection::ItemNotFound, Kind::Image) => match operation {
            Operation::DeleteItem { .. } => Fault::ImageItemNotFound,
            _ => Fault::NotFound,
        },
        (Rejection::Locked, _) => Fault::Locked(id),
        (Rejection::VmState(value), _) => state("vm_state", value),
        (Rejection::TaskState(value), _) => state("task_state", value),
        (Rejection::NeverLaunched, _) => Fault::NeverLaunched { action, id },
        (Rejection::ImageStatus(status), _) => Fault::ImageStatus { action, id, status },
        (Rejection::Quota, Kind::Server) => Fault::ServerQuota(item_limit),
        (Rejection::Quota, Kind::Image) => Fault::ImageQuota,
    }
}

/// Returns the 404 for a resource that does not exist, or not for this project. `id` is as sent.
#[must_use]
pub fn not_found(kind: Kind, id: &str) -> Fault {
    match kind {
        Kind::Server => Fault::ServerNotFound(id.to_owned()),
        Kind::Image => Fault::ImageNotFound,
    }
}

/// Returns what a change is called in an audit trail.
#[must_use]
pub fn action(operation: &Operation) -> &'static str {
    match operation {
        Operation::Show => "show",
        Operation::List => "list",
        Operation::ShowItem { .. } => "show_item",
        Operation::DeleteItem { .. } => "delete_item",
        Operation::Merge { .. } => "merge_items",
        Operation::Replace { .. } => "replace_items",
        Operation::PutItem { .. } => "put_item",
    }
}

/// Returns N's name for the right to do `operation` on a server.
#[must_use]
pub fn policy(operation: &Operation) -> &'static str {
    match operation {
        Operation::Show => "os_compute_api:servers:show",
        Operation::List => "os_compute_api:server-metadata:index",
        Operation::ShowItem { .. } => "os_compute_api:server-metadata:show",
        Operation::DeleteItem { .. } => "os_compute_api:server-metadata:delete",
        Operation::Merge { .. } => "os_compute_api:server-metadata:create",
        Operation::Replace { .. } => "os_compute_api:server-metadata:update_all",
        Operation::PutItem { .. } => "os_compute_api:server-metadata:update",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "5ec95878-b74d-40f2-be61-c3c1ae5e5b19";

    fn message(rejection: Rejection, kind: Kind, operation: &Operation) -> (u16, String) {
        let fault = fault(rejection, kind, ID, operation, 128);
        (fault.status(), fault.to_string())
    }

    fn delete() -> Operation {
        Operation::DeleteItem { key: "k".into() }
    }

    fn merge() -> Operation {
        Operation::Merge { items: vec![] }
    }

    #[test]
    fn each_rejection_of_a_server_has_the_contracts_message() {
        for (rejection, operation, status, text) in [
            (
                Rejection::NotFound,
                delete(),
                404,
                format!("Instance {ID} could not be found."),
            ),
            (
                Rejection::Forbidden,
                delete(),
                403,
                "Policy doesn't allow os_compute_api:server-metadata:delete to be performed."
                    .into(),
            ),
            (
                Rejection::Forbidden,
                merge(),
                403,
                "Policy doesn't allow os_compute_api:server-metadata:create to be performed."
                    .into(),
            ),
            (
                Rejection::ItemNotFound,
                delete(),
                404,
                "Metadata item was not found".into(),
            ),
            (
                Rejection::Locked,
                delete(),
                409,
                format!("Instance {ID} is locked"),
            ),
            (
                Rejection::VmState("error".into()),
                delete(),
                409,
                format!("Cannot 'delete metadata' instance {ID} while it is in vm_state error"),
            ),
            (
                Rejection::TaskState("rebooting".into()),
                merge(),
                409,
                format!(
                    "Cannot 'update metadata' instance {ID} while it is in task_state rebooting"
                ),
            ),
            (
                Rejection::NeverLaunched,
                delete(),
                409,
                format!("Instance {ID} is in an invalid state for 'delete metadata'"),
            ),
            (
                Rejection::Quota,
                merge(),
                403,
                "Maximum number of metadata items exceeds 128".into(),
            ),
            (
                Rejection::KeyMismatch,
                merge(),
                400,
                "Request body and URI mismatch".into(),
            ),
        ] {
            assert_eq!(message(rejection, Kind::Server, &operation), (status, text));
        }
    }

    #[test]
    fn each_rejection_of_an_image_has_the_contracts_message() {
        for (rejection, operation, status, text) in [
            (
                Rejection::NotFound,
                delete(),
                404,
                "Image not found.".into(),
            ),
            (
                Rejection::Forbidden,
                delete(),
                403,
                format!("Not authorized for image {ID}."),
            ),
            (
                Rejection::ItemNotFound,
                delete(),
                404,
                "Invalid metadata key".into(),
            ),
            (
                Rejection::ItemNotFound,
                Operation::ShowItem { key: "k".into() },
                404,
                "The resource could not be found.".into(),
            ),
            (
                Rejection::ImageStatus("queued".into()),
                delete(),
                409,
                format!("Cannot 'delete metadata' image {ID} while it is in status queued"),
            ),
            (
                Rejection::Quota,
                merge(),
                403,
                "Image metadata limit exceeded".into(),
            ),
        ] {
            assert_eq!(message(rejection, Kind::Image, &operation), (status, text));
        }
    }
}
