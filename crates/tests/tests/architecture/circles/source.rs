//! The names that the files of a crate define and use, read from their tokens.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module's path in its crate; empty for the root.
pub(super) type ModulePath = Vec<String>;

/// The definitions and uses of a file.
#[derive(Default)]
pub(super) struct File {
    /// Declared modules that have their own files.
    pub(super) children: BTreeSet<String>,
    /// Top-level `use` declarations: imported name and path.
    pub(super) names: BTreeMap<String, Vec<String>>,
    /// Glob-imported modules.
    pub(super) globs: Vec<Vec<String>>,
    /// Names that it defines.
    pub(super) defines: BTreeSet<String>,
    /// Macros that it defines with `macro_rules!`; exported ones belong to the root.
    pub(super) macros: BTreeSet<String>,
    /// All paths that it uses.
    pub(super) paths: Vec<Named>,
}

/// A path and its module: the file's own, or one inside it.
pub(super) struct Named {
    pub(super) within: ModulePath,
    pub(super) path: Vec<String>,
    /// The name that a `use` declaration gives it.
    pub(super) alias: Option<String>,
}

/// The files of a crate by module.
pub(super) type Crate = BTreeMap<ModulePath, File>;

/// The module of a file: `lib` and `main` are the root.
pub(super) fn module_path(file: &str) -> ModulePath {
    match file {
        "lib" | "main" => Vec::new(),
        _ => file
            .trim_end_matches("/mod")
            .split('/')
            .map(str::to_owned)
            .collect(),
    }
}

pub(super) fn read(module: &ModulePath, text: &str) -> File {
    let tokens: TokenStream = text
        .parse()
        .unwrap_or_else(|error| panic!("{module:?}: {error}"));
    let mut file = File::default();
    walk(tokens, module, module, &mut file);
    file
}

/// Reads the tokens of a module: the file's own, or one inside it.
fn walk(tokens: TokenStream, within: &ModulePath, own: &ModulePath, file: &mut File) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_attribute(&tokens[at..]) {
            at = after_item(&tokens, at + 2);
            continue;
        }

        match &tokens[at] {
            TokenTree::Ident(word) if *word == "use" && !follows_path(&tokens, at) => {
                let end = end_of_declaration(&tokens, at);
                for (path, alias) in expand(&tokens[at + 1..end]) {
                    if within == own && alias == "*" {
                        file.globs.push(path.clone());
                    } else if within == own {
                        file.names
                            .entry(alias.clone())
                            .or_insert_with(|| path.clone());
                    }
                    file.paths.push(Named {
                        within: within.clone(),
                        path,
                        alias: Some(alias),
                    });
                }
                at = end + 1;
            }
            TokenTree::Ident(word) if *word == "mod" => {
                let (name, body) = (word_at(&tokens, at + 1), tokens.get(at + 2));
                match (name, body) {
                    (Some(name), Some(TokenTree::Group(group)))
                        if group.delimiter() == Delimiter::Brace =>
                    {
                        let inner = [within.as_slice(), &[name]].concat();
                        walk(group.stream(), &inner, own, file);
                    }
                    (Some(name), _) => drop(file.children.insert(name)),
                    _ => {}
                }
                at += 3;
            }
            TokenTree::Ident(word) if DEFINING.iter().any(|it| *word == it) => {
                if let (true, Some(name)) = (within == own, word_at(&tokens, at + 1)) {
                    file.defines.insert(name);
                }
                at += 1;
            }
            TokenTree::Ident(word) if *word == "macro_rules" => {
                // After the exclamation mark.
                file.macros.extend(word_at(&tokens, at + 2));
                at += 3;
            }
            TokenTree::Ident(_) if !follows_path(&tokens, at) => {
                let (path, end) = path_at(&tokens, at);
                if path.len() > 1 {
                    file.paths.push(Named {
                        within: within.clone(),
                        path,
                        alias: None,
                    });
                }
                at = end;
            }
            TokenTree::Group(group) => {
                walk(group.stream(), within, own, file);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Keywords that are followed by a definition's name.
const DEFINING: [&str; 8] = [
    "const", "enum", "fn", "static", "struct", "trait", "type", "union",
];

/// Whether an attribute limits the next item to tests.
fn is_test_attribute(tokens: &[TokenTree]) -> bool {
    match tokens {
        [TokenTree::Punct(hash), TokenTree::Group(group), ..] if hash.as_char() == '#' => {
            group.stream().to_string().replace(' ', "") == "cfg(test)"
        }
        _ => false,
    }
}

/// The position after the item at `at`: after its body or its semicolon.
fn after_item(tokens: &[TokenTree], at: usize) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    tokens[at..]
        .iter()
        .position(ends)
        .map_or(tokens.len(), |end| at + end + 1)
}

fn end_of_declaration(tokens: &[TokenTree], at: usize) -> usize {
    let is_end =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ';');
    tokens[at..]
        .iter()
        .position(is_end)
        .map_or(tokens.len(), |end| at + end)
}

/// Whether `::` precedes a position: then the word there does not start a path in this crate.
fn follows_path(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_separator(tokens, at - 2)
}

/// Whether there is a `::` at a position.
fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    let colon =
        |at| matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    colon(at) && colon(at + 1)
}

fn word_at(tokens: &[TokenTree], at: usize) -> Option<String> {
    match tokens.get(at) {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        _ => None,
    }
}

/// The path that starts at a word, and the position after it.
fn path_at(tokens: &[TokenTree], at: usize) -> (Vec<String>, usize) {
    let mut path: Vec<_> = word_at(tokens, at).into_iter().collect();
    let mut end = at + 1;
    while is_separator(tokens, end) {
        let Some(word) = word_at(tokens, end + 2) else {
            break;
        };
        path.push(word);
        end += 3;
    }
    (path, end)
}

/// The paths of a `use` declaration, each with its imported name.
fn expand(tokens: &[TokenTree]) -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let (prefix, end) = path_at(tokens, at);
        at = end;
        if is_separator(tokens, at) {
            match tokens.get(at + 2) {
                Some(TokenTree::Group(group)) => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    for (path, alias) in expand(&inner) {
                        let whole = match path.as_slice() {
                            [word] if word == "self" => prefix.clone(),
                            _ => [prefix.as_slice(), &path].concat(),
                        };
                        let alias = if alias == "self" {
                            whole.last().cloned().unwrap_or_default()
                        } else {
                            alias
                        };
                        found.push((whole, alias));
                    }
                }
                // All of a module.
                _ => found.push((prefix, "*".to_owned())),
            }
            at += 3;
        } else if let Some(name) = prefix.last().cloned() {
            let renamed = (word_at(tokens, at).as_deref() == Some("as"))
                .then(|| word_at(tokens, at + 1))
                .flatten();
            at += if renamed.is_some() { 2 } else { 0 };
            found.push((prefix, renamed.unwrap_or(name)));
        }
        // The comma.
        at += 1;
    }
    found
}
