//! Layout of arbitrary glyphs: nothing panics, no letter is lost.

use proptest::prelude::*;

use super::glyphs::Glyph;
use super::{Line, columns, furniture, paragraphs, segments};
use crate::passage::PageBox;

fn glyph() -> impl Strategy<Value = Glyph> {
    let character = prop_oneof!["[a-zA-Zäöü0-9§.()-]", " ", "[¨´\u{ad}\u{fb01}]"];
    (
        character,
        -50.0..700.0_f32,
        0.0..900.0_f32,
        0.0..20.0_f32,
        1.0..40.0_f32,
        any::<bool>(),
        0..3_u64,
    )
        .prop_map(|(character, x0, baseline, width, size, bold, font)| Glyph {
            character: character.chars().next().unwrap_or(' '),
            x0,
            x1: x0 + width,
            // Lines are more likely than chaos.
            baseline: (baseline / 12.0).round() * 12.0,
            size: (size / 6.0).round() * 6.0 + 4.0,
            bold,
            font,
        })
}

fn lines_of(page: u32, glyphs: Vec<Glyph>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut column = 0;
    columns::order(segments::segments_of(glyphs), &mut |region| {
        column += 1;
        lines.extend(region.into_iter().map(|cells| Line {
            page,
            column,
            right: 600.0,
            area: PageBox {
                page,
                x: 0.1,
                y: (cells[0].baseline / 1000.0).clamp(0.0, 1.0),
                width: 0.8,
                height: 0.01,
            },
            cells,
        }));
    });
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_glyphs_become_blocks(pages in prop::collection::vec(prop::collection::vec(glyph(), 0..160), 1..6)) {
        let mut pages: Vec<Vec<Line>> = pages
            .into_iter()
            .enumerate()
            .map(|(index, glyphs)| lines_of(index as u32 + 1, glyphs))
            .collect();
        furniture::remove(&mut pages);
        let blocks = paragraphs::blocks_of(pages.into_iter().flatten().collect());
        for block in &blocks {
            prop_assert!(!block.text.is_empty());
            for line in &block.lines {
                prop_assert!(line.start <= line.end && line.end <= block.text.len());
                prop_assert!(block.text.is_char_boundary(line.start));
                prop_assert!(block.text.is_char_boundary(line.end));
            }
        }
    }

    #[test]
    fn columns_keep_every_letter(glyphs in prop::collection::vec(glyph(), 0..200)) {
        let segments = segments::segments_of(glyphs);
        let count = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
        let before: usize = segments.iter().map(|segment| count(&segment.text)).sum();
        let mut after = 0;
        columns::order(segments, &mut |region| {
            after += region.iter().flatten().map(|cell| count(&cell.text)).sum::<usize>();
        });
        prop_assert_eq!(before, after);
    }
}
