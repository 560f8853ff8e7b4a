//! Arrows between our crates point down only (ARCHITECTURE.md, decision 0001).

use super::Findings;
use super::house::{Dependency, House, Package};

/// The level of every crate that may exist; a crate that is not here has no place yet.
const LEVELS: [(&str, u8); 16] = [
    ("domain", 0),
    ("text", 0),
    ("llm", 1),
    ("extract", 1),
    ("search", 1),
    ("identity", 1),
    ("store", 1),
    ("guard", 1),
    ("rules", 1),
    ("infer", 2),
    ("gateway", 3),
    ("agents", 4),
    ("app", 5),
    ("server", 6),
    // Development only: nothing shipped may depend on these two.
    ("testkit", 6),
    ("xtask", 6),
];

/// More crates than this cost more in joints than they give in walls.
const CRATES_MAX: usize = 16;

/// Crates that only tests and people at the keyboard use.
const DEVELOPMENT: [&str; 2] = ["testkit", "xtask"];

/// Checks every arrow between our crates.
pub fn check(house: &House, findings: &mut Findings) {
    let crates = house.packages.iter().filter(|package| package.name != "xtask").count();
    if crates > CRATES_MAX {
        findings.fail("Cargo.toml", 0, format!("{crates} crates; the ceiling is {CRATES_MAX}"));
    }
    for package in &house.packages {
        let manifest = manifest(&package.name);
        if level(&package.name).is_none() {
            let text = "this crate has no level: give it one in xtask/src/tidy/layers.rs and say \
                        in a decision what it refuses to depend on";
            findings.fail(&manifest, 0, text);
        }
        for dependency in &package.dependencies {
            if let Some(reason) = objection(package, dependency) {
                let text =
                    format!("{} must not depend on {}: {reason}", package.name, dependency.name);
                findings.fail(&manifest, 0, text);
            }
        }
    }
}

/// Where a package's manifest lies.
pub fn manifest(name: &str) -> String {
    if name == "xtask" { "xtask/Cargo.toml".into() } else { format!("crates/{name}/Cargo.toml") }
}

/// The level of one of our crates; nothing for somebody else's.
pub fn level(name: &str) -> Option<u8> {
    LEVELS.iter().find(|(known, _)| *known == name).map(|(_, level)| *level)
}

fn objection(package: &Package, dependency: &Dependency) -> Option<&'static str> {
    let below = level(&dependency.name)?;
    let own = level(&package.name)?;
    if package.name == "xtask" {
        return Some("the toolbox must build before, and without, what it checks");
    }
    if dependency.name == "testkit" && dependency.is_dev {
        return None;
    }
    if DEVELOPMENT.contains(&dependency.name.as_str()) {
        return Some("it is a crate for development and never shipped");
    }
    // Strictly down: neighbours of one level do not know each other, so level 1 sees only level 0.
    (below >= own).then_some("arrows between crates point down only, to a lower level")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(package: &str, dependency: &str, is_dev: bool) -> Option<&'static str> {
        let package = Package { name: package.into(), dependencies: Vec::new() };
        objection(&package, &Dependency { name: dependency.into(), is_dev })
    }

    #[test]
    fn arrows_point_down() {
        assert_eq!(judge("app", "store", false), None);
        assert_eq!(judge("server", "testkit", true), None);
        assert_eq!(judge("gateway", "infer", false), None);
        assert_eq!(judge("store", "sqlx", false), None);
        assert!(judge("gateway", "app", false).is_some());
        assert!(judge("domain", "llm", false).is_some());
        assert!(judge("domain", "text", false).is_some());
    }

    #[test]
    fn workshops_do_not_know_each_other() {
        assert_eq!(judge("search", "text", false), None);
        assert!(judge("search", "store", false).is_some());
        assert!(judge("llm", "extract", false).is_some());
    }

    #[test]
    fn nothing_shipped_depends_on_development_crates() {
        assert!(judge("app", "testkit", false).is_some());
        assert!(judge("app", "xtask", true).is_some());
        assert!(judge("xtask", "domain", false).is_some());
    }
}
