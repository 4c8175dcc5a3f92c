//! The table of cases against the chapters: a case that is not in the table would never run.

use std::collections::BTreeSet;
use std::path::Path;

use carafe_conformance::CASES;

#[test]
fn every_case_is_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut written = BTreeSet::new();
    for entry in std::fs::read_dir(&src).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let chapter = path.file_stem().unwrap().to_str().unwrap().to_owned();
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            let Some(rest) = line.strip_prefix("pub fn ") else { continue };
            if let Some((name, _)) = rest.split_once("<B: Backend>(") {
                written.insert(format!("{chapter}::{name}"));
            }
        }
    }
    let listed: BTreeSet<String> = CASES.iter().map(|case| case.name.to_owned()).collect();
    assert_eq!(listed.len(), CASES.len(), "a case is listed twice");
    assert_eq!(written, listed);
    assert!(written.len() > 200, "the chapters were not read");
}
