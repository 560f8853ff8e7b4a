//! How much of a month's budget is used by all who share it, as far as that may be known: the figures
//! of usage, in which nobody's part can be found, and what programs have used. Knows no limits.
//!
//! A live figure would tell what one person does whenever the others are quiet, however many they are.
//! See decisions 0014 and 0015.

use std::collections::HashMap;

use domain::{LimitScope, Month, TenantId, UnitId};
use store::{Figure, Figures, MonthSum, UsageView};

use crate::{App, Result};

/// What is known of units, models and the tenant; nothing where the figures hold nothing.
#[derive(Debug, Default)]
pub(super) struct KnownUse {
    tenant: Option<MonthSum>,
    /// Of a unit and all below it.
    units: HashMap<UnitId, MonthSum>,
    models: HashMap<String, MonthSum>,
}

impl KnownUse {
    pub(super) fn of(&self, scope: &LimitScope) -> Option<MonthSum> {
        match scope {
            LimitScope::Tenant => self.tenant,
            LimitScope::Unit(id) => self.units.get(id).copied(),
            LimitScope::Model(name) => self.models.get(name).copied(),
            LimitScope::Person(_) | LimitScope::Key(_) => None,
        }
    }
}

impl App {
    pub(super) async fn known_use(&self, tenant: TenantId, month: Month) -> Result<KnownUse> {
        self.close_usage(tenant).await?;
        let mut known = KnownUse::default();
        for figure in self.figures_of(tenant, month, UsageView::Unit).await? {
            add(known.tenant.get_or_insert_default(), &figure.sums);
            let unit = figure.subject.parse().ok();
            for unit in unit.into_iter().flat_map(|unit| self.units.line_of(unit)) {
                add(known.units.entry(unit).or_default(), &figure.sums);
            }
        }
        for figure in self.figures_of(tenant, month, UsageView::Model).await? {
            add(known.models.entry(figure.subject).or_default(), &figure.sums);
        }
        Ok(known)
    }

    /// Of people and of programs.
    async fn figures_of(
        &self,
        tenant: TenantId,
        month: Month,
        view: UsageView,
    ) -> Result<Vec<Figure>> {
        let days = month.first_day()..=month.last_day();
        let mut figures = self.store.usage_figures_within(tenant, view, days.clone()).await?;
        figures.extend(self.store.service_figures(tenant, view, days).await?);
        Ok(figures)
    }
}

fn add(sum: &mut MonthSum, figures: &Figures) {
    sum.calls += figures.calls;
    sum.tokens += figures.prompt_tokens + figures.completion_tokens;
    sum.nano_euro += figures.cost_nano_euro;
}
