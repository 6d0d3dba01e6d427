//! What a file says, when its tests are left out.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};
use syn::{
    Attribute, ExprMethodCall, ExprUnsafe, Field, File, Ident, Item, ItemMod, Macro, Meta, UseTree,
};

/// Everything the checks ask about a file.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Paths as they are written, and what inner modules, if any, they stand in.
    pub(crate) paths: Vec<Path>,
    /// Every identifier that occurs, how often.
    pub(crate) words: BTreeMap<String, usize>,
    /// Methods that are called.
    pub(crate) methods: Vec<String>,
    /// Macros that are called: "todo".
    pub(crate) macros: Vec<String>,
    /// Whether there is any unsafe block, function, impl, trait or attribute.
    pub(crate) has_unsafe: bool,
    /// Whether a test is marked `#[ignore]`.
    pub(crate) ignores: bool,
}

/// A path's segments: `["crate", "cache", "Cache"]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) segments: Vec<String>,
    /// How many inline modules are around it: each swallows one `super`.
    pub(crate) depth: usize,
}

/// Which code to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// What is shipped.
    WithoutTests,
    /// All of it.
    Everywhere,
}

/// Reads a file.
pub(crate) fn seen(text: &str, look: Look) -> Seen {
    let file = parse(text);
    let mut reader = Reader {
        seen: Seen::default(),
        look,
        depth: 0,
    };
    if look == Look::Everywhere || !is_test(&file.attrs) {
        reader.visit_file(&file);
    }
    reader.seen
}

/// `mod name;`, and whether it is only there in tests.
pub(crate) fn declared_modules(text: &str) -> Vec<(String, bool)> {
    let items = parse(text).items.into_iter();
    let modules = items.filter_map(|item| match item {
        Item::Mod(module) if module.content.is_none() => {
            Some((module.ident.to_string(), is_test(&module.attrs)))
        }
        _ => None,
    });
    modules.collect()
}

/// The structs outside of tests that derive `Debug` and have a field, by name and type, that is chosen.
pub(crate) fn printable_types_with(text: &str, chosen: fn(&str, &[String]) -> bool) -> Vec<String> {
    let structs = parse(text).items.into_iter().filter_map(|item| match item {
        Item::Struct(one) if !is_test(&one.attrs) => Some(one),
        _ => None,
    });
    let derives = |attribute: &Attribute| {
        let Meta::List(list) = &attribute.meta else {
            return false;
        };
        list.path.is_ident("derive") && list.tokens.to_string().contains("Debug")
    };
    let has = |field: &Field| {
        let name = field.ident.as_ref().map(ToString::to_string);
        let mut words = Words::default();
        words.visit_type(&field.ty);
        chosen(&name.unwrap_or_default(), &words.0)
    };
    let printable =
        structs.filter(|one| one.attrs.iter().any(derives) && one.fields.iter().any(has));
    printable.map(|one| one.ident.to_string()).collect()
}

/// The identifiers of a type.
#[derive(Default)]
struct Words(Vec<String>);

impl<'ast> Visit<'ast> for Words {
    fn visit_ident(&mut self, word: &'ast Ident) {
        self.0.push(word.to_string());
    }
}

fn parse(text: &str) -> File {
    syn::parse_file(text).unwrap_or_else(|error| panic!("{error} in:\n{text}"))
}

struct Reader {
    seen: Seen,
    look: Look,
    depth: usize,
}

impl Reader {
    fn skips(&self, attributes: &[Attribute]) -> bool {
        self.look == Look::WithoutTests && is_test(attributes)
    }

    fn path(&mut self, segments: Vec<String>) {
        let depth = self.depth;
        self.seen.paths.push(Path { segments, depth });
    }

