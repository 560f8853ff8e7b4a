//! The choice behind the name `auto`: by class, size and kind of the request, never by load, so that
//! the same request gets the same model.

use super::{Ask, filter};
use crate::{AutoChoice, Catalogue, Model, Route};

/// The models of the lines that fit the request, in order.
pub(super) fn fitting<'c>(catalogue: &'c Catalogue, ask: &Ask<'_>) -> Vec<&'c Model> {
    let lines = catalogue.auto().iter();
    let lines = lines.filter(|line| ask.access.allows(&line.model) && fits(line, ask));
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

fn fits(line: &AutoChoice, ask: &Ask<'_>) -> bool {
    line.class_max.is_none_or(|max| ask.class <= max)
        && line.tokens_max.is_none_or(|max| ask.needs.tokens_likely() <= max)
        && line.kind.is_none_or(|kind| ask.needs.kind() == kind)
}
