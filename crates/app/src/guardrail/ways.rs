//! The ways that a request may take, as protection sees them: under which policy, to which place.
//! Of all that may be tried the strictest counts (decision 0013).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use domain::{DataClass, Place, TenantId};
use gateway::{Catalogue, ModelAccess, OpenRoutes, PlacePolicy, Route};
use guard::{AnswerRules, Event, Finding, InjectionRules, Kind, Topic, TopicRules};
use llm::{ChatRequest, Origin, Role};

use super::{
    ExternalPolicy, GuardAction, GuardCheck, GuardPolicy, GuardScope, SCANNER, StructureCheck,
    answers, prompt::Prompt,
};
use crate::{Error, Result};

static INJECTION: std::sync::LazyLock<InjectionRules> =
    std::sync::LazyLock::new(InjectionRules::default);

/// A policy, ready to be used.
#[derive(Debug)]
pub(super) struct Guardrail {
    pub(super) policy: GuardPolicy,
    topics: Option<TopicRules>,
    /// `None` if nobody looks at answers.
    pub(super) answers: Option<Arc<AnswerRules>>,
}

impl Guardrail {
    fn new(policy: GuardPolicy) -> Result<Self> {
        let words = policy.topics.clone();
        let topic = (!words.is_empty() && policy.topics_check != GuardCheck::Off).then(|| Topic {
            id: "configured".to_owned(),
            score: 1.0,
            words,
        });
        let topics = topic.map(|topic| TopicRules::new(&[topic])).transpose();
        let answers = answers::rules(&policy.answers);
        Ok(Self { policy, topics: topics.map_err(Error::internal)?, answers })
    }
}

/// All policies of the installation.
#[derive(Debug)]
pub(crate) struct Guardrails {
    /// The general one first.
    all: Vec<Guardrail>,
    /// For whom and what each of the others holds.
    scopes: Vec<GuardScope>,
}

impl Guardrails {
    /// Gets the policies ready.
    ///
    /// # Errors
    /// If the topics of one cannot be used.
    pub(crate) fn new(
        general: GuardPolicy,
        exceptions: Vec<(GuardScope, GuardPolicy)>,
    ) -> Result<Self> {
        let (scopes, policies): (Vec<_>, Vec<_>) = exceptions.into_iter().unzip();
        let all = [general].into_iter().chain(policies).map(Guardrail::new);
        Ok(Self { all: all.collect::<Result<_>>()?, scopes })
    }

    /// The policy for a tenant on a route: the first exception that fits, else the general one.
    pub(super) fn of(&self, tenant: TenantId, model: &str, route: &str) -> &Guardrail {
        &self.all[self.position(tenant, model, route)]
    }

    fn position(&self, tenant: TenantId, model: &str, route: &str) -> usize {
        let fits = |scope: &GuardScope| scope.fits(tenant, model, route);
        self.scopes.iter().position(fits).map_or(0, |at| at + 1)
    }
}

/// What a look at a request found.
#[derive(Debug, Default)]
pub(super) struct Inspection {
    pub(super) findings: Vec<Finding>,
    /// The kinds of the finds, and those that would raise the class or refuse even where a find of
    /// another kind stands in the same place.
    pub(super) kinds: BTreeSet<Kind>,
    /// Instructions in foreign texts, if there are enough of them.
    pub(super) injection: Vec<Event>,
    pub(super) topics: Vec<Event>,
    /// Attempts of people to break the rules of a model, if there are enough of them.
    pub(super) jailbreak: Vec<Event>,
    /// Whether one of those refuses.
    pub(super) refused: Option<&'static str>,
}

impl Inspection {
    /// How many hits there are, of whatever kind.
    pub(super) fn count(&self) -> usize {
        let events = [&self.injection, &self.topics, &self.jailbreak];
        self.findings.len() + events.into_iter().map(Vec::len).sum::<usize>()
    }
}

/// What somebody may use for data of a class.
pub(super) struct Open {
    pub(super) class: DataClass,
    pub(super) places: PlacePolicy,
    pub(super) access: ModelAccess,
}

impl Open {
    fn allows(&self, model: &str, route: &Route) -> bool {
        self.class <= route.clearance
            && self.places.allows(route.place)
            && self.access.allows(model)
    }
}

/// The ways that are open to a request.
#[derive(Debug, Clone)]
pub(super) struct Ways {
    rails: Arc<Guardrails>,
    /// Policy and place, each pair once.
    list: Vec<(usize, Place)>,
    tenant: TenantId,
    /// Whether external guardrails are asked.
    asks: bool,
}

