//! Writes everything that is generated from code: the API description, the configuration
//! reference, the table of dialects, and the web client made from the first.

use crate::failure::Outcome;
use crate::place::Place;
use crate::{shell, web};

/// `cargo xtask generate`.
pub fn run(place: &Place, _arguments: &[String]) -> Outcome {
    println!("▸ API description, references and tables: written by the's own tests");
    // The tests that compare the files with the code write them when asked: one source of truth.
    let mut test = place.cargo(&["test", "-p", "server", "-p", "llm", "--test", "it", "generated"]);
    shell::run(test.env("UPDATE_EXPECT", "1"), "Repair the compile error or test named above.")?;
    println!("▸ web client: generated from openapi/api.json");
    web::install(place)?;
    web::script(place, "generate")?;
    println!("\n✓ look at the changes with `git diff` and commit them");
    Ok(())
}
