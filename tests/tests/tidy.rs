//! Holds `crates/README.md` and the house rules against the crates.
//!
//! What is checked here is what a compiler does not check: who may import whom, which modules may
//! hold unsafe code, which words have no place in a file. Each check collects all that it finds, so
//! that one run shows the whole work to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

// ---- the map

#[test]
fn the_map_names_every_crate_and_no_other() {
    let members = Workspace::read();
    let mapped: BTreeSet<String> = Map::read().rows.into_keys().collect();
    let crates: BTreeSet<String> = members.in_crates().map(|member| member.name.clone()).collect();
    assert!(crates.len() > 3, "`cargo metadata` found the crates: {crates:?}");
    assert_eq!(crates, mapped, "left: the crates, right: the map of crates/README.md");
}

#[test]
fn no_crate_imports_another_that_the_map_does_not_list() {
    let (members, map) = (Workspace::read(), Map::read());
    let ours: BTreeSet<&str> = members.all.iter().map(|member| member.name.as_str()).collect();
    let mut wrong = Vec::new();
    for member in members.in_crates() {
        let Some(row) = map.rows.get(&member.name) else { continue };
        for dependency in member.dependencies.iter().filter(|dependency| dependency.kind != "dev") {
            let name = dependency.name.as_str();
            if ours.contains(name) && !row.may_import.contains(name) {
                wrong.push(format!("{} -> {name}", member.name));
            }
        }
    }
    assert_none("arrows that the map does not list", &wrong);
}

#[test]
fn the_map_allows_no_arrow_to_a_crate_that_does_not_exist() {
    let members = Workspace::read();
    let ours: BTreeSet<&str> = members.in_crates().map(|member| member.name.as_str()).collect();
    let mut wrong = Vec::new();
    for (name, row) in &Map::read().rows {
        for import in row.may_import.iter().filter(|import| !ours.contains(import.as_str())) {
            wrong.push(format!("{name} -> {import}"));
        }
    }
    assert_none("arrows to nowhere", &wrong);
}

/// The last column is prose, but where it names a crate, that is meant.
#[test]
fn no_crate_depends_on_what_the_map_forbids_by_name() {
    let (members, map) = (Workspace::read(), Map::read());
    let mut wrong = Vec::new();
    for member in members.in_crates() {
        let Some(row) = map.rows.get(&member.name) else { continue };
        let forbidden = row.must_never.split(|c: char| !(c.is_alphanumeric() || c == '-'));
        let forbidden: BTreeSet<&str> = forbidden.collect();
        for dependency in member.dependencies.iter().filter(|dependency| dependency.kind != "dev") {
            if forbidden.contains(dependency.name.as_str()) {
                wrong.push(format!("{} -> {}", member.name, dependency.name));
            }
        }
    }
    assert_none("dependencies that the map forbids", &wrong);
}

#[test]
fn dev_dependencies_between_crates_carry_only_a_path() {
    let members = Workspace::read();
    let ours: BTreeSet<&str> = members.all.iter().map(|member| member.name.as_str()).collect();
    let mut wrong = Vec::new();
    for member in members.in_crates() {
        for dependency in member.dependencies.iter().filter(|dependency| dependency.kind == "dev") {
            if ours.contains(dependency.name.as_str()) && dependency.requirement != "*" {
                wrong.push(format!("{} -> {}", member.name, dependency.name));
            }
        }
    }
    assert_none("dev-dependencies with a version, which a release would have to publish", &wrong);
}

#[test]
fn core_s_contract_knows_nothing_of_what_is_built_on_it() {
    let core = root().join("crates/carafe-core/src");
    let mut files = sources(&core.join("rt"));
    files.push(core.join("rt.rs"));
    let above = ["nursery", "cancel", "run", "context", "shutdown", "thread", "testing"];
    let mut wrong = Vec::new();
    for file in &files {
        for (number, line) in code(file) {
            let path = line.replace(" ::", "::").replace(":: ", "::");
            for module in above {
                let roots = ["crate::", "super::", "carafe_core::"];
                if roots.iter().any(|root| names(&path, &format!("{root}{module}"))) {
                    wrong.push(format!("{}:{number}: {module}", shown(file)));
                }
            }
            if path.contains("crate::{") {
                wrong.push(format!(
                    "{}:{number}: a list of imports hides who is imported",
                    shown(file)
                ));
            }
        }
    }
    assert!(files.len() > 5, "the contract's files were found: {files:?}");
    assert_none("imports of `rt` from above", &wrong);
}

