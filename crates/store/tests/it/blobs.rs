//! Files on their way in.

use std::time::Duration;

use sha2::{Digest, Sha256};
use store::{BlobHash, Blobs, Error};

fn open(folder: &tempfile::TempDir) -> Blobs {
    Blobs::open(&folder.path().join("blobs"), &folder.path().join("tmp")).unwrap()
}

fn incoming(folder: &tempfile::TempDir) -> usize {
    std::fs::read_dir(folder.path().join("tmp")).unwrap().count()
}

#[tokio::test]
async fn a_large_file_in_small_pieces_is_hashed_right() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
    let mut writer = open(&folder).begin(bytes.len() as u64).await.unwrap();
    for piece in bytes.chunks(7_919) {
        writer.write(piece).await.unwrap();
    }
    let pending = writer.finish().await.unwrap();
    assert_eq!(pending.hash().as_str(), hex::encode(Sha256::digest(&bytes)));
    assert_eq!(pending.size_bytes(), bytes.len() as u64);
    assert_eq!(std::fs::read(pending.path()).unwrap(), bytes);
    drop(pending);
    assert_eq!(incoming(&folder), 0, "what nobody takes goes away");
}

#[tokio::test]
async fn beyond_the_limit_nothing_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = open(&folder).begin(10).await.unwrap();
    writer.write(b"1234567890").await.unwrap();
    assert!(matches!(writer.write(b"1").await, Err(Error::TooLarge)));
    assert_eq!(incoming(&folder), 0);
    assert!(writer.write(b"1").await.is_err(), "and it stays refused");
    assert!(writer.finish().await.is_err());
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let pending = open(&folder).begin(0).await.unwrap().finish().await.unwrap();
    assert_eq!(pending.hash().as_str(), hex::encode(Sha256::digest(b"")));
}

#[tokio::test]
async fn sweeping_takes_old_incoming_files_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(&folder);
    std::fs::write(folder.path().join("tmp/blob-left"), b"x").unwrap();
    std::fs::write(folder.path().join("tmp/other"), b"x").unwrap();
    assert_eq!(blobs.sweep_incoming(Duration::from_secs(60)).await.unwrap(), 0);
    assert_eq!(blobs.sweep_incoming(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(incoming(&folder), 1);
}

#[test]
fn a_hash_is_no_path() {
    let bad = [
        "",
        "../../../etc/passwd",
        "0123",
        &"A".repeat(64),
        &"/".repeat(64),
        &"a".repeat(63),
        &format!("{}\0", "a".repeat(63)),
    ];
    for text in bad {
        assert!(text.parse::<BlobHash>().is_err(), "{text:?}");
    }
    assert!("a".repeat(64).parse::<BlobHash>().is_ok());
}
