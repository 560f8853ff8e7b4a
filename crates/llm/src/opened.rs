//! An object of a request that is read field by field. What nobody took is refused by its path, so that
//! at no depth a field goes unnoticed. Knows neither what fields there are nor who has no place for them.

use serde_json::Value;

use crate::{Fields, RequestError};

/// How somebody refuses the field at a path.
pub(crate) type Refuse<'r> = &'r dyn Fn(String) -> RequestError;

/// An object, and what of it is still to be read. Null counts as absent, as it does for OpenAI.
pub(crate) struct Opened<'a, 'r> {
    path: String,
    left: Vec<(&'a str, &'a Value)>,
    refuse: Refuse<'r>,
}

/// Reads an object of a request in another interface: whatever nobody took is unknown there.
pub(crate) fn opened<'a, T>(
    value: &'a Value,
    path: impl Into<String>,
    reading: impl FnOnce(&mut Opened<'a, 'static>) -> Result<T, RequestError>,
) -> Result<T, RequestError> {
    Opened::read(value, path, &RequestError::unknown, reading)
}

/// Reads the tools of such a request.
pub(crate) fn tools(
    tools: &Value,
    tool: fn(&mut Opened<'_, 'static>) -> Result<Value, RequestError>,
) -> Result<Value, RequestError> {
    let Value::Array(tools) = tools else {
        return Err(RequestError::wrong_type("tools", "an array", tools));
    };
    let tools = tools.iter().enumerate();
    tools.map(|(index, one)| opened(one, format!("tools[{index}]"), tool)).collect()
}

impl<'a, 'r> Opened<'a, 'r> {
    /// Reads an object that stands at a path.
    pub(crate) fn read<T>(
        value: &'a Value,
        path: impl Into<String>,
        refuse: Refuse<'r>,
        reading: impl FnOnce(&mut Self) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        let path = path.into();
        match value {
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
                Self::read_all(fields, path, refuse, reading)
            }
            other => Err(RequestError::wrong_type(path, "an object", other)),
        }
    }

    /// Reads the fields of an object that stands at a path.
    pub(crate) fn read_fields<T>(
        fields: &'a Fields,
        path: String,
        refuse: Refuse<'r>,
        reading: impl FnOnce(&mut Self) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        Self::read_all(fields.iter(), path, refuse, reading)
    }

    fn read_all<T>(
        fields: impl Iterator<Item = (&'a str, &'a Value)>,
        path: String,
        refuse: Refuse<'r>,
        reading: impl FnOnce(&mut Self) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        let left = fields.filter(|(_, value)| !value.is_null()).collect();
        let mut opened = Self { path, left, refuse };
        let read = reading(&mut opened)?;
        match opened.left.first() {
            None => Ok(read),
            Some((name, _)) => Err(opened.refused(name)),
        }
    }

    /// The path of a field.
    pub(crate) fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    /// The refusal of a field.
    pub(crate) fn refused(&self, name: &str) -> RequestError {
        (self.refuse)(self.at(name))
    }

    /// What a field says, whatever that is.
    pub(crate) fn take(&mut self, name: &str) -> Option<&'a Value> {
        let at = self.left.iter().position(|(own, _)| *own == name)?;
        Some(self.left.remove(at).1)
    }

    /// Passes over hints that change nothing in the answer.
    pub(crate) fn overlook(&mut self, names: &[&str]) {
        self.left.retain(|(name, _)| !names.contains(name));
    }

    /// Passes over a field that has the value it has where nobody sets it.
    pub(crate) fn overlook_default(&mut self, name: &str, default: impl FnOnce(&Value) -> bool) {
        let at = self.left.iter().position(|(own, _)| *own == name);
        if let Some(at) = at.filter(|at| default(self.left[*at].1)) {
            self.left.remove(at);
        }
    }

    /// A text that may be absent.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<&'a str>, RequestError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(RequestError::wrong_type(self.at(name), "a string", other)),
        }
    }

    /// A text that must be there.
    pub(crate) fn required(&mut self, name: &str) -> Result<&'a str, RequestError> {
        self.text(name)?.ok_or_else(|| RequestError::missing(self.at(name)))
    }

    /// A wish that may be absent.
    pub(crate) fn boolean(&mut self, name: &str) -> Result<Option<bool>, RequestError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(wish)) => Ok(Some(*wish)),
            Some(other) => Err(RequestError::wrong_type(self.at(name), "a boolean", other)),
        }
    }

    /// An object of those of these fields that are there.
    pub(crate) fn copied(&mut self, names: &[&str]) -> Value {
        let fields = names.iter().filter_map(|name| {
            let value = self.take(name)?.clone();
            Some(((*name).to_owned(), value))
        });
        Value::Object(fields.collect())
    }

    /// An object that is kept as it is and may be absent.
    pub(crate) fn whole(&mut self, name: &str) -> Result<Option<&'a Value>, RequestError> {
        match self.take(name) {
            None => Ok(None),
            Some(object @ Value::Object(_)) => Ok(Some(object)),
            Some(other) => Err(RequestError::wrong_type(self.at(name), "an object", other)),
        }
    }

    /// Reads an object inside that may be absent.
    pub(crate) fn object<T>(
        &mut self,
        name: &str,
        reading: impl FnOnce(&mut Self) -> Result<T, RequestError>,
    ) -> Result<Option<T>, RequestError> {
        let inside = self.take(name);
        inside.map(|value| Self::read(value, self.at(name), self.refuse, reading)).transpose()
    }

    /// Reads an object inside that must be there.
    pub(crate) fn required_object<T>(
        &mut self,
        name: &str,
        reading: impl FnOnce(&mut Self) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        self.object(name, reading)?.ok_or_else(|| RequestError::missing(self.at(name)))
    }

    /// Reads each object of a list inside; an absent list has none.
    pub(crate) fn each<T>(
        &mut self,
        name: &str,
        reading: impl FnMut(&mut Self) -> Result<T, RequestError>,
    ) -> Result<Vec<T>, RequestError> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => self.each_of(items, name, reading),
            Some(other) => Err(RequestError::wrong_type(self.at(name), "an array", other)),
        }
    }

    /// Reads each object of a list that was taken from under a name.
    pub(crate) fn each_of<T>(
        &self,
        items: &'a [Value],
        name: &str,
        mut reading: impl FnMut(&mut Self) -> Result<T, RequestError>,
    ) -> Result<Vec<T>, RequestError> {
        let items = items.iter().enumerate();
        let read = items.map(|(index, item)| {
            let path = format!("{}.{name}[{index}]", self.path);
            Self::read(item, path, self.refuse, &mut reading)
        });
        read.collect()
    }
}
