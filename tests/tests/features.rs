//! What a build for one loop brings along: nothing of the others.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What makes tokio a loop. hyper and the WebSocket crates may have its channels and codecs.
const RUNTIME: [&str; 8] =
    ["rt", "rt-multi-thread", "net", "time", "fs", "process", "signal", "mio"];

#[test]
fn a_smol_build_has_no_runtime_of_tokio() {
    let packages = Packages::of("smol");
    assert_eq!(packages.runtime_of_tokio(), Vec::<&str>::new());
    assert!(packages.has("carafe-smol"), "it is a smol build: {packages:?}");
    assert!(!packages.has("carafe-tokio") && !packages.has("async-std"), "{packages:?}");
}

#[test]
fn an_async_std_build_has_no_runtime_of_tokio() {
    let packages = Packages::of("async-std");
    assert_eq!(packages.runtime_of_tokio(), Vec::<&str>::new());
    assert!(packages.has("carafe-async-std"), "it is an async-std build: {packages:?}");
    assert!(!packages.has("carafe-tokio") && !packages.has("carafe-smol"), "{packages:?}");
}

/// Also says that the tests above can fail.
#[test]
fn a_tokio_build_has_tokio_s_runtime_and_no_other_loop() {
    let packages = Packages::of("tokio");
    let runtime = packages.runtime_of_tokio();
    for feature in ["rt", "net", "time", "signal"] {
        assert!(runtime.contains(&feature), "{feature} is not in {packages:?}");
    }
    for other in ["async-io", "async-executor", "async-std", "carafe-smol"] {
        assert!(!packages.has(other), "{other} is in {packages:?}");
    }
}

/// The default build is the first thing that a newcomer waits for.
#[test]
fn the_default_build_has_one_loop() {
    let packages = Packages::of_default();
    let loops = ["carafe-tokio", "carafe-smol", "carafe-async-std", "carafe-sim"];
    let loops = loops.iter().filter(|name| packages.has(name));
    assert_eq!(loops.count(), 1, "{packages:?}");
}

#[test]
fn an_axum_router_on_smol_has_no_runtime_of_tokio() {
    let packages = Packages::tree("axum-on-smol", &[]);
    assert_eq!(packages.runtime_of_tokio(), Vec::<&str>::new());
    assert!(packages.has("axum") && packages.has("carafe-smol"), "{packages:?}");
}

/// The packages of a build, by name, each with its features.
#[derive(Debug)]
struct Packages(BTreeMap<String, Vec<String>>);

impl Packages {
    /// A build of the chat with this feature alone.
    fn of(feature: &str) -> Self {
        Self::tree("chat", &["--no-default-features", "--features", feature])
    }

    fn of_default() -> Self {
        Self::tree("chat", &[])
    }

    /// A build of `package`. That it is one package matters: the workspace's members unify their
    /// features.
    fn tree(package: &str, features: &[&str]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["tree", "--offline", "-p", package, "-e", "normal", "--prefix", "none"])
            .args(["--format", "{p}|{f}"])
            .args(features)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root"))
            .output()
            .expect("cargo can be started");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo tree: {told}");
        let mut packages = BTreeMap::<_, Vec<_>>::new();
        // "tokio v1.54.1|default,sync", and again with " (*)" behind it.
        for line in String::from_utf8(output.stdout).expect("names are text").lines() {
            let (package, features) = line.split_once('|').expect("our format");
            let name = package.split(' ').next().expect("a name").to_owned();
            let features = features.trim_end_matches(" (*)").split(',').map(str::to_owned);
            // One name can stand for two versions, or for two sets of features: collect all.
            packages.entry(name).or_default().extend(features);
        }
        assert!(packages.len() > 20, "the whole tree was read: {packages:?}");
        Packages(packages)
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    fn runtime_of_tokio(&self) -> Vec<&'static str> {
        let features = self.0.get("tokio").map(Vec::as_slice).unwrap_or_default();
        RUNTIME.into_iter().filter(|name| features.iter().any(|feature| feature == name)).collect()
    }
}
