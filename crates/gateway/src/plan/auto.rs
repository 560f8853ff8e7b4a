//! The choice behind the name `auto`: by class, size and kind of the request, never by load, so that
//! the same request gets the same model.

use super::{Ask, Reason, filter};
use crate::{AutoChoice, Catalogue, Model, Route};

/// The models of the lines that fit the request, in order.
pub(super) fn fitting<'c>(catalogue: &'c Catalogue, ask: &Ask<'_>) -> Vec<&'c Model> {
    let lines = catalogue.auto().iter();
    let lines = lines.filter(|line| ask.access.allows(&line.model) && misfit(line, ask).is_none());
    lines.filter_map(|line| catalogue.model(&line.model)).collect()
}

/// The first of these models that has a route which may receive the request; one whose routes are
/// all drained only if there is no other.
pub(super) fn choose<'c>(models: &[&'c Model], ask: &Ask<'_>) -> Option<&'c Model> {
    let may = |model: &Model, route: &Route| filter::ruled_out(model, route, ask).is_none();
    let is_able = |model: &&Model| model.routes.iter().any(|route| may(model, route));
    let is_on =
        |model: &&Model| model.routes.iter().any(|route| may(model, route) && !route.drained);
    let mut able = models.iter().copied().filter(is_able);
    let first = able.clone().next();
    able.find(is_on).or(first)
}

/// Why the routes behind other lines than that of the chosen model were not taken, with their models.
pub(super) fn passed_over(
    catalogue: &Catalogue,
    chosen: &str,
    ask: &Ask<'_>,
) -> Vec<(String, Reason)> {
    let mut found: Vec<(String, Reason)> = Vec::new();
    let lines = catalogue.auto().iter();
    for line in lines.filter(|line| line.model != chosen && ask.access.allows(&line.model)) {
        let Some(model) = catalogue.model(&line.model) else { continue };
        for route in &model.routes {
            let reason = misfit(line, ask).or_else(|| filter::ruled_out(model, route, ask));
            let name = format!("{}/{}", model.name, route.name);
            // A model of several lines is told of once.
            if !found.iter().any(|(other, _)| *other == name) {
                found.push((name, reason.unwrap_or(Reason::NotNeeded)));
            }
        }
    }
    found
}

/// What a line is not for.
fn misfit(line: &AutoChoice, ask: &Ask<'_>) -> Option<Reason> {
    if line.class_max.is_some_and(|max| ask.class > max) {
        return Some(Reason::AboveLineClass);
    }
    if line.tokens_max.is_some_and(|max| ask.needs.tokens_likely() > max) {
        return Some(Reason::AboveLineTokens);
    }
    let is_other = line.kind.is_some_and(|kind| ask.needs.kind() != kind);
    is_other.then_some(Reason::OtherTask)
}
