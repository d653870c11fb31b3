//! Which columns a type has.

use arrow_schema::FieldRef;
use millstream::{Data, Result};
use serde_arrow::schema::{SchemaLike, TracingOptions};

/// What is known of the columns beyond the type.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    /// Paths, and the types to write them as.
    types: Vec<(String, String)>,
}

impl Columns {
    pub(super) fn set(&mut self, path: String, data_type: String) {
        self.types.push((path, data_type));
    }

    /// The columns of a type.
    pub(super) fn fields<T: Data>(&self) -> Result<Vec<FieldRef>> {
        let mut options = TracingOptions::default()
            .strings_as_large_utf8(false)
            .sequence_as_large_list(false)
            .bytes_as_large_binary(false)
            .enums_without_data_as_strings(true)
            .map_as_struct(false);
        for (path, data_type) in &self.types {
            let name = path.rsplit('.').next().unwrap_or(path);
            // Whether there may be nulls would be another thing to say; allowing them costs next to nothing.
            let field = serde_json::json!({ "name": name, "data_type": data_type, "nullable": true });
            options = options
                .overwrite(path, field)
                .map_err(|error| anyhow::anyhow!("column `{path}` of type `{data_type}`: {}", first_line(&error)))?;
        }
        let fields = Vec::<FieldRef>::from_type::<T>(options).map_err(|error| {
            let (name, reason) = (std::any::type_name::<T>(), first_line(&error));
            anyhow::anyhow!(
                "the columns of a Parquet file of `{name}` cannot be told from the type: {reason}. Name the types of \
                 such fields by `Parquet::column`"
            )
        })?;
        Ok(fields)
    }
}

/// What an error says, without the trace that may follow.
pub(super) fn first_line(error: &serde_arrow::Error) -> String {
    error.message().to_owned()
}
