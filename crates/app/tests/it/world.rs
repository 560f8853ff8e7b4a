//! A small authority with an installation of its own, made anew for each test.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use app::{
    AnswerCache, App, Collection, Config, DefinitionFault, Document, DocumentState, FileModels,
    GuardPolicy, GuardScope, KeyedDefinition, ModelReader, NewCollection, NewPerson, Parts,
    PlaceRules, Principal,
};
use domain::{
    CollectionId, Credential, DataClass, Place, Role, Scope, SessionId, UnitId, Visibility,
};
use gateway::{
    Catalogue, Gateway, HttpClient, HttpSettings, KeyHeader, Model, Offer, Offers, PlacePolicy,
    Price, Route, RouteKind, ServerRoute, Settings,
};
use identity::InstallationSecret;
use llm::Dialect;
use store::{Blobs, Ledger, Location, Store};
use tempfile::TempDir;
use testkit::fake_model::FakeModel;
use tokio_util::task::TaskTracker;

pub const PASSWORD: &str = "korrekt pferd batterie";

/// Micro-euro for a million tokens at a euro each.
pub const MEGA: u64 = 1_000_000_000_000;

/// An installation with three models: `fachwerk-auszug`; `gross` on a server elsewhere that is
/// cleared for open data only; and `beide` on an own server, then elsewhere up to personal data.
pub struct World {
    pub app: Arc<App>,
    pub store: Store,
    pub model: FakeModel,
    /// The own server.
    pub near: FakeModel,
    pub folder: TempDir,
    pub tasks: TaskTracker,
    pub gateway: Gateway,
}

impl World {
    pub async fn new() -> Self {
        Self::guarded(GuardPolicy::off()).await
    }

    pub async fn guarded(guard: GuardPolicy) -> Self {
        Self::with(Config { guard, ..config("erste") }).await
    }

    /// Where something else than the general policy holds for some.
    pub async fn guarded_but(guard: GuardPolicy, but: Vec<(GuardScope, GuardPolicy)>) -> Self {
        Self::with(Config { guard, guard_exceptions: but, ..config("erste") }).await
    }

    /// A world that keeps answers to requests up to this class.
    pub async fn keeping_answers(class_max: DataClass) -> Self {
        let mut guard = GuardPolicy::off();
        // So that a request can be found fault with.
        guard.elsewhere = PlaceRules::all(app::GuardAction::Report, app::GuardAction::Report);
        Self::keeping_guarded_answers(class_max, guard).await
    }

    /// The same under this policy.
    pub async fn keeping_guarded_answers(class_max: DataClass, guard: GuardPolicy) -> Self {
        let cache =
            AnswerCache { class_max, lifetime: Duration::from_hours(1), bytes_max: 1 << 20 };
        Self::with(Config { guard, answer_cache: Some(cache), ..config("erste") }).await
    }

    async fn with(config: Config) -> Self {
        let folder = TempDir::new().unwrap();
        let (model, near) = (FakeModel::start().await, FakeModel::start().await);
        let location = sqlite(folder.path());
        let catalogue = catalogue(&model, &near);
        let (app, store, gateway) =
            start(folder.path(), &location, catalogue, config, "index").await;
        Self { app, store, model, near, folder, tasks: TaskTracker::new(), gateway }
    }

    /// Starts a second process on the same folder, as after a crash of the first; its index is empty
    /// and must be built anew, since the first still holds the lock on the other.
    pub async fn restart(&self) -> Arc<App> {
        self.restart_as("zweite", "index-2").await
    }

    pub async fn restart_as(&self, instance: &str, index: &str) -> Arc<App> {
        let (catalogue, location) =
            (catalogue(&self.model, &self.near), sqlite(self.folder.path()));
        start(self.folder.path(), &location, catalogue, config(instance), index).await.0
    }

    /// How many answers are kept.
    pub async fn kept_answers(&self) -> u64 {
        self.store.kept_answers().await.unwrap()
    }

    /// Puts a catalogue in place in which all routes of the model are cleared up to this class.
    pub fn lower_clearance(&self, model: &str, clearance: DataClass) {
        let mut models = self.gateway.catalogue().models().to_vec();
        let model = models.iter_mut().find(|other| other.name == model).unwrap();
        let routes = &mut Arc::make_mut(model).routes;
        routes.iter_mut().for_each(|route| route.clearance = clearance);
        self.gateway.replace_catalogue(Catalogue::new(models).unwrap());
    }

