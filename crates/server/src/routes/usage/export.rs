//! Figures of usage as a file, month after month, so that no more than one month is held at a time.

use app::{Language, UsageExport, UsageLine, UsageReport, UsageView, wording};
use serde::Serialize;

use super::UsageItem;
use crate::{
    cli::ExportFormat,
    door::csv::{BYTE_ORDER_MARK, Cell, write_row},
};

/// The pieces of the file, one after the other.
pub(crate) struct ExportPieces {
    export: UsageExport,
    view: UsageView,
    format: ExportFormat,
    language: Language,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    Beginning,
    /// Whether an item has been written.
    Within(bool),
    Ended,
}

/// An item of the JSON form.
#[derive(Serialize)]
struct Item {
    month: String,
    #[serde(flatten)]
    item: UsageItem,
}

impl ExportPieces {
    pub(crate) fn new(
        export: UsageExport,
        view: UsageView,
        format: ExportFormat,
        language: Language,
    ) -> Self {
        Self { export, view, format, language, state: State::Beginning }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// A database error.
    pub(crate) async fn next(&mut self) -> app::Result<Option<String>> {
        let before = match self.state {
            State::Beginning => {
                self.state = State::Within(false);
                return Ok(Some(self.head()));
            }
            State::Within(before) => before,
            State::Ended => return Ok(None),
        };
        let Some(report) = self.export.next().await? else {
            self.state = State::Ended;
            return Ok(Some(self.tail()).filter(|tail| !tail.is_empty()));
        };
        self.state = State::Within(before || !report.lines.is_empty());
        Ok(Some(match self.format {
            ExportFormat::Csv => self.rows(report),
            ExportFormat::Json => items(report, before)?,
        }))
    }

    fn head(&self) -> String {
        if self.format == ExportFormat::Json {
            return "{\"items\":[".to_owned();
        }
        let subject = format!("usage_by_{}", self.view.code());
        let mut columns = vec!["usage_month", "usage_first_day", "usage_last_day", &subject];
        if self.view == UsageView::Unit {
            columns.push("usage_cost_centre");
        }
        columns.extend([
            "usage_callers",
            "usage_calls",
            "usage_from_cache",
            "usage_prompt_tokens",
            "usage_cached_tokens",
            "usage_completion_tokens",
            "usage_cost",
            "usage_unpriced",
            "usage_energy",
        ]);
        let mut head = String::from(BYTE_ORDER_MARK);
        write_row(&mut head, columns.into_iter().map(|code| Cell::Text(self.word(code))));
        head
    }

    fn tail(&self) -> String {
        match self.format {
            ExportFormat::Csv => String::new(),
            ExportFormat::Json => "]}\n".to_owned(),
        }
    }

    fn rows(&self, report: UsageReport) -> String {
        let mut rows = String::new();
        for line in report.lines {
            let sums = line.sums;
            let mut cells = vec![
                Cell::Text(report.month.to_string()),
                Cell::Text(line.first_day.to_string()),
                Cell::Text(line.last_day.to_string()),
                Cell::Text(name_of(&line, self.view, self.language)),
            ];
            if self.view == UsageView::Unit {
                cells.push(Cell::Text(line.cost_centre.unwrap_or_default()));
            }
            let callers = if line.is_service { "usage_services" } else { "usage_people" };
            cells.push(Cell::Text(self.word(callers)));
            cells.extend([
                Cell::Whole(sums.calls),
                Cell::Whole(sums.from_cache),
                Cell::Whole(sums.prompt_tokens),
                Cell::Whole(sums.cached_tokens),
                Cell::Whole(sums.completion_tokens),
                Cell::Billionths(sums.cost_nano_euro),
                Cell::Whole(sums.unpriced),
                Cell::Millionths(sums.energy_mwh),
            ]);
            write_row(&mut rows, cells);
        }
        rows
    }

    fn word(&self, code: &str) -> String {
        wording(self.language, code, &[])
    }
}

/// What a line is about, in the reader's words.
fn name_of(line: &UsageLine, view: UsageView, language: Language) -> String {
    let word = |code: &str| wording(language, code, &[]);
    match (view, line.subject.as_str()) {
        (UsageView::Day, _) => word("usage_everybody"),
        // Of programs, nothing is put together.
        (UsageView::Unit, "") if line.is_service => word("usage_no_unit"),
        (_, "") => word("usage_rest"),
        (UsageView::Place, code) => word(&format!("place_{code}")),
        (UsageView::DataClass, code) => word(&format!("class_{code}")),
        (UsageView::Unit | UsageView::Model, _) => line.name.clone(),
    }
}

fn items(report: UsageReport, mut before: bool) -> app::Result<String> {
    let mut text = String::new();
    for line in report.lines {
        if std::mem::replace(&mut before, true) {
            text.push(',');
        }
        let item = Item { month: report.month.to_string(), item: line.into() };
        text.push_str(&serde_json::to_string(&item).map_err(app::Error::internal)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use domain::{Day, Instant};

    use super::*;

    fn line(is_service: bool) -> UsageLine {
        let today = Day::of(Instant::now());
        UsageLine {
            subject: String::new(),
            name: String::new(),
            cost_centre: None,
            is_service,
            first_day: today,
            last_day: today,
            sums: app::Figures::default(),
        }
    }

    #[test]
    fn costs_are_exact_beside_what_is_rounded() {
        let sums = app::Figures { cost_nano_euro: 6_560, ..app::Figures::default() };
        let item =
            serde_json::to_value(UsageItem::from(UsageLine { sums, ..line(false) })).unwrap();
        assert_eq!((&item["cost_nano_euro"], &item["cost_micro_euro"]), (&6_560.into(), &7.into()));
    }

    #[test]
    fn programs_without_a_unit_are_no_rest() {
        let name = |is_service| name_of(&line(is_service), UsageView::Unit, Language::German);
        assert_eq!(name(true), "Ohne Organisationseinheit");
        assert_eq!(name(false), "Übrige (zu kleine Gruppen zusammengefasst)");
    }
}
