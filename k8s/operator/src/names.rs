//! How what belongs to a database is called.

use kvartal_kernel::Timestamp;

/// The Helm release, the StatefulSet, the service's Secret: all have the name the chart gives.
pub fn release(database: &str) -> String {
    format!("{database}-database")
}

/// The Secret with the server's passwords; only the server and the Jobs of its backups mount it.
pub fn server_secret(database: &str) -> String {
    format!("{database}-database-server")
}

/// The volume of the data, as StatefulSets call it.
pub fn volume(database: &str) -> String {
    format!("data-{database}-database-0")
}

/// The volume of the backups.
pub fn backups(database: &str) -> String {
    format!("{database}-database-backups")
}

/// The Secret with a service's identity.
pub fn identity(service: &str) -> String {
    format!("{service}-tls")
}

/// The database inside the server, and the role that owns it and all that is in it. Nobody signs in with it.
pub fn owner(database: &str) -> String {
    database.replace('-', "_")
}

/// The users of a service: one signs in, the other one is the next, or the one before.
pub fn users(database: &str) -> [String; 2] {
    let owner = owner(database);
    [format!("{owner}_a"), format!("{owner}_b")]
}

/// The name of a backup made at this time, such as `20261126t030000z`: it sorts, and may be part of other names.
pub fn backup(at: Timestamp) -> String {
    let at = at.calendar();
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}{:02}{:02}t{:02}{:02}{:02}z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}
