//! The files of a crate must not depend on each other in a circle. A file depends on the files that
//! define the names it uses through `crate::`, `super::`, `self::` or a child module. Re-exports
//! are followed to the definition, so a module that only re-exports is not a dependency. Test-only
//! modules are left out.

mod source;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use mainstay_tests::root;

use source::{Crate, ModulePath, module_path, read};

#[test]
fn files_do_not_depend_on_each_other_in_a_circle() {
    let wrong: Vec<_> = crates()
        .iter()
        .flat_map(|(name, files)| {
            circles_of(files)
                .into_iter()
                .map(move |circle| format!("{name}: {circle}"))
        })
        .collect();

    assert!(
        wrong.is_empty(),
        "move what both files need into a file that both can use:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn circles_are_found_through_re_exports_without_false_alarms() {
    let files = |sources: &[(&str, &str)]| -> Crate {
        sources
            .iter()
            .map(|(path, text)| {
                let path = module_path(path);
                let file = read(&path, text);
                (path, file)
            })
            .collect()
    };

    let circle = [
        ("lib", "mod a; mod b; pub use b::B;"),
        ("a", "pub struct A(crate::B);"),
        ("b", "use crate::a::A; pub struct B(Box<A>);"),
    ];
    assert_eq!(circles_of(&files(&circle)), ["a -> b -> a"]);

    let parent = [
        ("lib", "mod a;"),
        (
            "a",
            "mod b; pub const HELP: u8 = 1; pub fn all() { b::one() }",
        ),
        ("a/b", "use super::HELP; pub fn one() { let _ = HELP; }"),
    ];
    assert_eq!(circles_of(&files(&parent)), ["a -> a/b -> a"]);

    let re_exported = [
        ("lib", "mod a;"),
        (
            "a",
            "mod b; mod c; pub use c::HELP; pub fn all() { b::one() }",
        ),
        ("a/b", "use super::HELP; pub fn one() { let _ = HELP; }"),
        (
            "a/c",
            "pub const HELP: u8 = 1; #[cfg(test)] mod tests { use super::super::b::one; }",
        ),
    ];
    assert_eq!(circles_of(&files(&re_exported)), Vec::<String>::new());

    let of_all = [
        (
            "lib",
            "mod a; mod b; pub use a::*; pub fn all() { b::one() }",
        ),
        (
            "a",
            "pub const HELP: u8 = 1; #[macro_export] macro_rules! say { () => { $crate::HELP } }",
        ),
        (
            "b",
            "use crate::HELP; pub fn one() { let _ = (HELP, crate::say!()); }",
        ),
    ];
    assert_eq!(circles_of(&files(&of_all)), Vec::<String>::new());
}

/// All crates of the platform with their files.
fn crates() -> Vec<(String, Crate)> {
    let mut sources: Vec<_> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("src").is_dir())
        .collect();
    sources.sort();
    assert!(sources.len() > 15, "found only {} crates", sources.len());

    sources
        .iter()
        .map(|folder| {
            let mut files = Crate::new();
            collect(&folder.join("src"), &folder.join("src"), &mut files);
            (
                folder.file_name().unwrap().to_string_lossy().into_owned(),
                files,
            )
        })
        .collect()
}

fn collect(source: &Path, folder: &Path, files: &mut Crate) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(source, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(source).unwrap().with_extension("");
            let module = module_path(&below.to_string_lossy());
            let file = read(&module, &fs::read_to_string(&path).unwrap());
            files.insert(module, file);
        }
    }
}

/// The circles of a crate, each as the shortest path from a file back to itself.
fn circles_of(files: &Crate) -> Vec<String> {
    let edges = edges(files);
    let mut told = BTreeSet::new();
    let mut circles = Vec::new();
    for start in files.keys() {
        if told.contains(start) {
            continue;
        }
        if let Some(way) = way_back(&edges, start) {
            circles.push(way.iter().map(shown).collect::<Vec<_>>().join(" -> "));
            told.extend(way);
        }
    }
    circles
}

fn shown(module: &ModulePath) -> String {
    if module.is_empty() {
        "lib".to_owned()
    } else {
        module.join("/")
    }
}

