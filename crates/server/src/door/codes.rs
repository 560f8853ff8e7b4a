//! How the closed lists of `domain` look in the description of the interface: taken from the lists
//! themselves, so that they cannot drift apart.

use domain::{AtLimit, DataClass, Meter, Place, Role, Scope};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident, $codes:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .enum_values(Some($codes))
                    .build()
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name).trim_end_matches("Code"))
            }
        }
    };
}

codes!(
    /// [`DataClass`] by its codes.
    DataClassCode,
    DataClass::ALL.map(DataClass::code)
);
codes!(
    /// [`Place`] by its codes.
    PlaceCode,
    Place::ALL.map(Place::code)
);
codes!(
    /// [`AtLimit`] by its codes.
    AtLimitCode,
    AtLimit::ALL.map(AtLimit::code)
);
codes!(
    /// [`Meter`] by its codes.
    MeterCode,
    Meter::ALL.map(Meter::code)
);
codes!(
    /// [`Role`] by its codes.
    RoleCode,
    [Role::Member, Role::Admin].map(Role::code)
);
codes!(
    /// [`Scope`] by its codes.
    ScopeCode,
    Scope::ALL.map(Scope::code)
);