    pub async fn person(&self, name: &str, role: Role, units: Vec<UnitId>) -> Principal {
        let person = NewPerson {
            name: name.to_owned(),
            email: format!("{name}@amt.example"),
            password: PASSWORD.to_owned(),
            role,
            units,
        };
        let user = self.app.create_user_by_command(person).await.unwrap();
        user.principal(Credential::Session(SessionId::new()))
    }

    pub async fn member(&self, name: &str) -> Principal {
        self.person(name, Role::Member, vec![]).await
    }

    /// Works until nothing is left to do.
    pub fn work(&self) {
        let app = self.app.clone();
        self.tasks.spawn(async move { app.run_worker(false, true).await });
    }

    /// A collection of published texts, which any model may read.
    pub async fn open_collection(&self, who: &Principal) -> Collection {
        let new = NewCollection {
            name: "Satzungen".to_owned(),
            data_class: DataClass::Open,
            visibility: Visibility::Private,
        };
        self.app.create_collection(who, new).await.unwrap()
    }

    pub async fn upload(
        &self,
        who: &Principal,
        collection: CollectionId,
        name: &str,
        text: &str,
    ) -> Document {
        let mut upload = self.app.begin_upload(who, collection, 0).await.unwrap();
        upload.write(text.as_bytes()).await.unwrap();
        let document = self.app.upload_document(who, upload, name).await.unwrap();
        self.settled(who, document).await
    }

    pub async fn settled(&self, who: &Principal, document: Document) -> Document {
        for _ in 0..600 {
            let now = self.app.get_document(who, document.id).await.unwrap();
            if matches!(now.state, DocumentState::Ready | DocumentState::Failed) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the document stays in the making");
    }
}

/// A principal with an API key instead of a session.
pub fn with_key(principal: &Principal, scopes: &[Scope]) -> Principal {
    let credential = Credential::ApiKey {
        id: domain::KeyId::new(),
        scopes: scopes.to_vec(),
        models: None,
        data_class: None,
    };
    Principal { credential, ..principal.clone() }
}

/// Four processes on one PostgreSQL; the world is the first.
pub async fn four_processes() -> (World, Vec<Arc<App>>) {
    let folder = TempDir::new().unwrap();
    let (model, near) = (FakeModel::start().await, FakeModel::start().await);
    let location = Location::Postgres(testkit::postgres::server().create_database());
    let mut processes = Vec::new();
    let mut stores = Vec::new();
    for name in ["eins", "zwei", "drei", "vier"] {
        let own = folder.path().join(name);
        std::fs::create_dir(&own).unwrap();
        let catalogue = catalogue(&model, &near);
        let (app, store, gateway) = start(&own, &location, catalogue, config(name), "index").await;
        processes.push(app);
        stores.push((store, gateway));
    }
    let (app, (store, gateway)) = (Arc::clone(&processes[0]), stores.remove(0));
    (World { app, store, model, near, folder, tasks: TaskTracker::new(), gateway }, processes)
}

fn sqlite(folder: &Path) -> Location {
    Location::Sqlite(folder.join("fachwerk.db"))
}

async fn start(
    folder: &Path,
    location: &Location,
    catalogue: Catalogue,
    config: Config,
    index: &str,
) -> (Arc<App>, Store, Gateway) {
    let store = Store::open(location).await.unwrap();
    store.migrate().await.unwrap();
    let ledger = Ledger::open(&folder.join("ledger")).unwrap();
    let blobs = Blobs::open(&folder.join("blobs"), &folder.join("tmp")).unwrap();
    let (index, _) = search::Index::open(&folder.join(index), search::Role::Writer).unwrap();
    let gateway = Gateway::new(
        HttpClient::new(&HttpSettings::default()).unwrap(),
        catalogue.clone(),
        settings(),
    );
    let parts = Parts {
        store: store.clone(),
        ledger,
        blobs,
        index: Arc::new(index),
        gateway: gateway.clone(),
        models: Arc::new(Fixed::new(&catalogue)),
        secret: InstallationSecret::generate(),
        config,
    };
    (App::new(parts).unwrap(), store, gateway)
}

/// A configuration file that says nothing but these models, and has no words for others.
struct Fixed(Arc<FileModels>);

impl Fixed {
    fn new(catalogue: &Catalogue) -> Self {
        let mut models = catalogue.models().to_vec();
        let built_in = models.remove(0);
        let (definitions, auto, hosts) = (vec![], vec![], vec![]);
        Self(Arc::new(FileModels { models, definitions, auto, built_in, hosts }))
    }
}

impl ModelReader for Fixed {
    fn file(&self) -> Arc<FileModels> {
        Arc::clone(&self.0)
    }