/// The shortest path from a file back to itself.
fn way_back(
    edges: &BTreeMap<&ModulePath, BTreeSet<ModulePath>>,
    start: &ModulePath,
) -> Option<Vec<ModulePath>> {
    let mut ways = std::collections::VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in way
            .last()
            .and_then(|last| edges.get(last))
            .into_iter()
            .flatten()
        {
            let longer = [way.as_slice(), std::slice::from_ref(next)].concat();
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push_back(longer);
            }
        }
    }
    None
}

/// The files that each file depends on.
fn edges(files: &Crate) -> BTreeMap<&ModulePath, BTreeSet<ModulePath>> {
    let tests = test_modules(files);
    let mut edges: BTreeMap<&ModulePath, BTreeSet<ModulePath>> = BTreeMap::new();
    for (module, file) in files.iter().filter(|(module, _)| !tests.contains(*module)) {
        for named in &file.paths {
            // A module imported by name counts where it is used.
            let is_module = |alias: &String| {
                file.paths
                    .iter()
                    .any(|it| it.alias.is_none() && it.path.first() == Some(alias))
            };
            if named.alias.as_ref().is_some_and(is_module) {
                continue;
            }
            let path = match named.path.first().and_then(|first| file.names.get(first)) {
                Some(stands_for) if named.alias.is_none() => {
                    [stands_for.as_slice(), &named.path[1..]].concat()
                }
                _ => named.path.clone(),
            };
            if let Some(used) =
                absolute(files, &named.within, &path).and_then(|path| defined_in(files, &path, 0))
                && used != *module
                && !tests.contains(&used)
            {
                edges.entry(module).or_default().insert(used);
            }
        }
    }
    edges
}

/// Files of test-only modules.
fn test_modules(files: &Crate) -> BTreeSet<ModulePath> {
    let declared = |module: &ModulePath| match module.split_last() {
        Some((name, parent)) => files
            .get(parent)
            .is_some_and(|file| file.children.contains(name)),
        None => true,
    };
    let is_declared =
        |module: &ModulePath| (0..=module.len()).all(|length| declared(&module[..length].to_vec()));
    files
        .keys()
        .filter(|module| !is_declared(module))
        .cloned()
        .collect()
}

/// A path from the root of the crate; `None` for another crate.
fn absolute(files: &Crate, within: &ModulePath, path: &[String]) -> Option<Vec<String>> {
    let mut base = within.clone();
    let rest = match path.first().map(String::as_str)? {
        "crate" => {
            base.clear();
            &path[1..]
        }
        "self" => &path[1..],
        "super" => {
            let up = path.iter().take_while(|word| *word == "super").count();
            base.truncate(base.len().checked_sub(up)?);
            &path[up..]
        }
        first => {
            files
                .get(&base)
                .filter(|file| file.children.contains(first))?;
            path
        }
    };
    base.extend_from_slice(rest);
    Some(base)
}

/// The file that defines the target of a path, after re-exports.
fn defined_in(files: &Crate, path: &[String], depth: usize) -> Option<ModulePath> {
    let mut module = ModulePath::new();
    for (position, word) in path.iter().enumerate() {
        let child = [module.as_slice(), std::slice::from_ref(word)].concat();
        if files.contains_key(&child) {
            module = child;
            continue;
        }

        let file = files.get(&module)?;
        let Some(stands_for) = file.names.get(word).filter(|_| depth < 10) else {
            if file.defines.contains(word) {
                break;
            }
            return re_exported(files, &module, word).or(Some(module));
        };
        let followed = absolute(files, &module, stands_for)?;
        return defined_in(
            files,
            &[followed.as_slice(), &path[position + 1..]].concat(),
            depth + 1,
        );
    }
    Some(module)
}

/// The file that defines a glob-imported name, or a macro of the crate.
fn re_exported(files: &Crate, module: &ModulePath, word: &str) -> Option<ModulePath> {
    let of_glob = files[module].globs.iter().find_map(|path| {
        let path = absolute(files, module, path)?;
        files.get(&path)?.defines.contains(word).then_some(path)
    });
    let of_macro = || {
        let mut defining = files.iter().filter(|(_, file)| file.macros.contains(word));
        defining.next().map(|(path, _)| path.clone())
    };
    of_glob.or_else(|| module.is_empty().then(of_macro).flatten())
}
