//! The program as an operator starts it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

const PASSWORD: &str = "korrekt pferd batterie\n";

fn program(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fachwerk"));
    command.current_dir(folder.path()).env_clear();
    command.env("FACHWERK_DATA", folder.path().join("data"));
    command.env("FACHWERK_LISTEN", "127.0.0.1:0");
    command
}

fn run(folder: &TempDir, arguments: &[&str], input: &str) -> Output {
    let mut child = program(folder)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn help_and_version() {
    let folder = TempDir::new().unwrap();
    let version = run(&folder, &["--version"], "");
    assert_eq!(version.status.code(), Some(0));
    assert_eq!(out(&version), format!("fachwerk {}\n", env!("CARGO_PKG_VERSION")));
    let mut text = String::new();
    for arguments in [&["--help"][..], &["serve", "--help"], &["admin", "create-user", "--help"]] {
        let help = run(&folder, arguments, "");
        assert_eq!(help.status.code(), Some(0), "{help:?}");
        text.push_str(&out(&help));
        text.push_str("----\n");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_wrong_command_line_or_configuration_ends_with_64() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("falsch.toml"), "liste = 3\n").unwrap();
    for arguments in [
        &["dance"][..],
        &["serve", "--port", "80"],
        &["serve", "--listen", "überall"],
        &["check", "--config", "falsch.toml"],
        &["serve", "--config", "falsch.toml"],
        &["check", "--config", "fehlt.toml"],
        &["admin", "create-user", "--email", "a@amt.example", "--name", "a", "--role", "king"],
        &["admin", "create-user", "--email", "a@amt.example", "--name", "a", "--role", "admin"],
        &[],
    ] {
        let output = run(&folder, arguments, "");
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {output:?}");
        assert!(!err(&output).is_empty(), "{arguments:?}");
        assert!(out(&output).is_empty(), "{arguments:?}");
    }
    assert!(!folder.path().join("data").exists(), "a refused start leaves something behind");
}

#[test]
fn check_says_that_all_is_right() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("fachwerk.toml"), "listen = \"127.0.0.1:9\"\n").unwrap();
    let output = run(&folder, &["check"], "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(out(&output).contains("is right"));
    assert_eq!(err(&output), "");
}

/// What a route may receive rests on where it runs.
#[test]
fn check_doubts_that_a_providers_host_stands_in_the_own_data_centre() {
    let folder = TempDir::new().unwrap();
    let model = |name: &str, url: &str, place: &str| {
        format!(
            "[[models]]\nname = \"{name}\"\n[[models.routes]]\nkind = \"openai\"\n\
             base_url = \"{url}\"\nupstream_model = \"x\"\nplace = \"{place}\"\n\
             clearance = \"open\"\n"
        )
    };
    let own = model("eigen", "http://10.0.0.5:8000/v1", "own");
    let cloud = model("wolke", "https://api.openai.com/v1", "elsewhere");
    let slip = model("versehen", "https://api.openai.com/v1", "own");
    let file = folder.path().join("fachwerk.toml");
    std::fs::write(&file, format!("{own}{cloud}")).unwrap();
    assert_eq!(err(&run(&folder, &["check"], "")), "");
    std::fs::write(&file, format!("{own}{cloud}{slip}")).unwrap();
    let output = run(&folder, &["check"], "");
    assert_eq!(output.status.code(), Some(0), "it may be meant: {output:?}");
    let said = err(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("\"versehen\"") && said.contains("api.openai.com"), "{said}");
}

#[test]
fn the_default_answers_questions_and_only_what_calls_models_needs_their_keys() {
    let folder = TempDir::new().unwrap();
    let route = "kind = \"openai\"\nbase_url = \"http://127.0.0.1:9/v1\"\nupstream_model = \"x\"\n\
                 place = \"own\"\nclearance = \"open\"\n";
    let config = format!(
        "listen = \"127.0.0.1:9\"\n[[models]]\nname = \"schutz\"\n[[models.routes]]\n{route}\
         offers = \"moderations\"\n[[models]]\nname = \"fragen\"\n[[models.routes]]\n{route}"
    );
    let file = folder.path().join("fachwerk.toml");
    std::fs::write(&file, &config).unwrap();
    let output = run(&folder, &["check"], "");
    assert!(out(&output).contains("default fragen"), "{output:?}");

    std::fs::write(&file, config + "api_key_env = \"NOT_IN_THE_SHELL\"\n").unwrap();
    assert_eq!(run(&folder, &["check"], "").status.code(), Some(64));
    let create = ["admin", "create-user", "--email", "ada@amt.example", "--name", "Ada"];
    let create = [&create[..], &["--role", "admin", "--password-stdin"]].concat();
    let made = run(&folder, &create, PASSWORD);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let saved = run(&folder, &["backup", "alles.tar"], "");
    assert_eq!(saved.status.code(), Some(0), "{saved:?}");
}

