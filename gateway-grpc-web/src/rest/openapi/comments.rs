//! Comments of the .proto files, by what they stand before.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, FileDescriptor};

/// Every comment: by file, and by the place in it.
pub(super) struct Comments(HashMap<String, HashMap<Vec<i32>, String>>);

impl Comments {
    pub(super) fn read(pool: &DescriptorPool) -> Self {
        let file = |file: FileDescriptor| {
            let info = file.file_descriptor_proto().source_code_info.as_ref();
            let locations = info.map(|info| info.location.as_slice()).unwrap_or_default();
            let comments = locations
                .iter()
                .filter(|location| location.leading_comments.is_some())
                .map(|location| (location.path.clone(), location.leading_comments().trim().replace("\n ", "\n")));
            (file.name().to_owned(), comments.collect())
        };
        Self(pool.files().map(file).collect())
    }

    /// The comment before what stands at a path of a file; empty where there is none.
    pub(super) fn of(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.0.get(file.name()).and_then(|comments| comments.get(path)).map_or("", String::as_str)
    }
}
