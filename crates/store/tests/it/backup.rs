//! Backup and restore: everything comes back, nothing damaged does, nothing is overwritten.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use store::{
    Blobs, Error, Location, RestoreTarget, SchemaState, SecretFile, Store, backup, restore,
};

use proptest::prelude::*;

use crate::{transfer::fill, world::World};

crate::on_both_engines! {
    everything_comes_back,
    a_backup_is_made_while_others_write_and_delete,
    a_damaged_backup_touches_nothing,
    nothing_is_overwritten,
    a_lost_file_is_told,
    a_tampered_audit_log_is_saved_and_told,
}

async fn make(world: &World, name: &str) -> (PathBuf, Result<store::BackupReport, Error>) {
    let secret = world.folder.path().join("secret");
    fs::write(&secret, "geheim").unwrap();
    let out = world.folder.path().join(name);
    let secrets = [SecretFile { name: "secret".to_owned(), path: secret }];
    let made = backup(&world.store, &world.blobs, &secrets, &out).await;
    (out, made)
}

fn target(world: &World, name: &str, location: Location) -> RestoreTarget {
    let folder = world.folder.path().join(name);
    RestoreTarget {
        location,
        blobs: folder.join("blobs"),
        ledger: folder.join("ledger"),
        secrets: vec![SecretFile { name: "secret".to_owned(), path: folder.join("etc/secret") }],
    }
}

fn sqlite_target(world: &World, name: &str) -> RestoreTarget {
    let database = world.folder.path().join(name).join("db/fachwerk.db");
    target(world, name, Location::Sqlite(database))
}

async fn everything_comes_back(world: World) {
    fill(&world).await;
    let (out, made) = make(&world, "b.tar.gz").await;
    let made = made.unwrap();
    assert_eq!((made.blobs, made.missing.len(), made.audit_intact), (3, 0, true));
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let postgres = Location::Postgres(testkit::postgres::server().create_database());
    for place in [sqlite_target(&world, "s"), target(&world, "p", postgres)] {
        let restored = restore(&out, &place).await.unwrap();
        assert_eq!(restored, made);
        let store = Store::open(&place.location).await.unwrap();
        assert_eq!(store.schema_state().await.unwrap(), SchemaState::Current);
        assert_eq!(
            store.audit_head(world.tenant).await.unwrap(),
            world.store.audit_head(world.tenant).await.unwrap()
        );
        assert!(store.verify_audit(world.tenant).await.unwrap().intact());
        assert_eq!(fs::read_to_string(&place.secrets[0].path).unwrap(), "geheim");
        let blobs = Blobs::open(&place.blobs, &world.folder.path().join("tmp")).unwrap();
        let user = store.login("clerk@example.org").await.unwrap().unwrap().user;
        let me = crate::world::principal(&user);
        let collection = store.default_collection(me.tenant, me.user).await.unwrap();
        for document in store.documents(&me, collection, None, 100).await.unwrap().items {
            let bytes = fs::read(blobs.path(&document.blob)).unwrap();
            assert_eq!(bytes, fs::read(world.blobs.path(&document.blob)).unwrap());
        }
        let leftovers = |folder: &Path| {
            fs::read_dir(folder)
                .unwrap()
                .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
                .filter(|name| name.starts_with('.'))
                .count()
        };
        assert_eq!(leftovers(place.blobs.parent().unwrap()), 0);
        assert_eq!(leftovers(world.folder.path()), 0);
    }
}

async fn a_backup_is_made_while_others_write_and_delete(world: World) {
    let me = world.person("me", &[]).await;
    let mut documents = Vec::new();
    for n in 0..30 {
        documents.push(world.upload(&me, &format!("{n}"), format!("Text {n}").as_bytes()).await.id);
    }
    let work = async {
        for (n, id) in documents.iter().enumerate() {
            world.store.delete_document(&me, *id, &world.blobs).await.unwrap();
            world.upload(&me, &format!("neu {n}"), format!("Neu {n}").as_bytes()).await;
        }
    };
    let ((out, made), ()) = tokio::join!(make(&world, "b.tar.gz"), work);
    assert_eq!(made.unwrap().missing, Vec::<String>::new());
    restore(&out, &sqlite_target(&world, "s")).await.unwrap();
}

async fn a_damaged_backup_touches_nothing(world: World) {
    fill(&world).await;
    let (out, made) = make(&world, "b.tar.gz").await;
    made.unwrap();
    let good = fs::read(&out).unwrap();
    let mut cases: Vec<(String, Vec<u8>)> = vec![
        ("empty".to_owned(), Vec::new()),
        ("text".to_owned(), b"kein Backup".to_vec()),
        ("cut".to_owned(), good[..good.len() / 2].to_vec()),
        ("cut at the end".to_owned(), good[..good.len() - 20].to_vec()),
    ];
    for (n, place) in (1..8).map(|n| (n, good.len() * n / 8)) {
        let mut flipped = good.clone();
        flipped[place] ^= 0x10;
        // Some bits of a compressed file only fill it up.
        if unpacked(&flipped) != unpacked(&good) {
            cases.push((format!("bit {n}"), flipped));
        }
    }
    // Well-formed archives with a member that was changed, or that wants to go elsewhere.
    cases.push(("changed secret".to_owned(), repack(&good, "secrets/secret", "secrets/secret")));
    cases.push(("way out".to_owned(), repack(&good, "secrets/secret", "secrets/..")));
    cases.push(("unknown".to_owned(), repack(&good, "secrets/secret", "secrets/other")));
    for (n, (name, bytes)) in cases.into_iter().enumerate() {
        let path = world.folder.path().join(format!("{n}.tar.gz"));
        fs::write(&path, bytes).unwrap();
        let place = sqlite_target(&world, &format!("t{n}"));
        let refused = restore(&path, &place).await;
        assert!(matches!(refused, Err(Error::Transfer(_))), "{name}: {refused:?}");
        assert!(!place.blobs.exists() && !place.secrets[0].path.exists(), "{name}");
        let Location::Sqlite(database) = &place.location else { unreachable!() };
        assert!(!database.exists(), "{name}");
    }
}