#[test]
fn people_and_keys_from_the_command_line() {
    let folder = TempDir::new().unwrap();
    let create = [
        "admin",
        "create-user",
        "--email",
        "ada@amt.example",
        "--name",
        "Ada",
        "--role",
        "admin",
        "--password-stdin",
    ];
    let made = run(&folder, &create, PASSWORD);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let again = run(&folder, &create, PASSWORD);
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(err(&again).contains("already"), "{again:?}");
    let weak = run(&folder, &create, "kurz\n");
    assert_eq!(weak.status.code(), Some(1), "{weak:?}");
    let none = run(&folder, &create, "");
    assert_eq!(none.status.code(), Some(64), "{none:?}");
    let key = run(&folder, &["admin", "create-key", "--email", "ada@amt.example"], "");
    assert_eq!(key.status.code(), Some(0), "{key:?}");
    assert!(out(&key).starts_with("sk-fw-") && out(&key).lines().count() == 1, "{key:?}");
    assert!(err(&key).is_empty(), "{key:?}");
    let nobody = run(&folder, &["admin", "create-key", "--email", "fehlt@amt.example"], "");
    assert_eq!(nobody.status.code(), Some(1), "{nobody:?}");
    let reset = ["admin", "reset-password", "--email", "ada@amt.example", "--password-stdin"];
    assert_eq!(run(&folder, &reset, "noch ein langes Wort\n").status.code(), Some(0));
    assert_eq!(run(&folder, &["admin", "setup-link"], "").status.code(), Some(1));
    assert_eq!(run(&folder, &["migrate"], "").status.code(), Some(0));
    let audit = run(&folder, &["audit", "verify"], "");
    assert_eq!(audit.status.code(), Some(0), "{audit:?}");
    assert!(out(&audit).contains("intact"), "{audit:?}");
}

#[test]
fn keys_of_people_and_programs_from_the_command_line() {
    let folder = TempDir::new().unwrap();
    let create = ["admin", "create-user", "--email", "ada@amt.example", "--name", "Ada"];
    let create = [&create[..], &["--role", "admin", "--password-stdin"]].concat();
    assert_eq!(run(&folder, &create, PASSWORD).status.code(), Some(0));
    let service = ["key", "create", "--service", "Fachverfahren", "--class", "personal"];
    let service = [&service[..], &["--expires", "2099-12-31", "--name", "Betrieb"]].concat();
    let made = run(&folder, &service, "");
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let secret = out(&made);
    assert!(secret.starts_with("sk-fw-") && secret.lines().count() == 1, "{made:?}");
    let person = run(&folder, &["key", "create", "--person", "ada@amt.example"], "");
    assert_eq!(person.status.code(), Some(0), "{person:?}");

    let list = out(&run(&folder, &["key", "list"], ""));
    assert!(list.contains("\tKommandozeile, 20"), "{list}");
    let row = list.lines().find(|row| row.contains("Fachverfahren")).unwrap();
    let cells: Vec<_> = row.split('\t').collect();
    assert_eq!(cells[1..4], ["service", "Fachverfahren", "Betrieb"], "{list}");
    assert_eq!(cells[5], "personal", "{list}");
    assert!(cells[7].starts_with("2100-01-01T00:00:00"), "{list}");
    assert!(!list.contains(secret.trim()) && list.lines().count() == 2, "{list}");
    assert_eq!(run(&folder, &["key", "revoke", cells[0]], "").status.code(), Some(0));
    assert_eq!(run(&folder, &["key", "revoke", cells[0]], "").status.code(), Some(1));
    assert_eq!(out(&run(&folder, &["key", "list"], "")).lines().count(), 1);

    let both = ["key", "create", "--service", "x", "--person", "ada@amt.example"];
    for wrong in [
        &both[..],
        &["key", "create"],
        &["key", "create", "--service", "x", "--class", "geheim"],
        &["key", "create", "--service", "x", "--expires", "morgen"],
    ] {
        assert_eq!(run(&folder, wrong, "").status.code(), Some(64), "{wrong:?}");
    }
    // A refusal says what is wrong.
    for (wrong, said) in [
        (&["--service", "y", "--unit", "fehlt"], "unit \"fehlt\""),
        (&["--service", "y", "--model", "nix"], "nix"),
        (&["--person", "wer@amt.example", "--name", "x"], "wer@amt.example"),
        (&["--service", "Fachverfahren", "--unit", "fehlt"], "unit \"fehlt\""),
    ] {
        let refused = run(&folder, &[&["key", "create"], &wrong[..]].concat(), "");
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(err(&refused).contains(said), "{refused:?}");
    }
}

