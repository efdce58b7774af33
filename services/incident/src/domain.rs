//! What incidents and reports are and how they may change: pure, no transport, no storage.

pub mod area;
pub mod case;
pub mod category;
pub mod feed;
pub mod filter;
pub mod incident;
pub mod photo;
pub mod place;
pub mod report;
pub mod similarity;
pub mod suggestion;
pub mod template;
pub mod timeline;
pub mod tracking;
pub mod working_days;

pub use kvartal_kernel::geo;

/// Declares an enum whose numbers are those of the contract and whose names are those of its values.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$value_doc:meta])* $value:ident = $number:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum $name { $($(#[$value_doc])* $value = $number,)* }

        impl $name {
            /// Every value, by number.
            pub const ALL: &'static [Self] = &[$(Self::$value,)*];

            /// The number in the contract and in storage.
            pub fn number(self) -> i16 {
                self as i16
            }

            /// From the number in the contract or in storage; `None` for 0 and for unknown ones.
            pub fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$value),)* _ => None }
            }

            /// The name in the contract, without the enum's prefix.
            pub fn name(self) -> &'static str {
                match self { $(Self::$value => $text,)* }
            }
        }
    };
}
use numbered;

#[cfg(test)]
mod tests;
