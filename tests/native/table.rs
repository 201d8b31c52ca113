//! The tables that stand in more than one language agree: error codes and caps.

use std::collections::BTreeMap;

use crate::fixtures::{read, root};

fn text(path: &str) -> String {
    String::from_utf8(read(root().join(path))).unwrap()
}

/// `pub const NAME: usize = EXPRESSION;` of limits.rs, `export const NAME = EXPRESSION;` of limits.ts.
fn constants(source: &str, start: &str) -> BTreeMap<String, u64> {
    let lines = source.lines().filter_map(|line| line.strip_prefix(start));
    lines
        .map(|line| {
            let (name, value) = line.trim_end_matches(';').split_once('=').unwrap();
            let name = name.split(':').next().unwrap().trim();
            (name.to_owned(), product(value))
        })
        .collect()
}

/// The value of `32 << 20`, `10_000` or `4 * MIB`; 0 for what is neither.
fn product(expression: &str) -> u64 {
    let factor = |text: &str| match text.trim() {
        "KIB" => 1 << 10,
        "MIB" => 1 << 20,
        "GIB" => 1 << 30,
        number => number.replace('_', "").parse::<u64>().unwrap_or(0),
    };
    match expression.split_once("<<") {
        Some((left, right)) => factor(left) << factor(right),
        None => expression.split('*').map(factor).product(),
    }
}

#[test]
fn the_caps_of_typescript_are_those_of_rust() {
    let rust = constants(&text("src/limits.rs"), "pub const ");
    let typescript = constants(&text("www/limits.ts"), "export const ");
    let shared: Vec<_> = typescript.iter().filter(|(name, _)| rust.contains_key(*name)).collect();
    assert!(shared.len() >= 6, "www/limits.ts lists too few of the shared caps: {shared:?}");
    for (name, value) in shared {
        assert_eq!(rust.get(name), Some(value), "{name}");
    }
}

#[test]
fn every_code_is_in_rust_typescript_and_the_docs() {
    let code_like = |word: &str| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let documented: Vec<String> = text("docs/errors.md")
        .lines()
        .filter_map(|line| line.strip_prefix("## ").map(str::to_owned))
        .filter(|word| code_like(word))
        .collect();
    let typescript = text("www/errors.ts");
    let table = typescript.split("ERROR_CODES = {").nth(1).unwrap().split("} as const").next().unwrap();
    let listed: Vec<String> = table
        .lines()
        .filter_map(|line| line.trim().split_once(':').map(|(code, _)| code.to_owned()))
        .filter(|word| code_like(word))
        .collect();
    assert!(listed.len() >= 12, "{listed:?}");
    // Only native commands have files, and refuse.
    let native = ["FILE", "REFUSED"];
    let everywhere: Vec<String> = documented.iter().filter(|code| !native.contains(&code.as_str())).cloned().collect();
    assert_eq!(sorted(&everywhere), sorted(&listed), "docs/errors.md against www/errors.ts");
    let rust = text("src/error.rs");
    let own =
        rust.lines().filter_map(|line| line.trim().strip_prefix("Self::")?.split_once("=> \"")?.1.split('"').next());
    for code in own {
        assert!(documented.iter().any(|known| known == code), "{code} of src/error.rs is not in docs/errors.md");
    }
}

fn sorted(codes: &[String]) -> Vec<&String> {
    let mut codes: Vec<_> = codes.iter().collect();
    codes.sort();
    codes
}
