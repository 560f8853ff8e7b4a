//! The German (and English) language: sentences, terms, stems, compound parts, extractive summary.
//!
//! Text in, values out. Knows no files, no network, no documents and no users.