impl Ways {
    /// The ways behind the name of a model that are open.
    pub(super) fn of(
        rails: &Arc<Guardrails>,
        tenant: TenantId,
        (catalogue, model): (&Catalogue, &str),
        open: &Open,
    ) -> Self {
        let mut list = Vec::with_capacity(Place::ALL.len());
        for (model, route) in routes_of(catalogue, model) {
            if !open.allows(model, route) {
                continue;
            }
            let way = (rails.position(tenant, model, &route.name), route.place);
            if !list.contains(&way) {
                list.push(way);
            }
        }
        Self { rails: rails.clone(), list, tenant, asks: true }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All places of the ways.
    pub(super) fn places(&self) -> PlacePolicy {
        PlacePolicy::ANYWHERE.only(|place| self.list.iter().any(|way| way.1 == place))
    }

    /// The routes that these ways are; `None` if the places say it all.
    pub(super) fn routes(&self, catalogue: &Catalogue, model: &str) -> Option<OpenRoutes> {
        if self.rails.scopes.is_empty() {
            return None;
        }
        let is_open = |(model, route): &(&str, &Route)| {
            let rail = self.rails.position(self.tenant, model, &route.name);
            self.list.contains(&(rail, route.place))
        };
        let open = routes_of(catalogue, model).filter(is_open);
        Some(OpenRoutes::of(open.map(|(model, route)| (model, route.name.as_str()))))
    }

    fn rails(&self) -> impl Iterator<Item = &Guardrail> {
        let mut used: Vec<usize> = self.list.iter().map(|(rail, _)| *rail).collect();
        used.sort_unstable();
        used.dedup();
        used.into_iter().map(|rail| &self.rails.all[rail])
    }

    fn actions(&self, kind: Kind) -> impl Iterator<Item = GuardAction> {
        self.list.iter().map(move |way| self.action(*way, kind))
    }

    fn action(&self, (rail, place): (usize, Place), kind: Kind) -> GuardAction {
        self.rails.all[rail].policy.at(place).action(kind)
    }

    /// The strictest that any of the ways wants done about a kind.
    pub(super) fn strictest(&self, kind: Kind) -> GuardAction {
        self.actions(kind).max().unwrap_or_default()
    }

    /// The kinds that one of the ways wants to know about.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let wanted = |kind: &Kind| self.strictest(*kind) > GuardAction::Off;
        Kind::ALL.into_iter().filter(wanted).collect()
    }

    /// Whether one of the ways wants to know more about what people write than personal data.
    pub(super) fn looks_at_people(&self) -> bool {
        self.rails().any(|rail| rail.topics.is_some() || rail.policy.jailbreak != GuardCheck::Off)
    }

    /// Whether more may have to be done about what is found than to report it.
    pub(super) fn must_read(&self) -> bool {
        let refuses_people = |rail: &Guardrail| {
            rail.topics.is_some() && rail.policy.topics_check == GuardCheck::Refuse
                || rail.policy.jailbreak == GuardCheck::Refuse
        };
        let refuses = |one: &&Arc<ExternalPolicy>| one.input == GuardCheck::Refuse;
        self.externals().iter().any(refuses) || self.rails().any(refuses_people) || self.changes()
    }

    /// The same without external guardrails: for what is itself a question to one.
    pub(super) fn asking_nobody(self) -> Self {
        Self { asks: false, ..self }
    }

    /// The external guardrails that are asked about a request, each once.
    pub(super) fn externals(&self) -> Vec<&Arc<ExternalPolicy>> {
        let mut all: Vec<&Arc<ExternalPolicy>> = vec![];
        let wanted = self.rails().filter_map(|rail| rail.policy.external.as_ref());
        for external in wanted.filter(|one| self.asks && one.input != GuardCheck::Off) {
            if !all.contains(&external) {
                all.push(external);
            }
        }
        all
    }

    /// Whether more may have to be done about personal data or secrets than to report them.
    pub(super) fn changes(&self) -> bool {
        self.kinds().into_iter().any(|kind| self.strictest(kind) > GuardAction::Report)
    }

    /// The strictest that any of the ways wants done about the structure of the answer.
    pub(super) fn structure(&self) -> StructureCheck {
        self.rails().map(|rail| rail.policy.answers.structure).max().unwrap_or_default()
    }

    /// Whether the system prompt is looked for in the answer on one of the ways.
    pub(super) fn compares_prompt(&self) -> bool {
        self.rails().any(|rail| rail.policy.answers.prompt_leak != guard::Measure::Off)
    }

