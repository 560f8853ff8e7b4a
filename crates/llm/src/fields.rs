//! The fields of a JSON object, in the order in which they came.

use std::{collections::HashMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value};

/// Fields of a request or of a message. There are few of them, and they are asked for often: they
/// are found by looking at one after the other, which takes less than a hash.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(String, Value)>);

/// Beyond so many fields, one that came before is found by a hash.
const FEW: usize = 32;

impl Fields {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// Sets a field, in its place if it is there.
    pub(crate) fn insert(&mut self, name: &str, value: Value) {
        match self.get_mut(name) {
            Some(own) => *own = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Takes a field out; the order of the others stays.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.remove(at).1)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        self.0.iter_mut().map(|(name, value)| (name.as_str(), value))
    }
}

/// In whatever order.
impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl From<Map<String, Value>> for Fields {
    fn from(fields: Map<String, Value>) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl From<&Fields> for Map<String, Value> {
    fn from(fields: &Fields) -> Self {
        fields.0.iter().cloned().collect()
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Fields, A::Error> {
        let mut gathered = Gathered::default();
        while let Some((name, value)) = entries.next_entry()? {
            gathered.set(name, value);
        }
        Ok(gathered.fields)
    }
}

/// Fields that are being read. Of a name that comes twice, the last value counts, as everywhere in
/// JSON.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) fields: Fields,
    /// Where each stands, once there are more than a few.
    places: HashMap<String, usize>,
}

impl Gathered {
    pub(crate) fn set(&mut self, name: String, value: Value) {
        let fields = &mut self.fields.0;
        let before = if fields.len() < FEW {
            fields.iter().position(|(own, _)| *own == name)
        } else {
            if self.places.is_empty() {
                self.places = fields.iter().map(|(name, _)| name.clone()).zip(0..).collect();
            }
            let before = self.places.get(&name).copied();
            before.or_else(|| self.places.insert(name.clone(), fields.len()))
        };
        match before {
            Some(at) => fields[at].1 = value,
            None => fields.push((name, value)),
        }
    }
}
