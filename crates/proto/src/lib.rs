//! The wire side of the platform: messages, clients and servers generated from the .proto files, with the contract.
//!
//! Every request is checked against its `buf.validate` rules while it is decoded, so a handler never sees one that
//! breaks them.

use std::sync::LazyLock;

use kvartal_contract::Contract;

pub mod check;
pub mod codec;
pub mod time;

/// The compiled .proto files: an encoded `google.protobuf.FileDescriptorSet` with comments.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The contract of everything in this crate. The build has read the same bytes, so reading them cannot fail here.
#[expect(clippy::expect_used, reason = "the build refuses a descriptor set that cannot be read")]
pub fn contract() -> &'static Contract {
    static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
        Contract::from_descriptor_set(FILE_DESCRIPTOR_SET).expect("the build has read these descriptors")
    });
    &CONTRACT
}

macro_rules! package {
    ($(#[$doc:meta])* $domain:ident, $file:literal) => {
        $(#[$doc])*
        pub mod $domain {
            /// Version 1.
            #[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated code")]
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/", $file));
            }
        }
    };
}

package!(
    /// Options of the contract, and the roles.
    contract, "kvartal.contract.v1.rs"
);
package!(
    /// The envelope of the bus.
    event, "kvartal.event.v1.rs"
);
package!(
    /// What every service tells about itself.
    host, "kvartal.host.v1.rs"
);
package!(
    /// Accounts, sessions, roles.
    identity, "kvartal.identity.v1.rs"
);
package!(
    /// Incidents and citizens' reports.
    incident, "kvartal.incident.v1.rs"
);
package!(
    /// Roads, detectors, readings, congestion, forecasts, patrols, cameras.
    traffic, "kvartal.traffic.v1.rs"
);
package!(
    /// What people are told.
    notification, "kvartal.notification.v1.rs"
);
package!(
    /// Who did what.
    audit, "kvartal.audit.v1.rs"
);
package!(
    /// How the platform runs.
    operations, "kvartal.operations.v1.rs"
);

#[allow(clippy::all, reason = "generated code")]
mod checks {
    include!(concat!(env!("OUT_DIR"), "/checks.rs"));
}

#[cfg(test)]
mod tests;
