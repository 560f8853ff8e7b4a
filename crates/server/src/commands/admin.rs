//! `fachwerk admin …`: people and keys, beside a running platform.

use std::io::BufRead;

use app::{KeyOwner, KeyRequest, NewPerson};
use domain::Scope;

use super::{
    Failure, Outcome, load_without_keys, print,
    serve::{place, setup_link},
    tell, with_app,
};
use crate::cli::{AdminCommand, CreateKey, CreateUser, ResetPassword, SetupLink};

/// Longest line that is read as a password; what is too long for an account is refused there.
const PASSWORD_BYTES_MAX: usize = 4_096;

pub(super) fn run(command: AdminCommand) -> Outcome {
    match command {
        AdminCommand::CreateUser(asked) => create_user(asked),
        AdminCommand::CreateKey(asked) => create_key(&asked),
        AdminCommand::ResetPassword(asked) => reset_password(&asked),
        AdminCommand::SetupLink(asked) => issue_setup_link(&asked),
    }
}

fn create_user(asked: CreateUser) -> Outcome {
    let password = read_password()?;
    let person = NewPerson {
        name: asked.name,
        email: asked.email,
        password,
        role: asked.role.into(),
        units: vec![],
    };
    let user = with_app(&asked.installation, |app| async move {
        Ok(app.create_user_by_command(person).await?)
    })?;
    print(&format!("{}\n", user.id))
}

fn create_key(asked: &CreateKey) -> Outcome {
    let created = with_app(&asked.installation, |app| async move {
        let request = KeyRequest {
            name: String::new(),
            scopes: Scope::ALL.to_vec(),
            expires_at: None,
            models: None,
            data_class: None,
        };
        Ok(app.create_key_by_command(KeyOwner::Person(asked.email.clone()), request).await?)
    })?;
    print(&format!("{}\n", created.token.reveal()))
}

fn reset_password(asked: &ResetPassword) -> Outcome {
    let password = read_password()?;
    with_app(&asked.installation, |app| async move {
        Ok(app.reset_password_by_command(&asked.email, password).await?)
    })?;
    tell("the password is set and all sessions of the account have ended");
    Ok(())
}

fn issue_setup_link(asked: &SetupLink) -> Outcome {
    let config = load_without_keys(&asked.installation.overrides())?;
    let token =
        with_app(&asked.installation, |app| async move { Ok(app.issue_setup_token().await?) })?;
    print(&setup_link(&place(&config, config.listen), token.reveal()))
}

/// Reads a password: the first line of standard input without its end.
fn read_password() -> Result<String, Failure> {
    let mut line = Vec::new();
    let mut input = std::io::Read::take(std::io::stdin().lock(), PASSWORD_BYTES_MAX as u64);
    input.read_until(b'\n', &mut line).map_err(Failure::other)?;
    let text = String::from_utf8(line)
        .map_err(|_| Failure::usage("the password on standard input is not UTF-8"))?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::usage("no password came on standard input"));
    }
    Ok(password.to_owned())
}
