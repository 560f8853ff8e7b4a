//! A fresh installation on either engine, with an administrator and whoever a test needs.

use domain::{CollectionId, Credential, DataClass, Principal, Role, SessionId, TenantId, UnitId};
use sqlx::{Connection as _, Executor as _, Row as _};
use store::{Blobs, Document, Error, Location, NewUser, PendingBlob, Store, User};

pub struct World {
    pub store: Store,
    pub location: Location,
    pub blobs: Blobs,
    pub tenant: TenantId,
    pub folder: tempfile::TempDir,
}

impl World {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(folder.path().join("fachwerk.db"));
        Self::at(location, folder).await
    }

    pub async fn postgres() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = testkit::postgres::server().create_database();
        Self::at(Location::Postgres(url), folder).await
    }

    async fn at(location: Location, folder: tempfile::TempDir) -> Self {
        let store = Store::open(&location).await.unwrap();
        store.migrate().await.unwrap();
        let tenant = store.default_tenant().await.unwrap().id;
        let blobs = Blobs::open(&folder.path().join("blobs"), &folder.path().join("tmp")).unwrap();
        Self { store, location, blobs, tenant, folder }
    }

    /// Another store on the same installation, as another process has it.
    pub async fn other(&self) -> Store {
        Store::open(&self.location).await.unwrap()
    }

    /// Makes a member named `name`, in these units.
    pub async fn person(&self, name: &str, units: &[UnitId]) -> Principal {
        principal(&self.user(name, Role::Member, units).await.unwrap())
    }

    pub async fn user(&self, name: &str, role: Role, units: &[UnitId]) -> Result<User, Error> {
        let new = new_user(name, role, units);
        self.store.create_user(self.tenant, &new, &store::By::command()).await
    }

    pub async fn unit(&self, name: &str) -> UnitId {
        let by = store::By::command();
        self.store.create_unit(self.tenant, name, None, &by).await.unwrap().0.id
    }

    pub async fn pending(&self, bytes: &[u8]) -> PendingBlob {
        let mut writer = self.blobs.begin(1 << 20).await.unwrap();
        writer.write(bytes).await.unwrap();
        writer.finish().await.unwrap()
    }

    pub async fn default_collection(&self, who: &Principal) -> CollectionId {
        self.store.default_collection(who.tenant, who.user).await.unwrap()
    }

    /// Uploads into the default collection.
    pub async fn upload(&self, who: &Principal, name: &str, bytes: &[u8]) -> Document {
        let collection = self.default_collection(who).await;
        let pending = self.pending(bytes).await;
        self.store.receive_document(who, collection, name, pending, None).await.unwrap().document
    }

    /// Runs statements past the store, as somebody with access to the database could.
    pub async fn tamper(&self, sql: &str) -> Result<(), sqlx::Error> {
        let mut connection = self.connection().await?;
        connection.execute(sqlx::AssertSqlSafe(sql.to_owned())).await?;
        connection.close().await
    }

    /// Asks for one number, named `n`, past the store.
    pub async fn number(&self, sql: &'static str) -> i64 {
        let mut connection = self.connection().await.unwrap();
        let row = sqlx::query(sql).fetch_one(&mut connection).await.unwrap();
        let number = row.get("n");
        connection.close().await.unwrap();
        number
    }

    /// A connection past the store.
    pub async fn connection(&self) -> Result<sqlx::AnyConnection, sqlx::Error> {
        sqlx::any::install_default_drivers();
        let url = match &self.location {
            Location::Sqlite(path) => format!("sqlite://{}", path.display()),
            Location::Postgres(url) => url.clone(),
        };
        sqlx::AnyConnection::connect(&url).await
    }
}

pub fn new_user(name: &str, role: Role, units: &[UnitId]) -> NewUser {
    NewUser {
        email: format!("{name}@Example.org"),
        name: name.to_owned(),
        role,
        is_service: false,
        password_hash: "$argon2id$…".to_owned(),
        locale: None,
        units: units.to_vec(),
        default_collection: "Meine Dokumente".to_owned(),
        default_class: DataClass::Internal,
    }
}

pub fn principal(user: &User) -> Principal {
    user.principal(Credential::Session(SessionId::new()))
}
