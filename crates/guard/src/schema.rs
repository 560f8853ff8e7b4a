//! Whether JSON fits a JSON Schema (drafts 4 to 2020-12), with bounds on both: schemas come from callers.
//! R-7 of the reference architecture. Fetches nothing: a schema that refers to anything outside itself
//! is not used.

use boon::{Compiler, SchemaIndex, Schemas, SchemeUrlLoader};
use serde_json::Value;

/// Longest schema in bytes; a longer one is not used.
const SCHEMA_BYTES_MAX: usize = 64 << 10;
/// Longest regular expression in a schema, and most of them; beyond: the schema is not used. They are
/// matched in linear time.
const PATTERN_BYTES_MAX: usize = 512;
const PATTERNS_MAX: usize = 64;
/// Most nodes of a schema with its references written out; beyond: it is not used.
const EXPANDED_NODES_MAX: usize = 20_000;
/// Deepest nesting of a schema with its references written out.
const EXPANDED_DEPTH_MAX: usize = 64;
/// Most steps that a check may take by estimate; beyond: the JSON is not checked.
const STEPS_MAX: u64 = 1_000_000;
/// Differences that are told; of the rest nothing.
const DIFFERENCES_MAX: usize = 8;
/// Longest text of one difference.
const DIFFERENCE_CHARS_MAX: usize = 200;
/// The name under which the schema is compiled; nothing is fetched from there.
const NAME: &str = "urn:fachwerk:schema";

/// Why a schema is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It is larger or would take longer than is allowed.
    #[error("the schema is too large or too costly")]
    TooCostly,
    /// It is no JSON Schema, or refers to something outside itself.
    #[error("the schema is no JSON Schema of its own")]
    Unusable,
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// The JSON fits.
    Fits,
    /// It does not; where and why, for whoever wrote it. Holds content.
    Differs(Vec<String>),
    /// The text is no JSON.
    NoJson,
    /// The JSON is too large or too deep for this schema to be checked.
    Unchecked,
}

/// A compiled schema.
pub struct SchemaCheck {
    schemas: Schemas,
    index: SchemaIndex,
    size: u64,
    /// References that lead back into what they stand in.
    loops: u64,
}

impl std::fmt::Debug for SchemaCheck {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SchemaCheck").field("size", &self.size).finish_non_exhaustive()
    }
}

impl SchemaCheck {
    /// Compiles a schema.
    ///
    /// # Errors
    /// If it is beyond the bounds, or cannot be used.
    pub fn new(schema: &Value) -> Result<Self, SchemaError> {
        if schema.to_string().len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::TooCostly);
        }
        let mut extent = Extent { root: schema, open: vec![], size: 0, loops: 0, patterns: 0 };
        extent.walk(schema, 0)?;
        let mut compiler = Compiler::new();
        // Not even files, which is what the library would read by itself.
        compiler.use_loader(Box::new(SchemeUrlLoader::new()));
        let mut schemas = Schemas::new();
        compiler.add_resource(NAME, schema.clone()).map_err(|_| SchemaError::Unusable)?;
        let compiled = compiler.compile(NAME, &mut schemas);
        let index = compiled.map_err(|_| SchemaError::Unusable)?;
        Ok(Self { schemas, index, size: extent.size as u64, loops: extent.loops as u64 })
    }

    /// Checks a text.
    #[must_use]
    pub fn check(&self, text: &str) -> Fit {
        let Ok(value) = serde_json::from_str::<Value>(text) else { return Fit::NoJson };
        let (nodes, depth) = extent_of(&value);
        // Each loop may be entered anew at each level.
        let again = self.loops.max(1).checked_pow(depth).unwrap_or(u64::MAX);
        let steps = self.size.saturating_mul(nodes).saturating_mul(again);
        if steps > STEPS_MAX {
            return Fit::Unchecked;
        }
        match self.schemas.validate(&value, self.index) {
            Ok(()) => Fit::Fits,
            Err(error) => {
                let mut differences = vec![];
                tell(&error, &mut differences);
                Fit::Differs(differences)
            }
        }
    }
}

/// The innermost reasons.
fn tell(error: &boon::ValidationError<'_, '_>, differences: &mut Vec<String>) {
    if differences.len() >= DIFFERENCES_MAX {
        return;
    }
    if error.causes.is_empty() {
        let text = format!("at '{}': {}", error.instance_location, error.kind);
        differences.push(text.chars().take(DIFFERENCE_CHARS_MAX).collect());
    }
    error.causes.iter().for_each(|cause| tell(cause, differences));
}

/// Nodes and depth of a value.
fn extent_of(value: &Value) -> (u64, u32) {
    let inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        _ => return (1, 0),
    };
    inner
        .map(extent_of)
        .fold((1, 1), |(nodes, depth), (more, below)| (nodes + more, depth.max(below + 1)))
}

/// How large a schema is with its references written out.
struct Extent<'s> {
    root: &'s Value,
    /// References that are being written out.
    open: Vec<&'s str>,
    size: usize,
    loops: usize,
    patterns: usize,
}

impl<'s> Extent<'s> {
    fn walk(&mut self, node: &'s Value, depth: usize) -> Result<(), SchemaError> {
        self.size += 1;
        if self.size > EXPANDED_NODES_MAX || depth > EXPANDED_DEPTH_MAX {
            return Err(SchemaError::TooCostly);
        }
        match node {
            Value::Array(items) => items.iter().try_for_each(|item| self.walk(item, depth + 1)),
            Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
                match (name.as_str(), value) {
                    ("$ref" | "$dynamicRef" | "$recursiveRef", Value::String(target)) => {
                        self.follow(target, depth)?;
                    }
                    ("pattern", Value::String(pattern)) => self.pattern(pattern)?,
                    ("patternProperties", Value::Object(patterns)) => {
                        patterns.keys().try_for_each(|pattern| self.pattern(pattern))?;
                    }
                    _ => {}
                }
                self.walk(value, depth + 1)
            }),
            _ => Ok(()),
        }
    }

    fn pattern(&mut self, pattern: &str) -> Result<(), SchemaError> {
        self.patterns += 1;
        let is_sound = pattern.len() <= PATTERN_BYTES_MAX && self.patterns <= PATTERNS_MAX;
        if is_sound { Ok(()) } else { Err(SchemaError::TooCostly) }
    }

    fn follow(&mut self, target: &'s str, depth: usize) -> Result<(), SchemaError> {
        let inside = target.strip_prefix('#').ok_or(SchemaError::Unusable)?;
        let found = if inside.is_empty() { Some(self.root) } else { self.root.pointer(inside) };
        let (Some(found), false) = (found, self.open.contains(&target)) else {
            // Back into what is open, or to an anchor, which may lead there.
            self.loops += 1;
            return Ok(());
        };
        self.open.push(target);
        let walked = self.walk(found, depth + 1);
        self.open.pop();
        walked
    }
}
