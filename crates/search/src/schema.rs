//! The fields of the index. Any change here or in `text::terms` raises [`FORMAT`].

use tantivy::schema::{
    BytesOptions, FAST, Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};

/// Version of what stands in the index; an index of another version is built anew.
pub(crate) const FORMAT: u32 = 1;

/// Handles of the fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    pub(crate) tenant: Field,
    pub(crate) collection: Field,
    pub(crate) document: Field,
    /// The two halves of the passage's id.
    pub(crate) passage: [Field; 2],
    pub(crate) ordinal: Field,
    /// Words of the passage in order.
    pub(crate) body: Field,
    /// Compound parts, joined forms and references in the passage.
    pub(crate) parts: Field,
    /// Heading path, its last step twice.
    pub(crate) heading: Field,
    /// Title and name of the document, at its first passage only.
    pub(crate) title: Field,
    /// Runs of five letters within the words, each once.
    pub(crate) grams: Field,
}

pub(crate) const PASSAGE: [&str; 2] = ["passage_high", "passage_low"];
pub(crate) const ORDINAL: &str = "ordinal";
pub(crate) const TENANT: &str = "tenant";
pub(crate) const COLLECTION: &str = "collection";
pub(crate) const DOCUMENT: &str = "document";

/// Makes the schema; the same for every index of this format.
pub(crate) fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let id = BytesOptions::default().set_indexed().set_fast();
    let fields = Fields {
        tenant: schema.add_bytes_field(TENANT, id.clone()),
        collection: schema.add_bytes_field(COLLECTION, id.clone()),
        document: schema.add_bytes_field(DOCUMENT, id),
        passage: PASSAGE.map(|half| schema.add_u64_field(half, FAST)),
        ordinal: schema.add_u64_field(ORDINAL, FAST),
        body: schema.add_text_field("body", words(IndexRecordOption::WithFreqsAndPositions)),
        parts: schema.add_text_field("parts", words(IndexRecordOption::WithFreqs)),
        heading: schema.add_text_field("heading", words(IndexRecordOption::WithFreqs)),
        title: schema.add_text_field("title", words(IndexRecordOption::WithFreqs)),
        grams: schema.add_text_field("grams", words(IndexRecordOption::Basic)),
    };
    (schema.build(), fields)
}

/// Terms arrive analysed, with spaces between them; text is never stored.
fn words(record: IndexRecordOption) -> TextOptions {
    let indexing =
        TextFieldIndexing::default().set_tokenizer("whitespace").set_index_option(record);
    TextOptions::default().set_indexing_options(indexing.set_fieldnorms(true))
}
