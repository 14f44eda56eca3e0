//! Why the cloud could not be asked.

use std::time::Duration;

use openstack_sdk::OpenStackError;
use openstack_sdk::types::ServiceType;

/// Why the cloud could not be asked. All of these are tried again.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// Keystone, or the way to a service, does not work.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A service answered with a status that decides nothing.
    #[error("{request} answered {status}: {message}")]
    Status {
        /// Method and path.
        request: String,
        /// The status.
        status: u16,
        /// The message of the fault, or the beginning of the body.
        message: String,
    },
    /// A service answered with success and a body that is not what it should be.
    #[error("{request} answered with a body that cannot be read: {reason}")]
    Body {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Why there is no session, or why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// clouds.yaml cannot be read.
    #[error("clouds.yaml: {0}")]
    File(String),
    /// The cloud is in none of the files.
    #[error("clouds.yaml names no cloud `{0}`")]
    UnknownCloud(String),
    /// Neither a file nor `OS_AUTH_URL` says where Keystone is.
    #[error("no auth_url: name a cloud of clouds.yaml or set the OS_* variables")]
    NoAuthUrl,
    /// Keystone did not answer in time.
    #[error("Keystone did not answer within {0:?}")]
    ConnectTimeout(Duration),
    /// Keystone refused or failed.
    #[error("Keystone: {0}")]
    Connect(#[from] Box<OpenStackError>),
    /// Without the role Nova and Glance answer 404 for other projects' servers and images.
    #[error("the bridge's user lacks the role `admin`: its token has the roles {0:?}")]
    NotAdmin(Vec<String>),
    /// The catalog has no such service in this region and interface.
    #[error("the catalog has no {0} service: {1}")]
    NoService(ServiceType, String),
    /// The endpoint is the Worker's, which answers for servers and images as Nova does.
    #[error(
        "the {0} endpoint {1} is the edge itself: name Nova's region (region_name in clouds.yaml) or cloud.{0}_endpoint"
    )]
    EdgeItself(ServiceType, String),
    /// A request could not be sent, or its answer did not arrive.
    #[error("{request}: {reason}")]
    Request {
        /// Method and path.
        request: String,
        /// What went wrong.
        reason: String,
    },
}
