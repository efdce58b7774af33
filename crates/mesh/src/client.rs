//! The client side of the mesh: what a call to a service of another process goes through.
//!
//! From the outside in, after the deadline and the span of [`crate::Channel`]:
//!
//! 1. [`throttle`]: calls that would be refused over there are refused here, the least critical first.
//! 2. [`balancer`]: waits for an endpoint, bounded in number and time, and picks one. [`waiting`] holds those who wait.
//! 3. [`call`]: the attempts; [`budget`], [`backoff`] and [`replay`] say whether, when and what is sent again.
//! 4. [`counters`]: how many attempts may run; one that is dropped here is not repeated.
//! 5. [`lease`]: one attempt at one [`endpoint`], which has its [`load`], its [`gate`] and its connections ([`connect`]).
//!    [`patience`] says when to doubt it, [`reply`] what its answer means, [`pace`] whether others are far quicker.
//!
//! [`discovery`] tells the balancer which endpoints there are; [`view`] and [`metrics`] show all of it.

mod address;
mod backoff;
mod balancer;
mod budget;
mod call;
mod chance;
mod connect;
mod counters;
mod discovery;
mod endpoint;
mod gate;
mod lease;
mod load;
mod metrics;
mod options;
mod pace;
mod page;
mod patience;
mod replay;
mod reply;
mod throttle;
mod view;
mod waiting;
mod window;

pub use address::Address;
pub(crate) use balancer::{Balancer, Endpoints};
pub(crate) use call::call;
pub use connect::Security;
pub(crate) use discovery::Target;
pub(crate) use lease::Want;
pub(crate) use metrics::observe;
pub use options::RemoteOptions;
pub(crate) use page::page;
pub(crate) use patience::Patience;
pub use view::{EndpointState, EndpointView, ServiceView};
