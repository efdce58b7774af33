//! The file is made once, readable by its owner only.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

#[test]
fn the_file_is_made_once_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    read_master_key(None, folder.path(), false).unwrap();
    let path = folder.path().join(FILE);
    let first = fs::read_to_string(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    read_master_key(None, folder.path(), false).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), first);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
}

#[test]
fn a_shared_database_wants_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let error = read_master_key(None, folder.path(), true).err().unwrap();
    assert!(error.to_string().contains("--identity-master-key-file"), "{error}");
    let file = folder.path().join("key");
    fs::write(&file, STANDARD.encode([7; 32]) + "\n").unwrap();
    read_master_key(Some(&file), folder.path(), true).unwrap();
}

#[test]
fn a_broken_file_is_refused_without_showing_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, "canary").unwrap();
    let error = format!("{:#}", read_master_key(Some(&file), folder.path(), false).err().unwrap());
    assert!(error.contains("32 bytes") && !error.contains("canary"), "{error}");
}
