//! What the domain refused, in the words of the API.

use super::fault::Fault;
use crate::metadata::{Kind, Operation, Refusal};

/// The fault for a refusal of `operation` on the resource `id`.
#[must_use]
pub fn fault(
    refusal: Refusal,
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
    match (refusal, kind) {
        (Refusal::NotFound, _) => not_found(kind, &id),
        (Refusal::Forbidden, Kind::Server) => Fault::Policy(policy(operation).to_owned()),
        (Refusal::Forbidden, Kind::Image) => Fault::ImageForbidden(id),
        (Refusal::KeyMismatch, _) => Fault::KeyMismatch,
        (Refusal::ItemNotFound, Kind::Server) => Fault::ServerItemNotFound,
        (Refusal::ItemNotFound, Kind::Image) => match operation {
            Operation::DeleteItem { .. } => Fault::ImageItemNotFound,
            _ => Fault::NotFound,
        },
        (Refusal::Locked, _) => Fault::Locked(id),
        (Refusal::VmState(value), _) => state("vm_state", value),
        (Refusal::TaskState(value), _) => state("task_state", value),
        (Refusal::NeverLaunched, _) => Fault::NeverLaunched { action, id },
        (Refusal::ImageStatus(status), _) => Fault::ImageStatus { action, id, status },
        (Refusal::Quota, Kind::Server) => Fault::ServerQuota(item_limit),
        (Refusal::Quota, Kind::Image) => Fault::ImageQuota,
    }
}

/// 404 for a resource that does not exist, or not for this project.
#[must_use]
pub fn not_found(kind: Kind, id: &str) -> Fault {
    match kind {
        Kind::Server => Fault::ServerNotFound(id.to_owned()),
        Kind::Image => Fault::ImageNotFound,
    }
}

/// N's name for the right to do `operation` on a server.
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

    fn message(refusal: Refusal, kind: Kind, operation: &Operation) -> (u16, String) {
        let fault = fault(refusal, kind, ID, operation, 128);
        (fault.status(), fault.to_string())
    }

    fn delete() -> Operation {
        Operation::DeleteItem { key: "k".into() }
    }

    fn merge() -> Operation {
        Operation::Merge { items: vec![] }
    }

    #[test]
    fn each_refusal_of_a_server_has_the_contracts_message() {
        for (refusal, operation, status, text) in [
            (
                Refusal::NotFound,
                delete(),
                404,
                format!("Instance {ID} could not be found."),
            ),
            (
                Refusal::Forbidden,
                delete(),
                403,
                "Policy doesn't allow os_compute_api:server-metadata:delete to be performed."
                    .into(),
            ),
            (
                Refusal::Forbidden,
                merge(),
                403,
                "Policy doesn't allow os_compute_api:server-metadata:create to be performed."
                    .into(),
            ),
            (
                Refusal::ItemNotFound,
                delete(),
                404,
                "Metadata item was not found".into(),
            ),
            (
                Refusal::Locked,
                delete(),
                409,
                format!("Instance {ID} is locked"),
            ),
            (
                Refusal::VmState("error".into()),
                delete(),
                409,
                format!("Cannot 'delete metadata' instance {ID} while it is in vm_state error"),
            ),
            (
                Refusal::TaskState("rebooting".into()),
                merge(),
                409,
                format!(
                    "Cannot 'update metadata' instance {ID} while it is in task_state rebooting"
                ),
            ),
            (
                Refusal::NeverLaunched,
                delete(),
                409,
                format!("Instance {ID} is in an invalid state for 'delete metadata'"),
            ),
            (
                Refusal::Quota,
                merge(),
                403,
                "Maximum number of metadata items exceeds 128".into(),
            ),
            (
                Refusal::KeyMismatch,
                merge(),
                400,
                "Request body and URI mismatch".into(),
            ),
        ] {
            assert_eq!(message(refusal, Kind::Server, &operation), (status, text));
        }
    }

    #[test]
    fn each_refusal_of_an_image_has_the_contracts_message() {
        for (refusal, operation, status, text) in [
            (Refusal::NotFound, delete(), 404, "Image not found.".into()),
            (
                Refusal::Forbidden,
                delete(),
                403,
                format!("Not authorized for image {ID}."),
            ),
            (
                Refusal::ItemNotFound,
                delete(),
                404,
                "Invalid metadata key".into(),
            ),
            (
                Refusal::ItemNotFound,
                Operation::ShowItem { key: "k".into() },
                404,
                "The resource could not be found.".into(),
            ),
            (
                Refusal::ImageStatus("queued".into()),
                delete(),
                409,
                format!("Cannot 'delete metadata' image {ID} while it is in status queued"),
            ),
            (
                Refusal::Quota,
                merge(),
                403,
                "Image metadata limit exceeded".into(),
            ),
        ] {
            assert_eq!(message(refusal, Kind::Image, &operation), (status, text));
        }
    }
}