    /// Whether something may stand in the answer, on one of the ways, in place of what the model wrote.
    pub(super) fn gives_notices(&self) -> bool {
        let says = |rail: &Guardrail| rail.answers.as_ref().is_some_and(|rules| rules.holds_back());
        self.rails().any(|rail| says(rail) || rail.policy.external.is_some())
    }

    /// Whether there is anything to look for in this request.
    pub(super) fn look_at(&self, request: &ChatRequest) -> bool {
        let has_foreign = || {
            request.grounding.is_some()
                || request.messages().iter().any(|message| message.role() == Role::Tool)
        };
        let looks_for_orders = || self.rails().any(|rail| rail.policy.injection != GuardCheck::Off);
        !self.kinds().is_empty()
            || self.looks_at_people()
            || !self.externals().is_empty()
            || (looks_for_orders() && has_foreign())
    }

    /// The class that finds ask for.
    pub(super) fn raised(&self, kinds: &BTreeSet<Kind>) -> Option<DataClass> {
        let raises =
            |kind: &&Kind| self.actions(**kind).any(|action| action == GuardAction::RaiseClass);
        kinds.iter().filter(raises).map(|kind| kind.class()).max()
    }

    /// Those of the kinds that raise the class so far.
    pub(super) fn raising<'k>(
        &self,
        kinds: &'k BTreeSet<Kind>,
        class: DataClass,
    ) -> impl Iterator<Item = &'k Kind> {
        kinds.iter().filter(move |kind| {
            kind.class() == class && self.raised(&BTreeSet::from([**kind])).is_some()
        })
    }

    /// What must be done to texts before they may go any of these ways.
    pub(super) fn hiding(&self) -> BTreeMap<Kind, GuardAction> {
        let of =
            |kind: Kind| Some((kind, self.actions(kind).filter(|action| action.hides()).max()?));
        Kind::ALL.into_iter().filter_map(of).collect()
    }

    /// The ways of these that finds of these kinds may go.
    pub(super) fn admitting(&self, kinds: &BTreeSet<Kind>) -> Self {
        self.without(|action| action == GuardAction::Refuse, kinds)
    }

    /// The ways of these on which nothing is done to finds of these kinds.
    pub(super) fn unhidden(&self, kinds: &BTreeSet<Kind>) -> Self {
        self.without(GuardAction::hides, kinds)
    }

    /// Those of the kinds about which one of the ways does what `bars` names.
    pub(super) fn barring(
        &self,
        kinds: &BTreeSet<Kind>,
        bars: impl Fn(GuardAction) -> bool,
    ) -> BTreeSet<Kind> {
        kinds.iter().filter(|kind| self.actions(**kind).any(&bars)).copied().collect()
    }

    fn without(&self, bars: impl Fn(GuardAction) -> bool, kinds: &BTreeSet<Kind>) -> Self {
        let is_open =
            |way: &&(usize, Place)| !kinds.iter().any(|kind| bars(self.action(**way, *kind)));
        let list = self.list.iter().filter(is_open).copied().collect();
        Self { list, ..self.clone() }
    }

    /// Looks at all texts of a request.
    pub(super) fn inspect(&self, prompt: &Prompt) -> Inspection {
        let mut inspection = self.find(prompt);
        self.inspect_orders(prompt, &mut inspection);
        let people = prompt.of(|origin| origin == Origin::Person);
        self.inspect_jailbreaks(&people, &mut inspection);
        for rail in self.rails() {
            let Some(topics) = &rail.topics else { continue };
            let events = topics.inspect(&people);
            if !events.is_empty() && rail.policy.topics_check == GuardCheck::Refuse {
                inspection.refused = inspection.refused.or(Some("guard_topic"));
            }
            inspection.topics.extend(events);
        }
        inspection
    }

    fn inspect_orders(&self, prompt: &Prompt, inspection: &mut Inspection) {
        let mut wanting =
            self.rails().filter(|rail| rail.policy.injection != GuardCheck::Off).peekable();
        // A person may give orders, a document may not.
        let foreign = prompt.of(|origin| matches!(origin, Origin::Source | Origin::Tool));
        if wanting.peek().is_none() || foreign.is_empty() {
            return;
        }
        let suspicion = INJECTION.inspect(&foreign);
        for rail in wanting.filter(|rail| suspicion.score >= rail.policy.injection_score_min) {
            inspection.injection.clone_from(&suspicion.events);
            if rail.policy.injection == GuardCheck::Refuse {
                inspection.refused = Some("guard_injection");
            }
        }
    }

    fn inspect_jailbreaks(&self, people: &str, inspection: &mut Inspection) {
        let mut wanting =
            self.rails().filter(|rail| rail.policy.jailbreak != GuardCheck::Off).peekable();
        if wanting.peek().is_none() || people.is_empty() {
            return;
        }
        let suspicion = INJECTION.inspect_person(people);
        for rail in wanting.filter(|rail| suspicion.score >= rail.policy.injection_score_min) {
            inspection.jailbreak.clone_from(&suspicion.events);
            if rail.policy.jailbreak == GuardCheck::Refuse {
                inspection.refused = inspection.refused.or(Some("guard_jailbreak"));
            }
        }
    }

    /// Looks for personal data and secrets.
    pub(super) fn find(&self, prompt: &Prompt) -> Inspection {
        let scan = |kinds: Vec<Kind>| {
            let policy = guard::Policy { kinds, ..guard::Policy::default() };
            SCANNER.with_policy(&policy).scan(&prompt.joined)
        };
        let kinds = self.kinds();
        let findings = if kinds.is_empty() { vec![] } else { scan(kinds.clone()) };
        let mut found: BTreeSet<Kind> = findings.iter().map(|one| one.kind).collect();
        let strict = [GuardAction::RaiseClass, GuardAction::Refuse];
        for wanted in strict.into_iter().filter(|_| !findings.is_empty()) {
            let of_action = |kind: &Kind| self.actions(*kind).any(|action| action == wanted);
            let group: Vec<Kind> = kinds.iter().copied().filter(of_action).collect();
            if !group.is_empty() && group.len() < kinds.len() {
                found.extend(scan(group).iter().map(|one| one.kind));
            }
        }
        // A label is a text as well, the name of its field: what was found in it is there twice.
        let (own, labels): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|one| prompt.is_in_text(one));
        let findings = if own.is_empty() { labels } else { own };
        Inspection { findings, kinds: found, ..Inspection::default() }
    }
}