/// `None` if it is damaged.
fn unpacked(archive: &[u8]) -> Option<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(archive).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Packs an archive anew with one member renamed and changed.
fn repack(archive: &[u8], member: &str, new_name: &str) -> Vec<u8> {
    use std::io::Read as _;
    let mut from = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let mut to = tar::Builder::new(packed);
    for entry in from.entries().unwrap() {
        let mut entry = entry.unwrap();
        let mut name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if name == member {
            bytes = b"anders".to_vec();
            name = new_name.to_owned();
        }
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        // Past the checks of the packing library: an attacker has another.
        let field = &mut header.as_old_mut().name;
        field[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        to.append(&header, bytes.as_slice()).unwrap();
    }
    to.into_inner().unwrap().finish().unwrap()
}

async fn nothing_is_overwritten(world: World) {
    fill(&world).await;
    let (out, made) = make(&world, "b.tar.gz").await;
    made.unwrap();
    let (_, again) = make(&world, "b.tar.gz").await;
    assert!(matches!(again, Err(Error::Transfer(_))), "{again:?}");

    let place = sqlite_target(&world, "files");
    fs::create_dir_all(&place.blobs).unwrap();
    fs::write(place.blobs.join("x"), "x").unwrap();
    assert!(matches!(restore(&out, &place).await, Err(Error::Transfer(_))));
    let place = sqlite_target(&world, "other");
    fs::create_dir_all(place.secrets[0].path.parent().unwrap()).unwrap();
    fs::write(&place.secrets[0].path, "anders").unwrap();
    assert!(matches!(restore(&out, &place).await, Err(Error::Transfer(_))));
    let used = target(&world, "used", world.location.clone());
    assert!(matches!(restore(&out, &used).await, Err(Error::Transfer(_))));
    assert!(!used.blobs.exists());
    // An empty folder is no obstacle.
    let place = sqlite_target(&world, "fine");
    fs::create_dir_all(&place.blobs).unwrap();
    restore(&out, &place).await.unwrap();
    assert!(matches!(restore(&out, &place).await, Err(Error::Transfer(_))));
}

async fn a_lost_file_is_told(world: World) {
    let me = world.person("me", &[]).await;
    let lost = world.upload(&me, "a", b"verloren").await;
    let damaged = world.upload(&me, "b", b"beschaedigt").await;
    world.upload(&me, "c", b"gut").await;
    fs::remove_file(world.blobs.path(&lost.blob)).unwrap();
    fs::write(world.blobs.path(&damaged.blob), "anders").unwrap();
    let (out, made) = make(&world, "b.tar.gz").await;
    let made = made.unwrap();
    assert_eq!((made.blobs, made.missing.len()), (1, 2));
    let restored = restore(&out, &sqlite_target(&world, "s")).await.unwrap();
    assert_eq!(restored, made);
}

/// Whatever happens to the file: it is refused, or what comes back is what was saved. (A few bytes of
/// the packing, e.g. a time stamp, mean nothing.)
#[test]
fn any_damage_is_noticed_or_harmless() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::sqlite());
    let (good, made) = runtime.block_on(async {
        fill(&world).await;
        let (out, made) = make(&world, "b.tar.gz").await;
        (fs::read(out).unwrap(), made.unwrap())
    });
    let number = std::cell::Cell::new(0);
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..Default::default() };
    let damage = (any::<prop::sample::Index>(), 1..=255_u8, any::<prop::sample::Index>());
    proptest!(config, |((place, change, end) in damage)| {
        let mut bytes = good.clone();
        bytes[place.index(good.len())] ^= change;
        if change % 4 == 0 {
            bytes.truncate(end.index(good.len()));
        }
        number.set(number.get() + 1);
        let path = world.folder.path().join(format!("any{}", number.get()));
        fs::write(&path, bytes).unwrap();
        let place = sqlite_target(&world, &format!("at{}", number.get()));
        match runtime.block_on(restore(&path, &place)) {
            Ok(restored) => prop_assert_eq!(&restored, &made),
            Err(Error::Transfer(_)) => prop_assert!(!place.blobs.exists()),
            Err(error) => prop_assert!(false, "{:?}", error),
        }
    });
}

async fn a_tampered_audit_log_is_saved_and_told(world: World) {
    fill(&world).await;
    world.tamper("UPDATE audit_head SET sequence = sequence + 1").await.unwrap();
    let (out, made) = make(&world, "b.tar.gz").await;
    let made = made.unwrap();
    assert!(!made.audit_intact);
    let postgres = Location::Postgres(testkit::postgres::server().create_database());
    for place in [sqlite_target(&world, "s"), target(&world, "p", postgres)] {
        assert_eq!(restore(&out, &place).await.unwrap(), made);
        let store = Store::open(&place.location).await.unwrap();
        assert!(!store.verify_audit(world.tenant).await.unwrap().intact(), "not mended either");
    }
}
