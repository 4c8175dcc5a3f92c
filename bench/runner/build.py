"""Builds what is measured: each package by itself, so that features do not unify."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "target"

# trillium-http 1.8 uses two library features that are not stable before Rust 1.96. So whatever
# contains it is built with them unlocked, in a target folder of its own.
UNLOCK = {
    "RUSTC_BOOTSTRAP": "1",
    "RUSTFLAGS": "-Zcrate-attr=feature(result_option_map_or_default,uint_bit_width) -Aunused_features",
}


def micro():
    cargo("micro")


def servers(match):
    from runner.servers import SERVERS

    for server in SERVERS:
        if match in server.name:
            cargo(server.package, unlocked=server.is_unlocked)


def cargo(package, unlocked=False):
    env = dict(os.environ)
    command = ["cargo", "build", "--release", "--quiet", "-p", package]
    if unlocked:
        env.update(UNLOCK)
        command += ["--target-dir", str(TARGET / "unlocked")]
    command += ["-j", env.get("JOBS", "2")]
    print(f"building {package}", file=sys.stderr, flush=True)
    if subprocess.run(command, cwd=ROOT, env=env).returncode != 0:
        print(f"SKIPPED {package}: it does not build", file=sys.stderr)


def binary(package, unlocked=False):
    """The program of a package; none if it was not built."""
    folder = TARGET / "unlocked" / "release" if unlocked else TARGET / "release"
    program = folder / package
    return program if program.exists() else None