/// All routes behind a name, each with its model. Any line of the choice `auto` may be taken.
fn routes_of<'c>(
    catalogue: &'c Catalogue,
    name: &str,
) -> impl Iterator<Item = (&'c str, &'c Route)> {
    let named = catalogue.model(name);
    let lines = if named.is_some() { &[] } else { catalogue.auto() };
    let behind = lines.iter().filter_map(|line| catalogue.model(&line.model));
    let models = named.into_iter().chain(behind);
    models.flat_map(|model| model.routes.iter().map(|route| (model.name.as_str(), route)))
}

#[cfg(test)]
mod tests {
    use gateway::{AutoChoice, Model, RouteKind};

    use super::*;

    /// Routes have names of their own only within a model.
    #[test]
    fn a_route_is_open_or_closed_whatever_its_namesake_in_another_model_is() {
        let model = |name: &str, place| {
            let route = Route::new("haupt", RouteKind::BuiltIn, place, DataClass::Restricted);
            Model::new(name, vec![route])
        };
        let line = |model: &str| AutoChoice {
            model: model.to_owned(),
            class_max: None,
            tokens_max: None,
            kind: None,
        };
        let scope = GuardScope { model: Some("b".to_owned()), ..GuardScope::default() };
        let rails = Guardrails::new(GuardPolicy::off(), vec![(scope, GuardPolicy::off())]).unwrap();
        let (rails, tenant) = (Arc::new(rails), TenantId::new());
        let open = Open {
            class: DataClass::Open,
            places: PlacePolicy::ANYWHERE,
            access: ModelAccess::ALL,
        };
        let models = vec![model("a", Place::Own), model("b", Place::Own)];
        let catalogue = Catalogue::new(models).unwrap();
        let catalogue = catalogue.with_auto(vec![line("a"), line("b")]).unwrap();
        let mut ways = Ways::of(&rails, tenant, (&catalogue, "auto"), &open);
        // Protection leaves open what the general policy holds for.
        ways.list.retain(|(rail, _)| *rail == 0);
        let opened = |name| {
            let routes = ways.routes(&catalogue, name).unwrap();
            ["a", "b"].map(|model| routes.allow(model, "haupt"))
        };
        assert_eq!(opened("auto"), [true, false]);
        assert_eq!(opened("a"), [true, false]);
        assert_eq!(opened("b"), [false, false]);
    }
}
