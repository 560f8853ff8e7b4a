//! `fachwerk key …`: API keys of people and programs, beside a running platform.

use app::{KeyOwner, KeyRequest, TenantKey};
use domain::{DataClass, Instant};

use super::{Failure, Outcome, print, print_lines, tell, with_app};
use crate::cli::{KeyCommand, ListKeys, MakeKey, RevokeKey};

pub(super) fn run(command: KeyCommand) -> Outcome {
    match command {
        KeyCommand::Create(asked) => create(asked),
        KeyCommand::List(asked) => list(&asked),
        KeyCommand::Revoke(asked) => revoke(&asked),
    }
}

fn create(asked: MakeKey) -> Outcome {
    let owner = match (asked.person, asked.service) {
        (Some(email), _) => KeyOwner::Person(email),
        (None, Some(name)) => KeyOwner::Service { name, unit: asked.unit },
        (None, None) => return Err(Failure::usage("say whose key it is: --person or --service")),
    };
    let request = KeyRequest {
        name: asked.name.unwrap_or_default(),
        scopes: asked.scopes,
        // Valid until the day is over.
        expires_at: asked.expires.map(|day| day.plus(1).start()),
        models: Some(asked.models).filter(|models| !models.is_empty()),
        data_class: asked.class,
    };
    let created = with_app(&asked.installation, |app| async move {
        Ok(app.create_key_by_command(owner, request).await?)
    })?;
    tell(&format!("made the key {}", created.key.id));
    print(&format!("{}\n", created.token.reveal()))
}

fn list(asked: &ListKeys) -> Outcome {
    let keys =
        with_app(&asked.installation, |app| async move { Ok(app.list_keys_by_command().await?) })?;
    print_lines(keys.iter().map(line))
}

/// Columns parted by tabs, `-` for what is not set.
fn line(owned: &TenantKey) -> String {
    let key = &owned.key;
    let time = |at: Option<Instant>| at.map_or_else(|| "-".to_owned(), Instant::to_rfc3339);
    let columns = [
        key.id.to_string(),
        if owned.is_service { "service" } else { "person" }.to_owned(),
        owned.owner.name.clone(),
        key.name.clone(),
        key.prefix.clone(),
        key.data_class.map_or("-", DataClass::code).to_owned(),
        key.models.as_ref().map_or_else(|| "-".to_owned(), |models| models.join(",")),
        time(key.expires_at),
        time(key.last_used_at),
    ];
    // Names are free text: a tab or a line break in one would look like the next column.
    let columns = columns.map(|text| text.replace(char::is_control, " "));
    format!("{}\n", columns.join("\t"))
}

fn revoke(asked: &RevokeKey) -> Outcome {
    let id = asked.id;
    with_app(&asked.installation, |app| async move { Ok(app.revoke_key_by_command(id).await?) })?;
    tell("the key is revoked");
    Ok(())
}
