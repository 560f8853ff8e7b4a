//! Files that an operator hands over: a backup (`store`) and the configuration (`server`).

use std::{fs, io::Write, sync::LazyLock};

use flate2::{Compression, write::GzEncoder};
use server::config::{Environment, load_text};
use store::{Location, RestoreTarget, SecretFile};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub const BACKUPS: &[&[u8]] = &[include_bytes!("../seeds/backup.tar"), b"\x1f\x8b\x08", b"tar"];
pub const FILES: &[&[u8]] = &[
    b"listen = \"[::1]:8080\"\ntrusted_proxy = \"192.0.2.1\"\npublic_url = \"https://ki.example\"\n[limits]\nconnections = 10\n",
    b"default_model = \"gross\"\n[log]\nlevel = \"info,gateway=debug\"\n[[models]]\nname = \"gross\"\npurpose = \"x\"\n[[models.routes]]\nkind = \"openai\"\nbase_url = \"https://example.org/v1\"\napi_key_env = \"K\"\nkey_header = \"api-key\"\nquery = \"a=b\"\nupstream_model = \"m\"\nplace = \"eu\"\nclearance = \"open\"\nprice_input = 1.5\n",
    b"unknown = 1\nlisten = 3\n[limits]\nconnections = -1\n[[models]]\n",
];

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads"));

/// The bytes as they are, and as the tar inside the compression: nobody guesses a checksum of gzip.
pub fn backup(data: &[u8]) {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(data).expect("memory takes it");
    for bytes in [data, &packed.finish().expect("memory takes it")] {
        let folder = TempDir::new().expect("a temporary folder");
        let archive = folder.path().join("alles.tar");
        fs::write(&archive, bytes).expect("a temporary file");
        let below = folder.path().join("ziel");
        fs::create_dir(&below).expect("a temporary folder");
        let target = RestoreTarget {
            location: Location::Sqlite(below.join("fachwerk.db")),
            blobs: below.join("blobs"),
            ledger: below.join("ledger"),
            secrets: vec![SecretFile { name: "secret".to_owned(), path: below.join("secret") }],
        };
        let restored = RUNTIME.block_on(store::restore(&archive, &target));
        let left = fs::read_dir(&below).expect("the folder is there").count();
        assert!(restored.is_ok() || left == 0, "what was refused left something behind");
        let beside = fs::read_dir(folder.path()).expect("the folder is there").count();
        assert_eq!(beside, 2, "something was written outside the target");
    }
}

pub fn configuration(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let environment = Environment::from_pairs(&[("K", "geheim")]);
    match load_text(&text, &environment) {
        Ok(config) => {
            assert!(config.limits.connections > 0);
            assert!(!format!("{config:?}").contains("geheim"), "a key can be printed");
        }
        Err(mistakes) => assert!(!mistakes.to_string().is_empty()),
    }
}
