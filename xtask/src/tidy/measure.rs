//! Measures Rust functions and files: lines, nesting, parameters.

use syn::visit::{self, Visit};

/// What was measured of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSize {
    /// Its name.
    pub name: String,
    /// Where it begins.
    pub line: usize,
    /// From its signature to its closing brace.
    pub lines: usize,
    /// The deepest block inside blocks; the body itself is zero.
    pub depth: usize,
    /// Parameters without `self`.
    pub params: usize,
}

/// What was measured of one file.
#[derive(Debug, Default)]
pub struct FileSize {
    /// Lines inside modules that are compiled for tests only.
    pub test_lines: usize,
    /// Every function with a body outside of those modules.
    pub functions: Vec<FunctionSize>,
}

/// Measures a parsed file.
pub fn measure(file: &syn::File) -> FileSize {
    let mut size = FileSize::default();
    size.visit_file(file);
    size
}

/// Tells whether an item is compiled for tests only.
pub fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Ident>().is_ok_and(|word| word == "test")
    })
}

/// The lines of a module from its first attribute to its closing brace.
fn lines_of(module: &syn::ItemMod) -> usize {
    let first = module.attrs.first().map_or(module.mod_token.span, |one| one.pound_token.spans[0]);
    let last = match &module.content {
        Some((braces, _)) => braces.span.close(),
        None => module.mod_token.span,
    };
    last.end().line - first.start().line + 1
}

impl FileSize {
    fn note(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let mut depth = Depth::default();
        for statement in &body.stmts {
            depth.visit_stmt(statement);
        }
        let line = signature.fn_token.span.start().line;
        let is_parameter = |input: &&syn::FnArg| matches!(input, syn::FnArg::Typed(_));
        self.functions.push(FunctionSize {
            name: signature.ident.to_string(),
            line,
            lines: body.brace_token.span.close().end().line - line + 1,
            depth: depth.deepest,
            params: signature.inputs.iter().filter(is_parameter).count(),
        });
    }
}

impl<'ast> Visit<'ast> for FileSize {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if is_for_tests(&module.attrs) {
            self.test_lines += lines_of(module);
        } else {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.note(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.note(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }
}

/// Counts blocks inside blocks. An `else if` is no deeper than its `if`, the block of a match
/// arm or closure no deeper than the match or closure; a function inside is measured by itself.
#[derive(Debug, Default)]
struct Depth {
    now: usize,
    deepest: usize,
}

impl Depth {
    fn deeper(&mut self, inside: impl FnOnce(&mut Self)) {
        self.now += 1;
        self.deepest = self.deepest.max(self.now);
        inside(self);
        self.now -= 1;
    }

    fn visit_else(&mut self, branch: &syn::Expr) {
        match branch {
            syn::Expr::If(next) => {
                self.visit_expr(&next.cond);
                self.deeper(|inside| inside.visit_block(&next.then_branch));
                if let Some((_, branch)) = &next.else_branch {
                    self.visit_else(branch);
                }
            }
            other => self.visit_expr(other),
        }
    }
}

impl<'ast> Visit<'ast> for Depth {
    fn visit_expr(&mut self, expression: &'ast syn::Expr) {
        use syn::Expr;
        match expression {
            Expr::If(branch) => {
                self.visit_expr(&branch.cond);
                self.deeper(|inside| inside.visit_block(&branch.then_branch));
                if let Some((_, branch)) = &branch.else_branch {
                    self.visit_else(branch);
                }
            }
            Expr::Match(choice) => {
                self.visit_expr(&choice.expr);
                self.deeper(|inside| choice.arms.iter().for_each(|arm| inside.visit_arm(arm)));
            }
            Expr::Closure(closure) => match &*closure.body {
                Expr::Block(body) => self.deeper(|inside| inside.visit_block(&body.block)),
                body => self.visit_expr(body),
            },
            Expr::ForLoop(_)
            | Expr::While(_)
            | Expr::Loop(_)
            | Expr::Block(_)
            | Expr::Unsafe(_)
            | Expr::Async(_) => self.deeper(|inside| visit::visit_expr(inside, expression)),
            _ => visit::visit_expr(self, expression),
        }
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        match &*arm.body {
            syn::Expr::Block(body) => self.visit_block(&body.block),
            body => self.visit_expr(body),
        }
    }

    fn visit_item(&mut self, _item: &'ast syn::Item) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(source: &str) -> FunctionSize {
        let file = syn::parse_file(source).expect("the test's source is Rust");
        let mut functions = measure(&file).functions;
        assert_eq!(functions.len(), 1, "one function in {source}");
        functions.remove(0)
    }

    #[test]
    fn lines_run_from_the_signature_to_the_brace() {
        let size = one("/// Doc.\n#[inline]\nfn f(\n    a: u8,\n) {\n    g(a);\n}\n");
        assert_eq!((size.line, size.lines, size.params), (3, 5, 1));
    }

    #[test]
    fn self_is_no_parameter() {
        assert_eq!(one("struct S; impl S { fn f(&self, a: u8, b: u8) {} }").params, 2);
    }

    #[test]
    fn blocks_inside_blocks_count() {
        assert_eq!(one("fn f() { g(); }").depth, 0);
        assert_eq!(one("fn f() { if a { for b in c { d(); } } }").depth, 2);
        assert_eq!(one("fn f() { let a = { 1 }; }").depth, 1);
    }

    #[test]
    fn an_else_if_is_no_deeper_than_its_if() {
        assert_eq!(one("fn f() { if a { } else if b { } else if c { } else { } }").depth, 1);
    }

    #[test]
    fn the_block_of_an_arm_or_closure_is_not_counted_twice() {
        assert_eq!(one("fn f() { match a { B => { c(); } _ => {} } }").depth, 1);
        assert_eq!(one("fn f() { a.map(|b| { c(b) }); }").depth, 1);
        assert_eq!(one("fn f() { a.map(|b| c(b)); }").depth, 0);
    }

    #[test]
    fn test_modules_are_left_out() {
        let source = "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n";
        let size = measure(&syn::parse_file(source).expect("the test's source is Rust"));
        assert_eq!(size.functions.len(), 1);
        assert_eq!(size.test_lines, 4);
    }
}
