//! What the definition of the resource cannot say, or what got past it: the operator looks itself.

use kube::ResourceExt as _;

use crate::api::{Engine, ServiceDatabase};
use crate::{backup, quantity};

/// What is wrong with the object, and what to do; `None` when it can be done.
pub fn problem(object: &ServiceDatabase) -> Option<String> {
    let (name, spec) = (object.name_any(), &object.spec);
    let letters = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !letters || name.len() > 30 || !name.starts_with(|c: char| c.is_ascii_lowercase()) || name.ends_with('-') {
        return Some(format!(
            "metadata.name: {name} cannot be the name of a service: at most 30 lower-case letters, digits and dashes, a letter first"
        ));
    }
    let backup_size = spec.backup.as_ref().map(|backup| ("spec.backup.volume.size", &backup.volume.size));
    for (field, size) in [("spec.storage.size", &spec.storage.size)].into_iter().chain(backup_size) {
        if quantity::bytes(size).is_none_or(|bytes| bytes == 0) {
            return Some(format!("{field}: {size} is no size: write one such as 5Gi"));
        }
    }
    let memory = spec.resources.as_ref().and_then(|resources| resources.limits.memory.as_deref());
    if let Some(memory) = memory.filter(|memory| !memory.ends_with("Mi") && !memory.ends_with("Gi")) {
        // The chart reckons buffers from it, and would refuse it again and again.
        return Some(format!(
            "spec.resources.limits.memory: {memory} must be a whole number of Mi or Gi: write one such as 512Mi"
        ));
    }
    if let Some(backup) = &spec.backup {
        if spec.engine != Engine::Postgres {
            return Some("spec.backup: backups are checked by restoring them, and that is known for engine postgres only: remove backup".to_owned());
        }
        if let Err(error) = backup::schedule(&backup.schedule) {
            return Some(format!(
                "spec.backup.schedule: {}: {error}: write five fields such as 0 3 * * *",
                backup.schedule
            ));
        }
    }
    let own = spec.restore_from.as_ref().is_some_and(|from| from.database == name);
    own.then(|| {
        "spec.restoreFrom.database: a database cannot begin with a backup of itself: give this object another name"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::api::ServiceDatabase;

    #[test]
    fn memory_that_the_chart_would_refuse_is_told_at_once() {
        let of = |limits: serde_json::Value| {
            let spec = serde_json::from_value(json!({ "resources": { "limits": limits } })).unwrap();
            super::problem(&ServiceDatabase::new("news", spec))
        };
        assert_eq!(of(json!({ "memory": "512Mi" })), None);
        assert_eq!(of(json!({ "cpu": "1" })), None);
        let problem = of(json!({ "memory": "500000000" })).unwrap();
        assert!(problem.contains("write one such as 512Mi"), "{problem}");
    }
}
