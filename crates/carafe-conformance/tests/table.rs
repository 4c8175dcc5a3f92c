//! The table of cases against the chapters: a case that is not in the table would never run.

use std::collections::BTreeSet;
use std::path::Path;

use carafe_conformance::CASES;

#[test]
fn every_case_is_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut written = BTreeSet::new();
    let mut folders = vec![(src, None)];
    while let Some((folder, chapter)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
            // The files of a folder belong to the chapter that is named like it.
            let chapter = chapter.clone().unwrap_or(stem);
            if path.is_dir() {
                folders.push((path, Some(chapter)));
                continue;
            }
            for line in std::fs::read_to_string(&path).unwrap().lines() {
                let Some(rest) = line.strip_prefix("pub fn ") else { continue };
                if let Some((name, _)) = rest.split_once("<B: Backend>(") {
                    written.insert(format!("{chapter}::{name}"));
                }
            }
        }
    }
    let listed: BTreeSet<String> = CASES.iter().map(|case| case.name.to_owned()).collect();
    assert_eq!(listed.len(), CASES.len(), "a case is listed twice");
    let missing: Vec<_> = written.symmetric_difference(&listed).collect();
    assert!(missing.is_empty(), "only in a chapter, or only in the table: {missing:?}");
    assert!(written.len() > 200, "the chapters were not read");
}
