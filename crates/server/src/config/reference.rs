//! Writes the reference file and the reference page from the declaration.

use std::fmt::Write;

use super::declaration::{Key, Kind, SECTIONS, is_list, keys};

/// The reference file: every setting with its built-in value, commented out.
#[must_use]
pub fn reference_file() -> String {
    let mut out = String::from(
        "# Every setting of fachwerk.toml with its built-in value. Generated from the program;\n\
         # `fachwerk check --config FILE` checks a file of yours and names every mistake.\n\
         # Order: built-in < this file < environment < command line.\n",
    );
    for (section, about) in SECTIONS {
        out.push('\n');
        comment(&mut out, about);
        if is_list(section) {
            let _ = writeln!(out, "# [[{section}]]");
        } else if !section.is_empty() {
            let _ = writeln!(out, "[{section}]");
        }
        for key in keys().filter(|key| key.section == *section) {
            out.push('\n');
            comment(&mut out, key.doc);
            if let Some(variable) = key.variable() {
                comment(&mut out, &format!("Environment: {variable}"));
            }
            let _ = writeln!(out, "# {} = {}", key.name, literal(key));
        }
    }
    out
}

/// The reference page.
#[must_use]
pub fn reference_page() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         <!-- Generated from crates/server/src/config/declaration.rs; `UPDATE_EXPECT=1 cargo test -p server generated` writes it anew. -->\n\n\
         `fachwerk.toml` is optional. A value is looked for on the command line, then in the environment, then in the file, then among the built-in\n\
         values. The file is `--config FILE`, else `FACHWERK_CONFIG`, else `fachwerk.toml` in the working folder if there is one. Unknown keys are\n\
         errors. `fachwerk check` names every mistake at once, with line and key, and exits with 64 if there is one.\n\n\
         A copy of everything below as a file: [`config/reference.toml`](../../config/reference.toml).\n\n\
         ## A model server in six lines\n\n\
         ```toml\n\
         [[models]]\n\
         name = \"standard\"\n\
         purpose = \"Allgemeine Fragen\"\n\n\
         [[models.routes]]\n\
         kind = \"openai\"\n\
         base_url = \"http://127.0.0.1:8000/v1\"\n\
         upstream_model = \"mistralai/Mistral-Small-24B\"\n\
         place = \"own\"\n\
         clearance = \"personal\"\n\
         ```\n",
    );
    for (section, about) in SECTIONS {
        let title = match (*section, is_list(section)) {
            ("", _) => "Top level".to_owned(),
            (name, true) => format!("`[[{name}]]`"),
            (name, false) => format!("`[{name}]`"),
        };
        let _ = writeln!(out, "\n## {title}\n\n{about}\n");
        let environment = !is_list(section);
        out.push_str(if environment {
            "| key | value | built-in | environment | what it does |\n|---|---|---|---|---|\n"
        } else {
            "| key | value | built-in | what it does |\n|---|---|---|---|\n"
        });
        for key in keys().filter(|key| key.section == *section) {
            let default = key.default.map_or("–".to_owned(), |text| format!("`{text}`"));
            let _ = write!(out, "| `{}` | {} | {default} |", key.name, describe(key.kind));
            if let Some(variable) = key.variable() {
                let _ = write!(out, " `{variable}` |");
            }
            let _ = writeln!(out, " {} |", key.doc);
        }
    }
    out
}

fn literal(key: &Key) -> String {
    let text = key.default.unwrap_or(key.example);
    match key.kind {
        Kind::Whole { .. } | Kind::Price | Kind::WattHours => text.to_owned(),
        _ => format!("{text:?}"),
    }
}

fn describe(kind: Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Secret => "text, never shown".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Address => "address:port".to_owned(),
        Kind::Url => "http(s) address".to_owned(),
        Kind::Whole { min, max } => format!("{min} to {max}"),
        Kind::Price => "euros".to_owned(),
        Kind::WattHours => "watt hours".to_owned(),
        Kind::Choice(words) => {
            words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
        }
    }
}

/// Writes a comment, broken at spaces.
fn comment(out: &mut String, text: &str) {
    let mut width = 0;
    for word in text.split(' ') {
        if width > 0 && width + word.chars().count() > 110 {
            out.push('\n');
            width = 0;
        }
        if width == 0 {
            out.push('#');
            width = 1;
        }
        let _ = write!(out, " {word}");
        width += word.chars().count() + 1;
    }
    out.push('\n');
}
