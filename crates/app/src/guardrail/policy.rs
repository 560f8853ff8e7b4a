//! What an operator wants done about what is found: for whom, at each place, for each kind, and in
//! answers. Values only.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use domain::{Place, TenantId};
use guard::{Kind, Measure};

/// What is done about a find. The order is that of strictness: of several, the last one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum GuardAction {
    /// Nobody looks.
    #[default]
    Off,
    /// It is counted and recorded; the text stays as it is.
    Report,
    /// The run gets at least the class of the kind, and routes below are not used.
    RaiseClass,
    /// The model reads a placeholder; the answer gets the original back.
    Pseudonymise,
    /// The model reads the name of the kind, and nobody puts anything back.
    Mask,
    /// It does not go there.
    Refuse,
}

impl GuardAction {
    /// All actions, in rising strictness.
    pub const ALL: [Self; 6] =
        [Self::Off, Self::Report, Self::RaiseClass, Self::Pseudonymise, Self::Mask, Self::Refuse];

    /// The code used in configuration, measurements and the audit log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Report => "report",
            Self::RaiseClass => "raise_class",
            Self::Pseudonymise => "pseudonymise",
            Self::Mask => "mask",
            Self::Refuse => "refuse",
        }
    }

    /// The action with this code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.code() == code)
    }

    /// Whether the text must not arrive as it is.
    pub(crate) const fn hides(self) -> bool {
        matches!(self, Self::Pseudonymise | Self::Mask)
    }
}

/// What is done at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceRules {
    /// About personal data of kinds that are not named.
    pub personal: GuardAction,
    /// About secrets. They are never pseudonymised and raise no class.
    pub secret: GuardAction,
    /// About single kinds of personal data.
    pub kinds: BTreeMap<Kind, GuardAction>,
}

impl PlaceRules {
    /// The same for all personal data.
    #[must_use]
    pub fn all(personal: GuardAction, secret: GuardAction) -> Self {
        Self { personal, secret, kinds: BTreeMap::new() }
    }

    /// What is done about a kind.
    #[must_use]
    pub fn action(&self, kind: Kind) -> GuardAction {
        match kind {
            Kind::Secret => self.secret,
            kind => self.kinds.get(&kind).copied().unwrap_or(self.personal),
        }
    }
}

/// What is done about instructions and topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GuardCheck {
    /// Nobody looks.
    #[default]
    Off,
    /// A hit is counted and recorded.
    Report,
    /// A hit ends the request.
    Refuse,
}

/// What is done if an external guardrail does not answer, or may not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// As if it had found nothing; it is counted and recorded.
    Pass,
    /// As if it had found something.
    #[default]
    Refuse,
}

/// An external guardrail, and what is done about what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalPolicy {
    /// The model that is asked, by name; it has to offer moderations.
    pub model: String,
    /// About requests.
    pub input: GuardCheck,
    /// About answers: off, report or stop.
    pub output: Measure,
    /// If it says nothing where that is to refuse or stop.
    pub on_failure: OnFailure,
    /// Longest time for an answer of it.
    pub timeout: Duration,
}

/// Everything an operator decides about protection.
#[derive(Debug, Clone, PartialEq)]
pub struct GuardPolicy {
    /// In the authority's own data centre.
    pub own: PlaceRules,
    /// In Germany.
    pub germany: PlaceRules,
    /// In the European Union.
    pub eu: PlaceRules,
    /// Elsewhere.
    pub elsewhere: PlaceRules,
    /// About instructions in sources and results of tools.
    pub injection: GuardCheck,
    /// About attempts of people to break the rules of a model.
    pub jailbreak: GuardCheck,
    /// The joint score from which on a text counts as such, from 0 to 1.
    pub injection_score_min: f32,
    /// Words and phrases that nobody may ask about; none if empty.
    pub topics: Vec<String>,
    /// What is done about them.
    pub topics_check: GuardCheck,
    /// What is looked for in answers.
    pub answers: AnswerPolicy,
    /// Who else is asked; `None`: nobody.
    pub external: Option<Arc<ExternalPolicy>>,
}

/// What is done about hits in answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnswerPolicy {
    /// About links that are dangerous, or outside the list.
    pub links: Measure,
    /// Hosts that may be linked, with everything below them; empty: any.
    pub links_allowed: Vec<String>,
    /// About the system prompt given away.
    pub prompt_leak: Measure,
    /// About words of abuse, German and English.
    pub toxicity: Measure,
    /// About unsafe code in arguments of tools.
    pub code: Measure,
    /// About answers and arguments of tools that do not fit their JSON Schema.
    pub structure: StructureCheck,
}

/// What is done about an answer that does not fit the JSON Schema it was asked for. The order is that
/// of strictness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum StructureCheck {
    /// Nobody looks.
    #[default]
    Off,
    /// It is counted and recorded.
    Report,
    /// The model may try once more; what comes then is handed on.
    Repair,
    /// The model may try once more; what does not fit then is refused.
    Refuse,
}

/// For whom and what a policy holds. What is `None` holds for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GuardScope {
    /// The authority.
    pub tenant: Option<TenantId>,
    /// The model, by name.
    pub model: Option<String>,
    /// The route, by name.
    pub route: Option<String>,
}

impl GuardScope {
    /// Whether a call of this tenant on this route is meant.
    pub(crate) fn fits(&self, tenant: TenantId, model: &str, route: &str) -> bool {
        self.tenant.is_none_or(|own| own == tenant)
            && self.model.as_deref().is_none_or(|own| own == model)
            && self.route.as_deref().is_none_or(|own| own == route)
    }
}

impl GuardPolicy {
    /// Nobody looks at anything.
    #[must_use]
    pub fn off() -> Self {
        let rules = || PlaceRules::all(GuardAction::Off, GuardAction::Off);
        Self {
            own: rules(),
            germany: rules(),
            eu: rules(),
            elsewhere: rules(),
            injection: GuardCheck::Off,
            jailbreak: GuardCheck::Off,
            injection_score_min: guard::LIKELY,
            topics: vec![],
            topics_check: GuardCheck::Off,
            answers: AnswerPolicy::default(),
            external: None,
        }
    }

    /// The rules of a place.
    #[must_use]
    pub fn at(&self, place: Place) -> &PlaceRules {
        match place {
            Place::Own => &self.own,
            Place::Germany => &self.germany,
            Place::Eu => &self.eu,
            Place::Elsewhere => &self.elsewhere,
        }
    }
}
