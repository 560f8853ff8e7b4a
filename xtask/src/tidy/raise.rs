//! A file may raise its own budget, if it says why: `// tidy: lines=700 because …`.

/// What a file allows itself, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raise {
    /// Which budget.
    pub key: Key,
    /// The new limit.
    pub limit: usize,
    /// Where the file says so, counted from one.
    pub line: usize,
}

/// The budgets that can be raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Lines of the file without its tests.
    Lines,
    /// Lines of a function.
    Function,
    /// Blocks inside blocks.
    Depth,
    /// Parameters of a function.
    Params,
}

const KEYS: [(&str, Key); 4] = [
    ("lines", Key::Lines),
    ("function", Key::Function),
    ("depth", Key::Depth),
    ("params", Key::Params),
];

/// How a comment with a raise begins in the languages we write.
const OPENERS: [&str; 3] = ["// tidy: ", "<!-- tidy: ", "/* tidy: "];

/// A reason shorter than this says nothing.
const REASON_CHARS_MIN: usize = 15;

/// Reads all raises of a file; a malformed one is a mistake with its line.
pub fn read(text: &str) -> (Vec<Raise>, Vec<(usize, String)>) {
    let mut raises = Vec::new();
    let mut mistakes = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let Some(wish) = OPENERS.iter().find_map(|opener| trimmed.strip_prefix(opener)) else {
            continue;
        };
        match parse(wish, index + 1) {
            Ok(raise) => raises.push(raise),
            Err(mistake) => mistakes.push((index + 1, mistake)),
        }
    }
    (raises, mistakes)
}

fn parse(wish: &str, line: usize) -> Result<Raise, String> {
    let form = "write `tidy: lines=700 because …` (keys: lines, function, depth, params)";
    let (setting, reason) = wish.split_once(" because ").ok_or(form)?;
    let (name, limit) = setting.trim().split_once('=').ok_or(form)?;
    let key = KEYS.iter().find(|(known, _)| *known == name).ok_or(form)?.1;
    let limit = limit.parse().map_err(|_| form)?;
    if reason.trim().chars().count() < REASON_CHARS_MIN {
        return Err("the reason for a raised budget is missing or too short".into());
    }
    Ok(Raise { key, limit, line })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raise_has_key_limit_and_reason() {
        let text = "//! Head.\n// tidy: lines=700 because the table of cases is one list\n";
        let (raises, mistakes) = read(text);
        assert_eq!(raises, [Raise { key: Key::Lines, limit: 700, line: 2 }]);
        assert!(mistakes.is_empty());
    }

    #[test]
    fn a_raise_without_reason_is_a_mistake() {
        assert_eq!(read("// tidy: lines=700\n").1.len(), 1);
        assert_eq!(read("// tidy: lines=700 because big\n").1.len(), 1);
        assert_eq!(read("// tidy: width=700 because the table is wide\n").1.len(), 1);
    }

    #[test]
    fn a_style_sheet_and_a_component_can_raise_too() {
        let reason = "because the theme is one long list";
        assert_eq!(read(&format!("/* tidy: lines=400 {reason} */")).0.len(), 1);
        assert_eq!(read(&format!("<!-- tidy: lines=400 {reason} -->")).0.len(), 1);
    }
}
