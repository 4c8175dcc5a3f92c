//! The README's commands and links. The first command starts the chat, the second runs the tests, and
//! each is alone in its block, to be copied whole.

use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_first_command_runs_a_package_that_exists() {
    let command = command(0);
    let words: Vec<&str> = command.split_whitespace().collect();
    assert_eq!(words[..2], ["cargo", "run"], "{command}");
    let package = words.iter().position(|word| ["-p", "--package"].contains(word));
    let package = package.and_then(|at| words.get(at + 1));
    let package = package.unwrap_or_else(|| panic!("it names a package: {command}"));
    let manifest = root().join("examples").join(package).join("Cargo.toml");
    let manifest = fs::read_to_string(&manifest)
        .unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    assert!(manifest.contains(&format!("name = \"{package}\"")), "{manifest}");
}

#[test]
fn the_second_command_runs_the_tests_of_the_whole_workspace() {
    let command = command(1);
    let is_test =
        ["cargo test", "cargo nextest run"].iter().any(|start| command.starts_with(start));
    assert!(is_test, "{command}");
    assert!(command.split(' ').any(|word| ["--workspace", "--all"].contains(&word)), "{command}");
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    let mut wrong = Vec::new();
    for page in ["README.md", "crates/README.md"] {
        let page = root().join(page);
        let text = fs::read_to_string(&page).expect("the page is there");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let target = link.0.split('#').next().expect("a first part");
            let is_file = !target.is_empty() && !target.contains("://");
            if is_file && !page.with_file_name(target).exists() {
                wrong.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "links to nowhere: {wrong:?}");
}

/// The one line in a fenced block of the README that a shell takes.
fn command(number: usize) -> String {
    let readme = fs::read_to_string(root().join("README.md")).expect("there is a README");
    let blocks = shell_blocks(&readme);
    let block = blocks.get(number).unwrap_or_else(|| panic!("a shell block {number}: {blocks:?}"));
    let [line] = &block[..] else { panic!("one command alone: {block:?}") };
    let line = line.trim();
    assert!(!line.starts_with('#') && !line.starts_with('$'), "to be copied as it is: {line}");
    assert!(!["&&", ";", "|", "\\"].iter().any(|glue| line.contains(glue)), "one command: {line}");
    line.to_owned()
}

/// The lines of each block that is fenced as a shell's, empty ones left out.
fn shell_blocks(page: &str) -> Vec<Vec<String>> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(fence) = lines.find(|line| line.trim_start().starts_with("```")) {
        let language = fence.trim_start().trim_start_matches('`');
        let block = lines.by_ref().take_while(|line| !line.trim_start().starts_with("```"));
        let block = block.filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
        if ["sh", "shell", "bash", "console"].contains(&language.trim()) {
            blocks.push(block);
        }
    }
    blocks
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this package lies in the root")
        .to_owned()
}

#[test]
fn only_blocks_of_a_shell_count() {
    let page = "```rust\nfn main() {}\n```\ntext\n```sh\ncargo run\n\n```\n```sh\na\nb\n```\n";
    assert_eq!(shell_blocks(page), [vec!["cargo run"], vec!["a", "b"]]);
}
