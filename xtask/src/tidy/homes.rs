//! Every third-party family has one home, so that replacing it means opening one crate.

use super::Findings;
use super::house::House;
use super::layers::manifest;

/// A family of packages, the crates that may name it, and those whose tests may.
struct Home {
    family: &'static [&'static str],
    shipped: &'static [&'static str],
    tests: &'static [&'static str],
    what: &'static str,
}

const HOMES: &[Home] = &[
    Home { family: &["sqlx"], shipped: &["store"], tests: &["store"], what: "SQL" },
    Home {
        family: &["axum", "axum-extra", "tower", "tower-http", "utoipa", "utoipa-axum"],
        // The fakes of testkit speak HTTP on real sockets.
        shipped: &["server", "testkit"],
        tests: &["server"],
        what: "the web framework",
    },
    Home {
        family: &["hyper", "hyper-util"],
        // On the way in, on the way out, and on both for the fakes.
        shipped: &["server", "gateway", "testkit"],
        tests: &["server"],
        what: "HTTP on sockets",
    },
    Home {
        family: &["tantivy"],
        shipped: &["search"],
        tests: &["search"],
        what: "the index engine",
    },
    Home {
        family: &["pdf_oxide", "quick-xml", "zip", "html5ever", "pulldown-cmark"],
        shipped: &["extract"],
        // Fixtures of hostile files are made where they are needed.
        tests: &["extract", "testkit", "app", "server"],
        what: "foreign formats",
    },
    Home {
        family: &["hyper-rustls"],
        shipped: &["gateway"],
        tests: &["gateway"],
        what: "the outbound HTTP client",
    },
    Home {
        family: &["reqwest"],
        shipped: &["testkit"],
        tests: &["server"],
        what: "the HTTP client of tests",
    },
    Home {
        family: &["clap", "toml"],
        shipped: &["server"],
        tests: &["server"],
        what: "command line and configuration",
    },
    Home {
        family: &["argon2"],
        shipped: &["identity"],
        tests: &["identity"],
        what: "password hashing",
    },
    Home { family: &["frostem"], shipped: &["text"], tests: &["text"], what: "stemming" },
    Home {
        family: &["landlock"],
        shipped: &["extract"],
        tests: &["extract"],
        what: "the jail of the extractor",
    },
    Home {
        family: &["rlimit"],
        shipped: &["extract", "server"],
        tests: &["extract"],
        what: "bounds on a process",
    },
];

/// Checks what every crate names in its manifest.
pub fn check(house: &House, findings: &mut Findings) {
    for package in &house.packages {
        for dependency in &package.dependencies {
            let Some(home) = HOMES.iter().find(|home| home.family.contains(&&*dependency.name))
            else {
                continue;
            };
            let name = package.name.as_str();
            let at_home =
                home.shipped.contains(&name) || dependency.is_dev && home.tests.contains(&name);
            if !at_home {
                let text = format!(
                    "{} ({}) lives in {} and not in {name}",
                    dependency.name,
                    home.what,
                    home.shipped.join(", "),
                );
                findings.fail(&manifest(name), 0, text);
            }
        }
    }
}