    fn read(&self, _: &KeyedDefinition<'_>) -> Result<Model, Vec<DefinitionFault>> {
        Err(vec![])
    }
}

fn settings() -> Settings {
    Settings { backoff_first: Duration::from_millis(1), ..Settings::default() }
}

/// A way to a fake server.
pub fn server(fake: &FakeModel) -> RouteKind {
    RouteKind::Server(ServerRoute {
        dialect: Dialect::Compatible,
        base_url: fake.base_url().parse().unwrap(),
        api_key: None,
        key_header: KeyHeader::Bearer,
        upstream_model: "upstream".to_owned(),
        query: vec![],
    })
}

fn catalogue(model: &FakeModel, near: &FakeModel) -> Catalogue {
    let remote = Route::new("wolke", server(model), Place::Elsewhere, DataClass::Open);
    let built_in = Route::new("eingebaut", RouteKind::BuiltIn, Place::Own, DataClass::Restricted);
    let own = Route::new("eigene", server(near), Place::Own, DataClass::Restricted);
    let mut overflow = Route::new("fern", server(model), Place::Elsewhere, DataClass::Personal);
    overflow.rank = 2;
    let mut vectors = Route::new("vektor", server(model), Place::Elsewhere, DataClass::Personal);
    vectors.offers = Offers::of([Offer::Embeddings]);
    let mut completes = Route::new("text", server(model), Place::Elsewhere, DataClass::Personal);
    completes.offers = Offers::of([Offer::Completions]);
    // They judge texts: one in the house, one that may see less.
    let judge = |place, clearance| Route {
        offers: Offers::of([Offer::Moderations]),
        ..Route::new("pruefer", server(near), place, clearance)
    };
    let judges = [
        judge(Place::Own, DataClass::Personal),
        Route { name: "ferner-pruefer".to_owned(), ..judge(Place::Elsewhere, DataClass::Open) },
    ];
    // A euro a token, and the same for nothing.
    let prices =
        |euro: u64| Price { input: euro * MEGA, output: euro * MEGA, ..Price::default() }.into();
    let priced = |name: &str, rank, euro| Route {
        rank,
        prices: prices(euro),
        concurrent_max: 64,
        ..Route::new(name, server(near), Place::Own, DataClass::Restricted)
    };
    let remote = Route { concurrent_max: 64, ..remote };
    let model = |name: &str, routes| Model::new(name, routes);
    Catalogue::new(vec![
        model(app::BUILT_IN_MODEL, vec![built_in]),
        model("gross", vec![remote]),
        model("beide", vec![own, overflow]),
        model("vektoren", vec![vectors]),
        model("text", vec![completes]),
        model("schutz", vec![judges[0].clone()]),
        model("schutz-fern", vec![judges[1].clone()]),
        model("teuer", vec![priced("kostet", 1, 1), priced("frei", 2, 0)]),
        model("nurteuer", vec![priced("kostet", 1, 1)]),
        Model { cheaper: Some("gross".to_owned()), ..model("stufe", vec![priced("oben", 1, 1)]) },
        Model { cheaper: Some("wolke".to_owned()), ..model("falle", vec![priced("oben", 1, 1)]) },
        model("wolke", vec![Route { clearance: DataClass::Open, ..priced("wolke", 1, 0) }]),
    ])
    .unwrap()
}

fn config(instance: &str) -> Config {
    Config {
        instance: instance.to_owned(),
        upload_bytes_max: 1_000_000,
        free_bytes_min: 0,
        person_bytes_max: None,
        session_idle: Duration::from_hours(8),
        session_lifetime: Duration::from_hours(24),
        default_model: None,
        interface_class: DataClass::Internal,
        api_class: DataClass::Open,
        places: PlacePolicy::ANYWHERE,
        extraction: extract::Limits::default(),
        extract_program: reader(),
        ingest_workers: 2,
        guard: GuardPolicy::off(),
        usage_people_min: 5,
        guard_exceptions: vec![],
        answer_cache: None,
    }
}

/// `cargo test` builds examples beside the tests: `target/…/deps/it-…` and
/// `target/…/examples/document_reader`.
fn reader() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().parent().unwrap().join("examples/document_reader")
}