#[test]
fn a_platform_starts_greets_and_stops() {
    let folder = TempDir::new().unwrap();
    let mut child = program(&folder)
        .arg("serve")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let place = lines.next().unwrap().unwrap();
    assert!(place.starts_with("Fachwerk: http://127.0.0.1:"), "{place}");
    lines.next();
    let link = lines.next().unwrap().unwrap();
    assert!(link.contains("/setup#token=fwe-"), "{link}");
    // Beside a running platform, people and keys can be made, but no second one can run.
    let create = [
        "admin",
        "create-user",
        "--email",
        "ada@amt.example",
        "--name",
        "Ada",
        "--role",
        "admin",
        "--password-stdin",
    ];
    let made = run(&folder, &create, PASSWORD);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let second = run(&folder, &["serve"], "");
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(err(&second).contains("another Fachwerk"), "{second:?}");
    let id = child.id().to_string();
    assert!(Command::new("kill").arg(&id).status().unwrap().success());
    let end = child.wait_with_output().unwrap();
    assert_eq!(end.status.code(), Some(0), "{end:?}");
    let log = err(&end);
    assert!(log.contains("stopped") && !log.contains("fwe-"), "{log}");
}

/// Reads until a line holds the words.
fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, words: &str) -> String {
    said_until(lines, words).pop().unwrap()
}

/// All that is said up to these words.
fn said_until(
    lines: &mut impl Iterator<Item = std::io::Result<String>>,
    words: &str,
) -> Vec<String> {
    let mut said = vec![];
    while !said.last().is_some_and(|line: &String| line.contains(words)) {
        said.push(lines.next().expect("the log goes on").unwrap());
    }
    said
}

