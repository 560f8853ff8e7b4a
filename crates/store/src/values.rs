//! What goes into a statement and what comes out of a row, as domain types. Both engines keep only
//! whole numbers and text; here is how everything else becomes one of the two.

use std::str::FromStr;

use domain::{
    CollectionId, ConversationId, DataClass, Day, DocumentId, Instant, JobId, KeyId, MessageId,
    PassageId, Place, Role, RunId, SessionId, TenantId, UnitId, UserId,
};
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Arguments, Row, ValueRef,
    any::{AnyArguments, AnyRow},
};

use crate::Error;

/// The parameters of one statement.
#[derive(Default)]
pub(crate) struct Params(pub(crate) AnyArguments);

impl Params {
    pub(crate) fn add(&mut self, value: impl Param) {
        value.push(self);
    }

    fn number(&mut self, value: Option<i64>) {
        // The driver's encoding of numbers and texts into its own list cannot fail.
        self.0.add(value).unwrap_or_default();
    }

    fn text(&mut self, value: Option<String>) {
        self.0.add(value).unwrap_or_default();
    }
}

macro_rules! params {
    ($($value:expr),* $(,)?) => {{
        #[allow(unused_mut)]
        let mut list = $crate::values::Params::default();
        $( list.add($value); )*
        list
    }};
}
pub(crate) use params;

/// A value that can be a parameter.
pub(crate) trait Param {
    fn push(self, to: &mut Params);
    /// Pushes the null of the column type this value has.
    fn push_null(to: &mut Params)
    where
        Self: Sized,
    {
        to.text(None);
    }
}

impl<T: Param> Param for Option<T> {
    fn push(self, to: &mut Params) {
        match self {
            Some(value) => value.push(to),
            None => T::push_null(to),
        }
    }
}

impl Param for &str {
    fn push(self, to: &mut Params) {
        // PostgreSQL refuses NUL in text; what one engine cannot keep, neither keeps.
        let text =
            if self.contains('\0') { self.replace('\0', "\u{fffd}") } else { self.to_owned() };
        to.text(Some(text));
    }
}

impl Param for &String {
    fn push(self, to: &mut Params) {
        self.as_str().push(to);
    }
}

impl Param for String {
    fn push(self, to: &mut Params) {
        if self.contains('\0') { self.as_str().push(to) } else { to.text(Some(self)) }
    }
}

/// A value kept as JSON text.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> Param for Json<T> {
    fn push(self, to: &mut Params) {
        // Our records have text keys and finite numbers, which JSON can always hold. A NUL inside is
        // written as an escape, which both engines keep.
        let text = serde_json::to_string(&self.0).expect("records of the store are plain JSON");
        to.text(Some(text));
    }
}

macro_rules! number_params {
    ($($kind:ty: |$value:ident| $number:expr;)*) => { $(
        impl Param for $kind {
            fn push(self, to: &mut Params) {
                let $value = self;
                to.number(Some($number));
            }
            fn push_null(to: &mut Params) {
                to.number(None);
            }
        }
    )* };
}
number_params! {
    i64: |value| value;
    u32: |value| i64::from(value);
    // A count beyond 2^63 cannot come from memory or disk; it would be kept as the largest one.
    u64: |value| i64::try_from(value).unwrap_or(i64::MAX);
    usize: |value| i64::try_from(value).unwrap_or(i64::MAX);
    bool: |value| i64::from(value);
    Instant: |value| value.micros();
    Day: |value| value.number();
}

/// A value that can be read from a cell.
pub(crate) trait Cell: Sized {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error>;
}

/// Reads the cell of `column`.
pub(crate) fn get<T: Cell>(row: &AnyRow, column: &'static str) -> Result<T, Error> {
    T::read(row, column)
}

impl<T: Cell> Cell for Option<T> {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        let raw = row.try_get_raw(column).map_err(|_| Error::Unreadable(column))?;
        if raw.is_null() { Ok(None) } else { T::read(row, column).map(Some) }
    }
}

impl Cell for i64 {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        row.try_get(column).map_err(|_| Error::Unreadable(column))
    }
}

impl Cell for String {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        row.try_get(column).map_err(|_| Error::Unreadable(column))
    }
}

impl Cell for bool {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        Ok(i64::read(row, column)? != 0)
    }
}

impl Cell for Day {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        i64::read(row, column).map(Self::from_number)
    }
}

impl Cell for Instant {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        i64::read(row, column).map(Self::from_micros)
    }
}

impl<T: DeserializeOwned> Cell for Json<T> {
    fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
        let text: &str = row.try_get(column).map_err(|_| Error::Unreadable(column))?;
        serde_json::from_str(text).map(Json).map_err(|_| Error::Unreadable(column))
    }
}

macro_rules! unsigned_cells {
    ($($kind:ty)*) => { $(
        impl Cell for $kind {
            fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
                Self::try_from(i64::read(row, column)?).map_err(|_| Error::Unreadable(column))
            }
        }
    )* };
}
unsigned_cells!(u32 u64);

macro_rules! text_cells {
    ($($kind:ty)*) => { $(
        impl Cell for $kind {
            fn read(row: &AnyRow, column: &'static str) -> Result<Self, Error> {
                let text: &str = row.try_get(column).map_err(|_| Error::Unreadable(column))?;
                Self::from_str(text).map_err(|_| Error::Unreadable(column))
            }
        }
    )* };
}
text_cells! {
    TenantId UnitId UserId KeyId SessionId CollectionId DocumentId PassageId ConversationId
    MessageId RunId JobId DataClass Place Role
}

macro_rules! id_params {
    ($($kind:ty)*) => { $(
        impl Param for $kind {
            fn push(self, to: &mut Params) {
                to.text(Some(self.to_string()));
            }
        }
    )* };
}
id_params! {
    TenantId UnitId UserId KeyId SessionId CollectionId DocumentId PassageId ConversationId
    MessageId RunId JobId
}
