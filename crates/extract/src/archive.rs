//! Members of a zip container, read one by one within a budget.
//!
//! A few kilobytes of zip can promise terabytes: declared sizes are not believed, what comes out
//! is counted.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::decode;
use crate::failure::Failure;
use crate::limits::Limits;

/// Members of a container; office documents have some dozens. Beyond: `TooLarge`.
pub(crate) const MEMBERS_MAX: usize = 20_000;
/// Text of office documents packs to a tenth, now and then to a hundredth. Beyond: `TooLarge`.
const RATIO_MAX: u64 = 400;
/// Below this size, in bytes, the ratio does not matter.
const RATIO_FROM_BYTES: u64 = 4 << 20;

/// An open container.
pub(crate) struct Archive {
    zip: ZipArchive<Cursor<Vec<u8>>>,
    /// Bytes that may still be unpacked.
    budget: u64,
}

impl Archive {
    /// Opens a container.
    pub(crate) fn open(bytes: Vec<u8>, limits: &Limits) -> Result<Self, Failure> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Failure::Damaged)?;
        if zip.len() > MEMBERS_MAX {
            return Err(Failure::TooLarge);
        }
        Ok(Self { zip, budget: limits.unpacked_bytes_max })
    }

    /// The text of an XML member; none if there is no such member.
    pub(crate) fn xml(&mut self, name: &str) -> Result<Option<String>, Failure> {
        let Some(bytes) = self.member(name)? else {
            return Ok(None);
        };
        let encoding = decode::encoding_of(&bytes).unwrap_or(encoding_rs::UTF_8);
        Ok(Some(decode::decode(&bytes, encoding)))
    }

    fn member(&mut self, name: &str) -> Result<Option<Vec<u8>>, Failure> {
        let mut file = match self.zip.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                return Err(Failure::Encrypted);
            }
            Err(_) => return Err(Failure::Damaged),
        };
        let packed = file.compressed_size();
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        loop {
            let count = file.read(&mut chunk).map_err(|_| Failure::Damaged)?;
            if count == 0 {
                return Ok(Some(bytes));
            }
            bytes.extend_from_slice(&chunk[..count]);
            self.budget = self.budget.checked_sub(count as u64).ok_or(Failure::TooLarge)?;
            let unpacked = bytes.len() as u64;
            if is_bomb(unpacked, packed) {
                return Err(Failure::TooLarge);
            }
        }
    }
}

/// Says whether a member packs suspiciously well.
pub(crate) fn is_bomb(unpacked: u64, packed: u64) -> bool {
    unpacked > RATIO_FROM_BYTES && unpacked / packed.max(1) > RATIO_MAX
}