/// What a running platform measures.
fn measured(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn models_are_read_anew_on_a_signal_and_kept_if_they_are_wrong() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("fachwerk.toml");
    let models = |place: &str| {
        format!(
            "[[models]]\nname = \"neu\"\n[[models.routes]]\nkind = \"openai\"\n\
             base_url = \"http://127.0.0.1:9/v1\"\nupstream_model = \"x\"\n\
             place = \"{place}\"\nclearance = \"open\"\n"
        )
    };
    let mut child = program(&folder)
        .arg("serve")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
    wait_for(&mut log, "ready");
    let mut greeting = BufReader::new(child.stdout.take().unwrap()).lines();
    let place = wait_for(&mut greeting, "Fachwerk: http://");
    let address = place.rsplit('/').next().unwrap().to_owned();
    let has_route = || {
        let labels = "gen_ai_request_model=\"neu\",fachwerk_route=\"neu-1\"";
        measured(&address).contains(&format!("fachwerk_gateway_breaker_state{{{labels}}} 0"))
    };
    let id = child.id().to_string();
    let signal =
        |name: &str| assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    std::fs::write(&file, models("mars")).unwrap();
    signal("-HUP");
    wait_for(&mut log, "the models stay as they were");
    let kept = log.next().unwrap().unwrap();
    assert!(!has_route());
    assert!(kept.contains("line 7") && kept.contains("models.routes.place"), "{kept}");
    std::fs::write(&file, models("own")).unwrap();
    signal("-HUP");
    let said = said_until(&mut log, "the models were read anew");
    assert!(!said.iter().any(|line| line.contains("restart")), "nothing else changed: {said:?}");
    assert!(has_route());
    let settings =
        "database_url = \"postgres://amt:geheim@db.example/amt\"\n[limits]\njson_bytes = 70000\n";
    std::fs::write(&file, format!("{settings}{}", models("own"))).unwrap();
    signal("-HUP");
    let said = said_until(&mut log, "the models were read anew").join("\n");
    assert!(said.contains("only a restart takes over"), "{said}");
    assert!(said.contains("database_url, limits.json_bytes"), "{said}");
    assert!(!said.contains("geheim"), "{said}");
    signal("-TERM");
    wait_for(&mut log, "stopped");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_backup_brings_everything_back() {
    let folder = TempDir::new().unwrap();
    let create = [
        "admin",
        "create-user",
        "--email",
        "ada@amt.example",
        "--name",
        "Ada",
        "--role",
        "admin",
        "--password-stdin",
    ];
    assert_eq!(run(&folder, &create, PASSWORD).status.code(), Some(0));
    let saved = run(&folder, &["backup", "alles.tar"], "");
    assert_eq!(saved.status.code(), Some(0), "{saved:?}");
    assert_eq!(run(&folder, &["backup", "alles.tar"], "").status.code(), Some(1), "overwritten");
    let used = run(&folder, &["restore", "alles.tar"], "");
    assert_eq!(used.status.code(), Some(1), "{used:?}");
    let elsewhere = ["restore", "alles.tar", "--data", "neu"];
    let restored = run(&folder, &elsewhere, "");
    assert_eq!(restored.status.code(), Some(0), "{restored:?}");
    let again = [&create[..], &["--data", "neu"]].concat();
    let known = run(&folder, &again, PASSWORD);
    assert!(err(&known).contains("already"), "{known:?}");
    let audit = run(&folder, &["audit", "verify", "--data", "neu"], "");
    assert!(out(&audit).contains("intact"), "{audit:?}");
    std::fs::write(folder.path().join("muell.tar"), b"kein Archiv").unwrap();
    let rubbish = run(&folder, &["restore", "muell.tar", "--data", "drei"], "");
    assert_eq!(rubbish.status.code(), Some(1), "{rubbish:?}");
    assert!(!err(&rubbish).is_empty());
}

#[test]
fn a_copy_goes_to_postgresql_only() {
    let folder = TempDir::new().unwrap();
    let output = run(&folder, &["migrate", "--to", "mysql://localhost/x"], "");
    assert_eq!(output.status.code(), Some(64), "{output:?}");
}

/// A mistyped folder must not be made, and found empty and in order.
#[test]
fn what_looks_at_an_installation_or_saves_it_wants_one() {
    let folder = TempDir::new().unwrap();
    let target = "postgres://localhost/fachwerk";
    for arguments in
        [&["audit", "verify"][..], &["backup", "b.tar.gz"], &["migrate", "--to", target]]
    {
        let output = run(&folder, arguments, "");
        assert_ne!(output.status.code(), Some(0), "{arguments:?}");
        assert!(err(&output).contains("there is no installation in"), "{output:?}");
        assert!(!folder.path().join("data").exists(), "{arguments:?}");
        assert!(!folder.path().join("b.tar.gz").exists());
    }
}

#[test]
fn usage_is_exported_for_accounting() {
    let folder = TempDir::new().unwrap();
    let nothing = run(&folder, &["usage", "export", "--month", "2026-11"], "");
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
    assert!(err(&nothing).contains("there is no installation"), "{nothing:?}");
    assert_eq!(run(&folder, &["migrate"], "").status.code(), Some(0));
    let csv = run(&folder, &["usage", "export", "--month", "2026-10", "--to", "2026-11"], "");
    assert!(out(&csv).starts_with("\u{feff}Monat;Von;Bis;Organisationseinheit;Kostenstelle;"));
    let json = ["usage", "export", "--month", "2026-11", "--by", "data_class", "--format", "json"];
    assert_eq!(out(&run(&folder, &json, "")), "{\"items\":[]}\n");
    let wrong = run(&folder, &["usage", "export", "--month", "November"], "");
    assert_eq!(wrong.status.code(), Some(64), "{wrong:?}");
}
