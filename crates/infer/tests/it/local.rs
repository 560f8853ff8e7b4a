//! Models in files.

mod answering;
mod hostile;
mod reference;

use std::path::Path;

use infer::local::{LocalModel, ModelFile};
use testkit::weights::RandomModel;

/// Writes a model and loads it.
pub fn loaded(model: &RandomModel) -> LocalModel {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    model.write(&path).unwrap();
    load(&path)
}

fn load(path: &Path) -> LocalModel {
    let file = ModelFile::open(path).unwrap();
    let context = file.context_max();
    file.load(context).unwrap()
}