#[test]
fn a_backend_knows_nothing_of_nurseries_and_scopes() {
    let words = ["Nursery", "nursery", "CancelScope", "Cancelled", "shield", "spawn_in_run"];
    let mut wrong = Vec::new();
    for backend in
        ["carafe-tokio", "carafe-async-io", "carafe-smol", "carafe-async-std", "carafe-sim"]
    {
        for file in sources(&root().join("crates").join(backend).join("src")) {
            for (number, line) in code(&file) {
                if words.iter().any(|word| names(&line, word)) {
                    wrong.push(format!("{}:{number}: {}", shown(&file), line.trim()));
                }
            }
        }
    }
    assert_none("semantics in backends", &wrong);
}

// ---- house rules

#[test]
fn every_member_has_the_workspace_s_lints() {
    let mut wrong = Vec::new();
    for member in Workspace::read().all {
        let manifest = read(&member.manifest);
        let lints = manifest.split("\n[lints]\n").nth(1);
        if !lints.is_some_and(|rest| rest.trim_start().starts_with("workspace = true")) {
            wrong.push(member.name);
        }
    }
    assert_none("members without `[lints] workspace = true`", &wrong);
}

#[test]
fn unsafe_code_is_where_the_page_lists_it_and_nowhere_else() {
    let listed = Map::read().unsafe_modules;
    let mut found = BTreeSet::new();
    for member in Workspace::read().all {
        for file in member.sources() {
            if code(&file).any(|(_, line)| names(&line, "unsafe")) {
                found.insert(shown(&file).trim_start_matches("crates/").to_owned());
            }
        }
    }
    assert_eq!(found, listed, "left: files with unsafe code, right: the table of crates/README.md");
}

#[test]
fn a_member_without_unsafe_modules_forbids_unsafe_code() {
    let listed = Map::read().unsafe_modules;
    let mut wrong = Vec::new();
    for member in Workspace::read().in_crates() {
        let allowed = listed.iter().any(|module| module.starts_with(&format!("{}/", member.name)));
        let forbids = read(&member.folder().join("src/lib.rs")).contains("#![forbid(unsafe_code)]");
        if !allowed && !forbids {
            wrong.push(member.name.clone());
        }
    }
    assert_none("crates that neither forbid unsafe code nor list their modules", &wrong);
}

#[test]
fn nothing_is_left_to_do() {
    // Spelled without the `!`, so that this file passes its own test.
    let macros = ["todo", "unimplemented", "dbg"].map(|name| format!("{name}!"));
    let mut wrong = Vec::new();
    for member in Workspace::read().all {
        for file in member.sources() {
            for (number, line) in code(&file) {
                if macros.iter().any(|name| names(&line, name)) {
                    wrong.push(format!("{}:{number}: {}", shown(&file), line.trim()));
                }
            }
        }
    }
    assert_none("what was left to do", &wrong);
}

/// The simulator's run is a function of its seed. A real clock, a map with a random seed or a thread
/// that nobody steps would make it something else.
#[test]
fn the_simulator_has_no_clock_map_or_thread_of_the_real_world() {
    let allowed = [
        ("clock.rs", "Instant::now"), // the anchor: `Instant` has no other constructor
        ("scheduler.rs", "Instant::now"), // patience with a closure's thread; the program never sees it
        ("blocking.rs", "thread"),        // stepped offload: one thread runs at a time
    ];
    let real = [
        "Instant::now",
        "SystemTime::now",
        "HashMap",
        "HashSet",
        "RandomState",
        "thread",
        "getrandom",
        "TcpStream::connect",
        "TcpListener::bind",
        "UdpSocket",
        "socket2",
    ];
    let folder = root().join("crates/carafe-sim/src");
    let (mut wrong, mut used) = (Vec::new(), BTreeMap::new());
    for file in sources(&folder) {
        let name = file.strip_prefix(&folder).expect("a file of the folder").display().to_string();
        for (number, line) in code(&file) {
            for word in real.iter().filter(|word| names(&line, word)) {
                match allowed.iter().find(|(module, allowed)| (*module, allowed) == (&name, word)) {
                    Some(entry) => *used.entry(entry).or_insert(0) += 1,
                    None => wrong.push(format!("{name}:{number}: {}", line.trim())),
                }
            }
        }
    }
    assert_none("the real world in the simulator", &wrong);
    for entry in &allowed {
        match (used.get(entry), entry.1) {
            (Some(1), _) | (Some(_), "thread") => {}
            (uses, _) => panic!("{entry:?} is used {} times", uses.unwrap_or(&0)),
        }
    }
}

