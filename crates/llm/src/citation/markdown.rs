//! Where in Markdown the text stands: in code, behind an escape, behind the text of a link.

/// Code that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    None,
    /// Between backticks, or on the line that opens a fence. It ends with the line at the latest, so
    /// that a stray backtick protects no more than its own line.
    Line {
        mark: char,
        length: usize,
        opens_fence: bool,
    },
    /// Between fences.
    Fence {
        mark: char,
        length: usize,
    },
}

/// What was read so far, as far as it matters for the next character.
#[derive(Debug)]
pub(super) struct Context {
    code: Code,
    /// The run of backticks or tildes being read, and whether only indentation stood before it.
    run: Option<Run>,
    /// Nothing but indentation, quote and list marks stood on this line.
    in_prefix: bool,
    /// Nothing but spaces stood on this line.
    is_blank: bool,
    /// In a fence: the run that began this line, while nothing else followed it.
    closing: Option<(char, usize)>,
    is_escaped: bool,
    after_bracket: bool,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    mark: char,
    length: usize,
    begins_line: bool,
}

impl Default for Context {
    fn default() -> Self {
        Self {
            code: Code::None,
            run: None,
            in_prefix: true,
            is_blank: true,
            closing: None,
            is_escaped: false,
            after_bracket: false,
        }
    }
}

impl Context {
    /// Whether a bracket that comes now, after `space`, can be a citation mark.
    pub(super) fn allows_mark_after(&self, space: &str) -> bool {
        let after_run = self.run.map_or(self.code, |run| self.code_after(run));
        let is_free = !space.is_empty() || !(self.is_escaped || self.after_bracket);
        after_run == Code::None && is_free
    }

    /// Whether the line is empty so far.
    pub(super) fn at_line_start(&self) -> bool {
        self.is_blank
    }

    /// Goes past a citation mark.
    pub(super) fn pass_mark(&mut self) {
        self.end_run();
        self.in_prefix = false;
        self.is_blank = false;
        self.is_escaped = false;
        self.after_bracket = false;
    }

    /// Goes past one character of text.
    pub(super) fn advance(&mut self, c: char) {
        if self.continue_run(c) {
            return;
        }
        self.end_run();
        if c == '\n' {
            self.end_line();
            return;
        }
        if matches!(c, '`' | '~') && !self.is_escaped {
            let begins_line = self.in_prefix;
            self.run = Some(Run { mark: c, length: 1, begins_line });
        } else if !c.is_whitespace() {
            self.closing = None;
        }
        self.in_prefix &=
            c.is_whitespace() || matches!(c, '>' | '-' | '*' | '+' | '.' | ')' | '0'..='9');
        self.is_blank &= c.is_whitespace();
        self.after_bracket = c == ']' && self.code == Code::None;
        self.is_escaped = c == '\\' && !self.is_escaped && self.code == Code::None;
    }

    fn continue_run(&mut self, c: char) -> bool {
        match &mut self.run {
            Some(run) if run.mark == c => {
                run.length += 1;
                true
            }
            _ => false,
        }
    }

    fn end_run(&mut self) {
        let Some(run) = self.run.take() else { return };
        self.code = self.code_after(run);
        self.closing = run.begins_line.then_some((run.mark, run.length));
    }

    /// What is open once a run is complete.
    fn code_after(&self, run: Run) -> Code {
        match self.code {
            Code::None if run.begins_line && run.length >= 3 => {
                Code::Line { mark: run.mark, length: run.length, opens_fence: true }
            }
            Code::None if run.mark == '`' => {
                Code::Line { mark: run.mark, length: run.length, opens_fence: false }
            }
            Code::Line { mark: '`', length, .. } if run.mark == '`' && run.length == length => {
                Code::None
            }
            code => code,
        }
    }

    fn end_line(&mut self) {
        self.code = match (self.code, self.closing) {
            (Code::Line { mark, length, opens_fence: true }, _) => Code::Fence { mark, length },
            (Code::Fence { mark, length }, Some((closing, run)))
                if closing == mark && run >= length =>
            {
                Code::None
            }
            (fence @ Code::Fence { .. }, _) => fence,
            (Code::None | Code::Line { .. }, _) => Code::None,
        };
        self.run = None;
        self.closing = None;
        self.in_prefix = true;
        self.is_blank = true;
        self.is_escaped = false;
        self.after_bracket = false;
    }
}
