//! Kinds of notifications and the channels they take.

/// How a notification travels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Channel {
    /// The inbox on the page.
    InApp,
    /// Mail.
    Email,
}

impl Channel {
    /// Every channel.
    pub const ALL: [Self; 2] = [Self::InApp, Self::Email];

    /// As it is stored; the numbers are those of the contract.
    pub fn number(self) -> i16 {
        match self {
            Self::InApp => 1,
            Self::Email => 2,
        }
    }

    /// From what is stored.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.number() == number)
    }
}

/// Which channels something takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Channels {
    /// The inbox on the page.
    pub in_app: bool,
    /// Mail.
    pub email: bool,
}

impl Channels {
    /// Whether the channel is among them.
    pub fn contains(self, channel: Channel) -> bool {
        match channel {
            Channel::InApp => self.in_app,
            Channel::Email => self.email,
        }
    }
}

/// What a notification is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Confirm your address.
    EmailConfirmation,
    /// Somebody registered with your address.
    AddressTaken,
    /// Set a new password.
    PasswordReset,
    /// Your password changed.
    PasswordChanged,
    /// A sign-in from a device not seen before.
    NewSignIn,
    /// You were given a role.
    RoleGranted,
    /// A used refresh token came back.
    SessionCompromised,
    /// Your report was received.
    ReportReceived,
    /// A report you filed or follow changed its status.
    ReportStatusChanged,
    /// An incident was assigned to you.
    IncidentAssigned,
    /// Jams began in an area you follow.
    AreaJams,
    /// Jams you were told about are over.
    AreaJamsEnded,
    /// New incidents in an area you follow.
    AreaIncidents,
    /// New reports in an area you follow.
    AreaReports,
    /// Detectors failed in an area you follow.
    AreaDetectors,
}

impl Kind {
    /// Every kind, in the order of the contract.
    pub const ALL: [Self; 15] = [
        Self::EmailConfirmation,
        Self::AddressTaken,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::NewSignIn,
        Self::RoleGranted,
        Self::SessionCompromised,
        Self::ReportReceived,
        Self::ReportStatusChanged,
        Self::IncidentAssigned,
        Self::AreaJams,
        Self::AreaJamsEnded,
        Self::AreaIncidents,
        Self::AreaReports,
        Self::AreaDetectors,
    ];

    /// As it is stored; the numbers are those of the contract.
    pub fn number(self) -> i16 {
        match self {
            Self::EmailConfirmation => 1,
            Self::AddressTaken => 2,
            Self::PasswordReset => 3,
            Self::PasswordChanged => 4,
            Self::NewSignIn => 5,
            Self::RoleGranted => 6,
            Self::SessionCompromised => 7,
            Self::ReportReceived => 8,
            Self::ReportStatusChanged => 9,
            Self::IncidentAssigned => 10,
            Self::AreaJams => 11,
            Self::AreaJamsEnded => 12,
            Self::AreaIncidents => 13,
            Self::AreaReports => 14,
            Self::AreaDetectors => 15,
        }
    }

    /// From what is stored.
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// Whether nobody can switch it off.
    pub fn is_critical(self) -> bool {
        match self {
            Self::EmailConfirmation
            | Self::AddressTaken
            | Self::PasswordReset
            | Self::PasswordChanged
            | Self::NewSignIn
            | Self::SessionCompromised => true,
            Self::RoleGranted
            | Self::ReportReceived
            | Self::ReportStatusChanged
            | Self::IncidentAssigned
            | Self::AreaJams
            | Self::AreaJamsEnded
            | Self::AreaIncidents
            | Self::AreaReports
            | Self::AreaDetectors => false,
        }
    }

    /// The channels it can take; it takes all of them until the receiver says otherwise.
    pub fn channels(self) -> Channels {
        match self {
            // Whoever reads these cannot sign in yet, or any more.
            Self::EmailConfirmation | Self::AddressTaken | Self::PasswordReset => {
                Channels { in_app: false, email: true }
            }
            // Nobody has to hurry because the road is free again.
            Self::AreaJamsEnded => Channels { in_app: true, email: false },
            _ => Channels { in_app: true, email: true },
        }
    }

    /// Whether its mail cannot be made again once the secrets are erased.
    pub fn needs_secrets(self) -> bool {
        matches!(self, Self::EmailConfirmation | Self::PasswordReset)
    }
}