#[test]
fn no_module_is_called_mod_rs() {
    let mut wrong = Vec::new();
    for member in Workspace::read().all {
        let files = member.sources().into_iter();
        // Below `tests/` it is the only way to share a module.
        let files = files.filter(|file| !shown(file).contains("tests/"));
        wrong.extend(files.filter(|file| file.ends_with("mod.rs")).map(|file| shown(&file)));
    }
    assert_none("`mod.rs`, where `foo.rs` beside `foo/` is the style", &wrong);
}

// ---- what the checks read

/// `crates/README.md`.
struct Map {
    rows: BTreeMap<String, Row>,
    /// Paths below `crates/`.
    unsafe_modules: BTreeSet<String>,
}

struct Row {
    may_import: BTreeSet<String>,
    must_never: String,
}

impl Map {
    fn read() -> Map {
        let page = read(&root().join("crates/README.md"));
        let mut rows = BTreeMap::new();
        for cells in table(&page, "## Map") {
            let [name, _, may_import, must_never] = &cells[..] else {
                panic!("a row of the map has four cells: {cells:?}")
            };
            let row = Row { may_import: quoted(may_import), must_never: must_never.clone() };
            let name = quoted(name).pop_first().expect("a crate's name is in backticks");
            assert!(rows.insert(name.clone(), row).is_none(), "{name} stands in the map twice");
        }
        let unsafe_modules = table(&page, "## Unsafe code").into_iter();
        let unsafe_modules = unsafe_modules.flat_map(|cells| quoted(&cells[0])).collect();
        Map { rows, unsafe_modules }
    }
}

/// The cells of the first table below `heading`, without its head.
fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let start =
        page.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{heading} is there"));
    let lines = page[start..].lines().skip(2);
    let lines =
        lines.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    let rows: Vec<_> = lines.skip(2).map(cells).collect();
    assert!(!rows.is_empty(), "a table with rows stands below {heading}");
    rows
}

/// What stands in backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

struct Workspace {
    all: Vec<Member>,
}

struct Member {
    name: String,
    manifest: PathBuf,
    dependencies: Vec<Dependency>,
}

struct Dependency {
    name: String,
    /// "normal", "dev" or "build".
    kind: String,
    requirement: String,
}

impl Workspace {
    fn read() -> Workspace {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
            .current_dir(root())
            .output()
            .expect("cargo can be started");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo metadata: {told}");
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
        Workspace { all: list(&metadata["packages"]).map(Member::from_json).collect() }
    }

    fn in_crates(&self) -> impl Iterator<Item = &Member> {
        let crates = root().join("crates");
        self.all.iter().filter(move |member| member.manifest.starts_with(&crates))
    }
}

impl Member {
    fn from_json(package: &Value) -> Member {
        let dependency = |dependency: &Value| Dependency {
            name: text(&dependency["name"]),
            kind: dependency["kind"].as_str().unwrap_or("normal").to_owned(),
            requirement: text(&dependency["req"]),
        };
        Member {
            name: text(&package["name"]),
            manifest: text(&package["manifest_path"]).into(),
            dependencies: list(&package["dependencies"]).map(dependency).collect(),
        }
    }

    fn folder(&self) -> &Path {
        self.manifest.parent().expect("a manifest lies in a folder")
    }

    /// Every Rust file of the member, its tests and examples included.
    fn sources(&self) -> Vec<PathBuf> {
        sources(self.folder())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string, not {value}")).to_owned()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap_or_else(|| panic!("a list, not {value}")).iter()
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("this package lies in the workspace's root").to_owned()
}

/// `file` as one would name it, relative to the root.
fn shown(file: &Path) -> String {
    file.strip_prefix(root()).unwrap_or(file).display().to_string()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every Rust file below `folder`, in a stable order.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder);
        let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.expect("an entry of a folder").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The numbered lines of `file` without comments and without what stands in quotes.
fn code(file: &Path) -> impl Iterator<Item = (usize, String)> {
    let lines: Vec<String> = read(file).lines().map(str::to_owned).collect();
    (1..).zip(lines).map(|(number, line)| (number, without_comment(&line)))
}

fn without_comment(line: &str) -> String {
    let mut code = String::new();
    let (mut is_quoted, mut previous) = (false, ' ');
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if previous != '\\' && previous != '\'' => is_quoted = !is_quoted,
            '/' if !is_quoted && chars.peek() == Some(&'/') => break,
            c if !is_quoted => code.push(c),
            _ => {}
        }
        previous = if previous == '\\' { ' ' } else { c };
    }
    code
}

/// Whether `word` stands in `line` as a whole word.
fn names(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

fn assert_none(what: &str, wrong: &[String]) {
    assert!(wrong.is_empty(), "{what}:\n  {}", wrong.join("\n  "));
}
