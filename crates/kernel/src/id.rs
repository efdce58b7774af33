//! Typed ids.

/// Declares a typed id over a UUID: `typed_id!(/// An incident. IncidentId);`. Ids of one kind cannot stand for another.
#[macro_export]
macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(pub $crate::Uuid);

        impl $name {
            /// A new id (UUIDv7): ids made later sort later.
            pub fn generate(clock: &dyn $crate::Clock) -> Self {
                Self(clock.now().uuid())
            }

            /// Reads an id; `field` names the input in the error.
            pub fn parse(field: &'static str, text: &str) -> Result<Self, $crate::Error> {
                text.parse().map(Self).map_err(|_| $crate::Error::invalid(field, "must be a UUID"))
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }
    };
}
