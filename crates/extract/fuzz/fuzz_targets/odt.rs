#![no_main]

use std::io::{Cursor, Write};

use extract::{Limits, read_unprotected};
use libfuzzer_sys::fuzz_target;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const MEDIA_TYPE: &[u8] = b"application/vnd.oasis.opendocument.text";

fn container(data: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("mimetype", options)?;
    zip.write_all(MEDIA_TYPE)?;
    zip.start_file("content.xml", options)?;
    zip.write_all(data)?;
    Ok(zip.finish()?.into_inner())
}

fuzz_target!(|data: &[u8]| {
    let Ok(bytes) = container(data) else { return };
    let _ = read_unprotected(bytes, "a.odt", &Limits::default(), &mut |_| {});
});
