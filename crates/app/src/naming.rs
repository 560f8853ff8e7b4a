//! Names that people give to things.

use domain::limits::NAME_CHARS_MAX;

use crate::{Error, Result};

/// Trims a name and checks it.
pub(crate) fn checked_name(text: &str, field: &'static str) -> Result<String> {
    let name = text.trim();
    if name.is_empty() {
        return Err(Error::invalid("name_empty").in_field(field));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(Error::invalid("name_too_long").with("max", NAME_CHARS_MAX).in_field(field));
    }
    if name.chars().any(|c| c.is_control() || is_invisible_direction(c)) {
        return Err(Error::invalid("name_unfit").in_field(field));
    }
    Ok(name.to_owned())
}

/// Characters that turn the direction of writing around and so make a name look like another
/// (Unicode Technical Report 36, section 2.5).
pub(crate) fn is_invisible_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}
