//! What our programs write into the audit log, people read in words: each action, each kind of thing and
//! each name of a detail has one in the browser's texts.

use std::collections::BTreeSet;

use serde_json::Value;
use syn::visit::{self, Visit};
use syn::{Expr, Lit, Pat};

use super::Findings;
use super::house::House;

/// The texts, by language: what stands in one stands in the other, see `messages`.
const TEXTS: &str = "web/src/lib/messages/de.json";

/// Compares the sources with the texts.
pub fn check(house: &House, findings: &mut Findings) {
    let texts = house.read(TEXTS).and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let Some(texts) = texts else { return };
    for source in house.sources.iter().filter(|source| !source.is_test) {
        let Ok(syntax) = &source.syntax else { continue };
        let mut written = Written::default();
        written.visit_file(syntax);
        for (families, code) in written.all() {
            if !families.iter().any(|family| texts.get(format!("{family}.{code}")).is_some()) {
                let family = families[0];
                findings.fail(&source.path, 0, format!("no text {family}.{code} in {TEXTS}"));
            }
        }
    }
}

const ACTION: &[&str] = &["audit.action"];
const OBJECT: &[&str] = &["audit.object"];
const DETAIL: &[&str] = &["audit.field", "limits.meter"];

/// Codes, each with where its words may stand.
#[derive(Debug, Default, PartialEq, Eq)]
struct Written {
    codes: BTreeSet<(&'static [&'static str], String)>,
    /// Texts of variables called `action`, and whether such a one is written down.
    chosen: Vec<String>,
    has_chosen: bool,
}

impl Written {
    fn add(&mut self, families: &'static [&'static str], code: Option<String>) {
        self.codes.extend(code.map(|code| (families, code)));
    }

    fn all(mut self) -> BTreeSet<(&'static [&'static str], String)> {
        let chosen = if self.has_chosen { std::mem::take(&mut self.chosen) } else { Vec::new() };
        chosen.into_iter().for_each(|action| self.add(ACTION, Some(action)));
        self.codes
    }
}

impl<'ast> Visit<'ast> for Written {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if module.ident != "tests" {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        if makes_event(call) {
            let action = call.args.iter().nth(1);
            self.add(ACTION, action.and_then(text_of));
            let is_chosen =
                |action: &Expr| matches!(action, Expr::Path(name) if name.path.is_ident("action"));
            self.has_chosen |= action.is_some_and(is_chosen);
        }
        visit::visit_expr_call(self, call);
    }

    /// An action that is chosen before: `let action = if … { "a" } else { "b" };`.
    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let (Pat::Ident(name), Some(init)) = (&local.pat, &local.init)
            && name.ident == "action"
        {
            let mut texts = Texts::default();
            texts.visit_expr(&init.expr);
            self.chosen.extend(texts.0);
        }
        visit::visit_local(self, local);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        let first = || call.args.first().and_then(text_of);
        // Calls of models are written down as the operation that their account is `of`.
        if call.method == "of" {
            self.add(ACTION, first());
        }
        if call.method == "with" && is_event(&call.receiver) {
            self.add(DETAIL, first());
        } else if call.method == "to" && is_event(&call.receiver) {
            self.add(OBJECT, first());
        }
        visit::visit_expr_method_call(self, call);
    }
}

/// `AuditEvent::done(…)`.
fn makes_event(call: &syn::ExprCall) -> bool {
    let Expr::Path(function) = &*call.func else { return false };
    let names: Vec<String> = function.path.segments.iter().map(|s| s.ident.to_string()).collect();
    names.ends_with(&["AuditEvent".to_owned(), "done".to_owned()])
}

/// Whether a chain of calls begins with an event.
fn is_event(receiver: &Expr) -> bool {
    match receiver {
        Expr::MethodCall(call) => is_event(&call.receiver),
        Expr::Call(call) => makes_event(call),
        Expr::Path(path) => path.path.is_ident("event"),
        _ => false,
    }
}

fn text_of(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// All texts of an expression.
#[derive(Debug, Default)]
struct Texts(Vec<String>);

impl<'ast> Visit<'ast> for Texts {
    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        self.0.push(text.value());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_found_in_every_form() {
        let source = r#"
            fn write() {
                let action = if new { "make" } else { "change" };
                let event = AuditEvent::done(by, action).to("model", id).with("version", 1);
                let event = store::AuditEvent::done(by, "drop").outcome(o).with("reason", x);
                if odd { event = event.with("parent", parent); }
                let error = Error::new(kind, "bad").with("limit", 3);
            }
        "#;
        let mut written = Written::default();
        written.visit_file(&syn::parse_file(source).expect("it is Rust"));
        let codes = written.all();
        let found: Vec<(&str, &str)> =
            codes.iter().map(|(families, code)| (families[0], code.as_str())).collect();
        assert_eq!(
            found,
            [
                ("audit.action", "change"),
                ("audit.action", "drop"),
                ("audit.action", "make"),
                ("audit.field", "parent"),
                ("audit.field", "reason"),
                ("audit.field", "version"),
                ("audit.object", "model"),
            ]
        );
    }
}
