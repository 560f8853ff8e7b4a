//! Feeds the parsers with bytes that libFuzzer makes up. Needs a nightly compiler and cargo-fuzz, and
//! says how to get them; the same targets run on stable Rust as tests, so that none rots.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::shell;

/// How long each target runs if nobody says.
const SECONDS: u64 = 60;
/// Longest input, in bytes; longer ones find the same more slowly.
const INPUT_BYTES_MAX: usize = 1 << 16;
/// Longest time for one input, in seconds; beyond: the parser hangs.
const INPUT_SECONDS_MAX: u32 = 20;
/// Most memory of the whole program, in megabytes; beyond: the parser takes too much.
const MEMORY_MB_MAX: u32 = 4_096;

/// What a person asked to be fuzzed.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    /// All, if empty.
    targets: Vec<String>,
    seconds: u64,
}

/// `cargo xtask fuzz [TARGET…] [--seconds N]`.
pub fn run(place: &Place, arguments: &[String]) -> Outcome {
    let folder = place.root.join("fuzz");
    let known = targets(&folder)?;
    let wish = understand(arguments, &known)?;
    let toolchain = nightly()?;
    let chosen = if wish.targets.is_empty() { &known } else { &wish.targets };
    for target in chosen {
        println!("\n▸ {target}: {} s", wish.seconds);
        feed(place, &toolchain, target, wish.seconds)?;
    }
    println!("\nNothing found in {} target(s).", chosen.len());
    Ok(())
}

/// Runs the targets on stable Rust with their seeds.
pub fn test(place: &Place) -> Outcome {
    let mut command = place.cargo(&["test", "--quiet", "--locked", "--manifest-path"]);
    // One target folder with everything else: most of what it needs is compiled already.
    command.arg("fuzz/Cargo.toml").arg("--target-dir").arg(&place.target);
    shell::run(&mut command, "The name of the target and the input stand above; mend the parser.")
}

fn understand(arguments: &[String], known: &[String]) -> Outcome<Wish> {
    let mut wish = Wish { targets: Vec::new(), seconds: SECONDS };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--seconds" {
            let number = words.next().and_then(|number| number.parse().ok());
            wish.seconds = number.filter(|number| *number > 0).ok_or_else(|| {
                Failure::new("`--seconds` wants a number", "For example `--seconds 600`.")
            })?;
        } else if known.contains(word) {
            wish.targets.push(word.clone());
        } else {
            let list = known.join(", ");
            return Err(Failure::new(
                format!("there is no target `{word}`"),
                format!("The targets are: {list}."),
            ));
        }
    }
    Ok(wish)
}

/// The names in the list of targets, which is Rust: we do not link what we automate.
fn targets(folder: &Path) -> Outcome<Vec<String>> {
    let file = folder.join("src/lib.rs");
    let text = fs::read_to_string(&file).map_err(|e| Failure::file("read", &file, &e))?;
    let list = text.split("pub const TARGETS").nth(1).unwrap_or_default();
    let names = list.split("target(").skip(1).filter_map(|entry| entry.split('"').nth(1));
    Ok(names.map(str::to_owned).collect())
}

fn nightly() -> Outcome<String> {
    if !shell::succeeds(Command::new("cargo").args(["+nightly", "--version"])) {
        return Err(Failure::new(
            "fuzzing needs a nightly compiler, and there is none",
            "Run `rustup toolchain install nightly --profile minimal`.",
        ));
    }
    if shell::which("cargo-fuzz").is_none() {
        return Err(Failure::new(
            "fuzzing needs cargo-fuzz, and it is not on the search path",
            "Run `cargo install cargo-fuzz`.",
        ));
    }
    Ok("+nightly".to_owned())
}

fn feed(place: &Place, toolchain: &str, target: &str, seconds: u64) -> Outcome {
    let corpus = place.target.join("fuzz/corpus").join(target);
    let finds = place.target.join("fuzz/finds").join(target);
    for folder in [&corpus, &finds] {
        fs::create_dir_all(folder).map_err(|e| Failure::file("create", folder, &e))?;
    }
    let mut command = Command::new("cargo");
    command.current_dir(&place.root).env("FUZZ_TARGET", target);
    // Ours is safe Rust: an address sanitizer would find nothing of ours and halve the speed.
    command.args([toolchain, "fuzz", "run", "--fuzz-dir", "fuzz", "--sanitizer", "none"]);
    command.args(["--features", "libfuzzer", "--target-dir"]).arg(place.target.join("fuzz"));
    command.arg("parsers").arg(&corpus).arg("--");
    command.arg(format!("-max_total_time={seconds}"));
    command.arg(format!("-max_len={INPUT_BYTES_MAX}"));
    command.arg(format!("-timeout={INPUT_SECONDS_MAX}"));
    command.arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"));
    command.arg("-print_final_stats=1");
    command.arg(format!("-artifact_prefix={}/", finds.display()));
    // Never the one that the target folder of the workspace stands for.
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    shell::run(
        &mut command,
        &format!(
            "The input lies in {}. Make it a test of the parser, then mend it.",
            finds.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(arguments: &[&str]) -> Outcome<Wish> {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        understand(&arguments, &["pdf".to_owned(), "query".to_owned()])
    }

    #[test]
    fn targets_and_time_are_understood() {
        let all = wish(&[]).expect("nothing is needed");
        assert_eq!((all.targets.len(), all.seconds), (0, SECONDS));
        let one = wish(&["pdf", "--seconds", "5"]).expect("both are known");
        assert_eq!((one.targets, one.seconds), (vec!["pdf".to_owned()], 5));
        assert!(wish(&["docx"]).is_err());
        assert!(wish(&["--seconds", "0"]).is_err());
    }

    #[test]
    fn the_list_of_targets_is_found() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let names = targets(&folder).expect("the list is there");
        assert!(names.len() > 20 && names.contains(&"chat_request".to_owned()), "{names:?}");
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')));
    }
}
