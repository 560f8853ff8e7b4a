//! Everything that has to hold before a change may land, the cheap things first.

use crate::binary::Profile;
use crate::failure::{Failure, Outcome};
use crate::place::Place;
use crate::steps::{AfterFailure, Steps};
use crate::stock_clients::StockClients;
use crate::{binary, debian, deny, fuzz, shell, tidy, web};

/// The names of the steps, in the order they run; a filter may name them.
const STEPS: [&str; 9] =
    ["install", "format", "tidy", "licences", "web", "clippy", "rust", "fuzz", "browser"];

/// What a person asked to be tested.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    /// Steps to run.
    steps: Vec<&'static str>,
    /// Handed to the Rust test runner.
    rust_filters: Vec<String>,
    after_failure: AfterFailure,
    /// What the browser drives.
    profile: Profile,
    /// How many requests schemathesis makes up for each operation; as the test says, if not said.
    examples: Option<u32>,
}

/// `cargo xtask test [--quick] [--release] [--keep-going] [--examples N] [FILTER…]`.
pub fn run(place: &Place, arguments: &[String]) -> Outcome {
    let wish = understand(arguments)?;
    let mut steps = Steps::new(wish.after_failure);
    for name in &wish.steps {
        match *name {
            "install" => steps.step(name, "what the tests need", || install(place)),
            "format" => steps.step(name, "cargo fmt", || format(place)),
            "tidy" => steps.step(name, "house rules", || tidy::run(place, &[])),
            "licences" => steps.step(name, "cargo deny", || deny::run(place, &[])),
            "web" => steps.step(name, "build, types, unit tests, client", || check_web(place)),
            "clippy" => steps.step(name, "lints, warnings are errors", || clippy(place)),
            "rust" => {
                steps.step(name, "all crates, on SQLite and PostgreSQL", || test_rust(place, &wish))
            }
            "fuzz" => steps.step(name, "fuzz targets with their seeds", || fuzz::test(place)),
            "browser" => steps.step(name, "the journey through the built program", || {
                browser(place, wish.profile)
            }),
            other => unreachable!("{other} is not in STEPS"),
        }
    }
    steps.finish()
}

fn understand(arguments: &[String]) -> Outcome<Wish> {
    let mut wish = Wish {
        steps: STEPS.to_vec(),
        rust_filters: Vec::new(),
        after_failure: AfterFailure::Stop,
        profile: Profile::Dev,
        examples: None,
    };
    let mut named = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--quick" => wish.steps = vec!["format", "tidy", "clippy", "rust"],
            "--release" => wish.profile = Profile::Release,
            "--examples" => {
                let count = arguments.next().and_then(|count| count.parse().ok());
                wish.examples = Some(count.ok_or_else(|| unknown("--examples without a number"))?);
            }
            "--keep-going" => wish.after_failure = AfterFailure::GoOn,
            option if option.starts_with('-') => return Err(unknown(option)),
            filter => match STEPS.iter().find(|step| **step == filter) {
                Some(step) => named.push(*step),
                None => wish.rust_filters.push(filter.to_owned()),
            },
        }
    }
    if !wish.rust_filters.is_empty() && !named.contains(&"rust") {
        named.push("rust");
    }
    if !named.is_empty() {
        wish.steps.retain(|step| named.contains(step));
    }
    Ok(wish)
}

fn unknown(option: &str) -> Failure {
    Failure::new(
        format!("`cargo xtask test` does not know {option}"),
        "It knows --quick, --release, --keep-going, --examples N, names of steps and parts of Rust test names.",
    )
}

fn install(place: &Place) -> Outcome {
    debian::install(&[debian::POSTGRESQL, debian::CHROMIUM, debian::PYTHON])?;
    web::install(place)?;
    StockClients::install(place).map(|_| ())
}

fn format(place: &Place) -> Outcome {
    shell::run(&mut place.cargo(&["fmt", "--all", "--check"]), "Run `cargo fmt --all`.")
}

fn clippy(place: &Place) -> Outcome {
    shell::run(
        &mut place.cargo(&[
            "clippy",
            "--quiet",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]),
        "Mend what is named above; where a lint is wrong, `#[expect(…, reason = \"…\")]` it.",
    )
}

fn check_web(place: &Place) -> Outcome {
    web::build(place)?;
    web::script(place, "check")?;
    web::script(place, "test")?;
    web::check_client(place)
}

fn test_rust(place: &Place, wish: &Wish) -> Outcome {
    let mut command = place.cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.args(&wish.rust_filters);
    // In a quick run the clients may be absent; the tests that need them then say so.
    if wish.steps.contains(&"install") || wish.examples.is_some() {
        StockClients::install(place)?.announce(&mut command);
    }
    if let Some(count) = wish.examples {
        command.env("FACHWERK_SCHEMATHESIS_EXAMPLES", count.to_string());
    }
    shell::run(&mut command, "Repeat one test with `cargo xtask test PART_OF_ITS_NAME`.")
}

fn browser(place: &Place, profile: Profile) -> Outcome {
    debian::install(&[debian::CHROMIUM])?;
    web::build(place)?;
    let program = binary::build(place, profile)?;
    web::journey(place, &program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(arguments: &[&str]) -> Wish {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        understand(&arguments).expect("these arguments are known")
    }

    #[test]
    fn without_arguments_everything_runs_in_order() {
        assert_eq!(wish(&[]).steps, STEPS);
    }

    #[test]
    fn a_quick_run_needs_neither_browser_nor_installation() {
        let steps = wish(&["--quick"]).steps;
        assert!(!steps.contains(&"browser") && !steps.contains(&"install"));
    }

    #[test]
    fn a_step_can_be_asked_for_by_name() {
        assert_eq!(wish(&["clippy", "format"]).steps, ["format", "clippy"]);
    }

    #[test]
    fn another_word_is_a_filter_for_the_rust_tests() {
        let wish = wish(&["sentences"]);
        assert_eq!(wish.steps, ["rust"]);
        assert_eq!(wish.rust_filters, ["sentences"]);
    }

    #[test]
    fn an_option_may_take_a_number() {
        let wish = wish(&["--examples", "300", "described"]);
        assert_eq!((wish.examples, wish.rust_filters), (Some(300), vec!["described".to_owned()]));
        assert!(understand(&["--examples".to_owned()]).is_err());
    }

    #[test]
    fn an_unknown_option_is_refused() {
        assert!(understand(&["--fast".to_owned()]).is_err());
    }
}
