//! WZDx 4.2 work-zone feeds (<https://github.com/usdot-jpo-ode/wzdx>): read into road events, written from incidents.

mod read;
mod terms;
mod write;

pub(crate) use read::read;
pub(crate) use write::write;

/// Something in a feed that is allowed and yet unlikely.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FeedWarning {
    /// JSON pointer (RFC 6901).
    pub(crate) path: String,
    /// What is odd.
    pub(crate) message: String,
}

#[cfg(test)]
mod tests;
