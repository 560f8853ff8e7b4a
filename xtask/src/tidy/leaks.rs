//! Nothing that is committed names the machine it was made on or the mirror its packages
//! came through: both mean nothing to the next person.

use std::path::Path;

use super::Findings;
use super::house::House;

/// Larger files are fixtures; nobody types a path into those.
const SIZE_MAX: u64 = 2 * 1024 * 1024;

/// Kinds of files that are not written by us and hold anything.
const FOREIGN: [&str; 9] =
    [".pdf", ".docx", ".odt", ".png", ".woff2", ".ico", ".zip", ".tar", "LICENSE"];

/// First labels of hosts that hand out packages.
const PACKAGE_HOSTS: [&str; 5] = ["registry.", "index.", "static.", "mirror.", "deb."];

/// Domains that RFC 2606 keeps for examples: documentation and tests may name any host there.
const EXAMPLES: [&str; 6] =
    [".example", "example.org", "example.com", "example.net", ".test", ".invalid"];

/// Checks every text file.
pub fn check(house: &House, findings: &mut Findings) {
    let machine = machine_paths(&house.root);
    for path in &house.files {
        let is_foreign = FOREIGN.iter().any(|ending| path.ends_with(ending));
        let is_large = house.root.join(path).metadata().is_ok_and(|entry| entry.len() > SIZE_MAX);
        if is_foreign || is_large {
            continue;
        }
        for (index, line) in house.read(path).unwrap_or_default().lines().enumerate() {
            if let Some(what) = leak(path, line, &machine) {
                findings.fail(path, index + 1, what);
            }
        }
    }
}

fn leak(path: &str, line: &str, machine: &[String]) -> Option<&'static str> {
    if machine.iter().any(|folder| mentions_path(line, folder)) {
        return Some("names a folder of this machine: use a path relative to the repository");
    }
    let names_package_host = line.split("://").skip(1).any(is_package_host);
    if names_package_host {
        return Some("names a host that hands out packages: the client's settings know it");
    }
    let is_lock =
        path.ends_with("package-lock.json") && line.trim_start().starts_with("\"resolved\"");
    is_lock
        .then_some("the lock file records download addresses: set omit-lockfile-registry-resolved")
}

/// Tells whether an address, without its scheme, begins with a host that hands out packages.
fn is_package_host(address: &str) -> bool {
    let end =
        address.find(|letter: char| !(letter.is_ascii_alphanumeric() || ".-".contains(letter)));
    let host = &address[..end.unwrap_or(address.len())];
    PACKAGE_HOSTS.iter().any(|label| host.starts_with(label))
        && !EXAMPLES.iter().any(|domain| host.ends_with(domain))
}

/// The folders that exist on this machine only: where the repository lies and where its owner lives.
fn machine_paths(root: &Path) -> Vec<String> {
    let home = std::env::var("HOME").unwrap_or_default();
    [root.display().to_string(), home]
        .into_iter()
        .filter(|folder| folder.len() > 1 && Path::new(folder) != std::env::temp_dir())
        .collect()
}

/// Tells whether a folder stands in a line as an absolute path, not as the end of a longer one.
fn mentions_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + folder.len()..].chars().next();
        let is_longer = |letter: char| letter.is_alphanumeric() || "_-.{}$".contains(letter);
        !before.is_some_and(is_longer) && after == Some('/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_this_machine_is_found() {
        let machine = vec!["/home/anna".to_owned()];
        let found = |line: &str| leak("a.rs", line, &machine).is_some();
        assert!(found("let file = \"/home/anna/x.pdf\";"));
        assert!(!found("let file = \"/srv/home/anna/x.pdf\";"));
        assert!(!found("let file = \"/home/annabella/x.pdf\";"));
    }

    #[test]
    fn hosts_of_packages_are_found() {
        let found =
            |host: &str| leak("a.toml", &format!("url = \"https://{host}/x\""), &[]).is_some();
        assert!(found("registry.packages.dev"));
        assert!(found("index.packages.dev"));
        assert!(!found("registry.example.org"));
        assert!(!found("packages.dev/registry."));
    }

    #[test]
    fn a_lock_file_records_no_addresses() {
        let line = "      \"resolved\": \"anything\",";
        assert!(leak("web/package-lock.json", line, &[]).is_some());
        assert!(leak("web/src/a.ts", line, &[]).is_none());
    }
}