    fn use_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: String| [before, &[name]].concat();
        match tree {
            UseTree::Path(path) => self.use_tree(&with(path.ident.to_string()), &path.tree),
            UseTree::Name(name) => self.path(with(name.ident.to_string())),
            UseTree::Rename(name) => self.path(with(name.ident.to_string())),
            UseTree::Glob(_) => self.path(with("*".to_owned())),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(before, tree);
                }
            }
        }
    }

    /// Macros' insides are no syntax; paths and words in them are found by their tokens' text.
    fn tokens(&mut self, text: &str) {
        let text = without_literals(text)
            .replace(" :: ", "::")
            .replace(":: ", "::");
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
        for word in text.split(|letter| !is_part(letter)) {
            let word = word.trim_matches(':');
            if word.contains("::") {
                self.path(word.split("::").map(str::to_owned).collect());
            }
            for word in word.split("::").filter(|word| !word.is_empty()) {
                self.seen.has_unsafe |= word == "unsafe";
                *self.seen.words.entry(word.to_owned()).or_default() += 1;
            }
        }
        for name in ["unwrap", "todo", "unimplemented"] {
            if text.contains(&format!(". {name} (")) || text.contains(&format!(".{name}(")) {
                self.seen.methods.push(name.to_owned());
            }
            if text.contains(&format!("{name} !")) || text.contains(&format!("{name}!")) {
                self.seen.macros.push(name.to_owned());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !self.skips(attributes_of(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        self.depth += 1;
        visit::visit_item_mod(self, module);
        self.depth -= 1;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.use_tree(&[], &item.tree);
        visit::visit_item_use(self, item);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments = path.segments.iter();
        self.path(segments.map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    /// `pub(crate)` and `pub(super)` say who may use, not what is used.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_ident(&mut self, ident: &'ast Ident) {
        *self.seen.words.entry(ident.to_string()).or_default() += 1;
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.seen.methods.push(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        if let Some(name) = call.path.segments.last() {
            self.seen.macros.push(name.ident.to_string());
        }
        self.tokens(&call.tokens.to_string());
        visit::visit_macro(self, call);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast ExprUnsafe) {
        self.seen.has_unsafe = true;
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.seen.has_unsafe |= signature.unsafety.is_some();
        visit::visit_signature(self, signature);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.seen.has_unsafe |= item.unsafety.is_some();
        visit::visit_item_impl(self, item);
    }

    fn visit_item_foreign_mod(&mut self, _: &'ast syn::ItemForeignMod) {
        self.seen.has_unsafe = true;
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        self.seen.ignores |= attribute.path().is_ident("ignore");
        self.seen.has_unsafe |= attribute.path().is_ident("unsafe");
        visit::visit_attribute(self, attribute);
    }
}

/// `#[cfg(test)]`, `#[cfg(all(test, …))]`, `#[test]`.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        let last = path
            .segments
            .last()
            .map(|segment| segment.ident.to_string());
        let condition = attribute.meta.require_list();
        let condition = condition
            .map(|list| list.tokens.to_string())
            .unwrap_or_default();
        let names_test = condition.split(|letter: char| !letter.is_alphanumeric());
        last.as_deref() == Some("test")
            || (path.is_ident("cfg")
                && names_test.into_iter().any(|word| word == "test")
                && !condition.contains("not"))
    })
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Cuts out what stands between quotation marks.
fn without_literals(text: &str) -> String {
    let mut kept = String::new();
    let mut letters = text.chars();
    let mut quoted = false;
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted => {
                letters.next();
            }
            '"' => quoted = !quoted,
            _ if !quoted => kept.push(letter),
            _ => {}
        }
    }
    kept
}

#[test]
fn tests_are_left_out_and_macros_are_looked_into() {
    let text = "use crate::{a, b::{self, C}};\n\
                fn f() { tokio::select! { _ = crate::d::e() => {}, x = \"crate::no\" => {} } }\n\
                #[cfg(test)] mod tests { use super::*; fn g() { h.unwrap(); } }";
    let shipped = seen(text, Look::WithoutTests);
    let has = |seen: &Seen, path: &str| {
        seen.paths
            .iter()
            .any(|found| found.segments.join("::") == path)
    };
    for path in ["crate::a", "crate::b::self", "crate::b::C", "crate::d::e"] {
        assert!(has(&shipped, path), "{path}: {:?}", shipped.paths);
    }
    assert!(!has(&shipped, "crate::no") && !has(&shipped, "super::*"));
    assert!(shipped.methods.is_empty());
    assert_eq!(seen(text, Look::Everywhere).methods, ["unwrap"]);
}
