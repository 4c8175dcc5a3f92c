"""Children, nurseries, timeouts, threads: `micro`, called many times."""

import json
import os
import subprocess
import sys

from runner import build, tools
from runner.table import median, ratio, shown, table

# What is compared with what, for each loop; the first of a list that can do it.
BASES = {
    "tokio-ct": ["tokio-ct/join-set", "tokio-ct/spawn"],
    "tokio-mt": ["tokio-mt/join-set", "tokio-mt/spawn"],
    "smol": ["smol/executor", "smol/carafe"],
    "async-std": ["async-std/spawn", "async-std/carafe"],
}

# what: title, n for the clock, one by one or not (a second thread changes nothing then).
TABLES = {
    "spawn": ("A child that ends at once: spawn and join", 100_000, False),
    "suspend": ("A child that suspends once: spawn and join", 100_000, False),
    "cancel": (
        "A sleeping child. Time: cancel and join; instructions: its whole life",
        100_000,
        False,
    ),
    "nursery": ("A nursery with nobody in it", 200_000, True),
    "timeout": ("A timeout around a future that is ready", 1_000_000, True),
    "thread-one": ("A closure on a thread, one after the other", 20_000, True),
    "thread-many": ("A closure on a thread, all at once", 50_000, False),
}

FEW, MANY = 2_000, 12_000


def report(options):
    program = build.binary("micro")
    if program is None:
        print("SKIPPED micro: it is not built", file=sys.stderr)
        return
    listed = subprocess.run([program, "list"], capture_output=True, text=True, check=True).stdout
    names = [line.split()[1] for line in listed.splitlines() if line.startswith("impl ")]
    names = sorted(names, key=lambda name: list(BASES).index(name.split("/")[0]))
    names = [name for name in names if options.match in name]
    for what, (title, n, in_turn) in TABLES.items():
        if options.what in ("", what):
            report_one(program, what, title, n, in_turn, names, options)


def report_one(program, what, title, n, in_turn, names, options):
    print(f"measuring {what}", file=sys.stderr, flush=True)
    counted = {name: Counted(program, what, name) for name in names}
    names = [name for name in names if counted[name].can]
    rounds = 0 if options.no_time else options.rounds
    times = {threads: {name: [] for name in names} for threads in (1, 2)}
    for threads in (1,) if in_turn else (1, 2):
        for _ in range(rounds):
            for name in names:
                if threads == 1 or not name.startswith("tokio-ct"):
                    reading = run(program, what, name, n, threads)
                    times[threads][name].append(reading and reading["wall_ns"] / n)
    rows = []
    for name in names:
        base = next((b for b in BASES[name.split("/")[0]] if b in names), None)
        ours = counted[name]
        row = [f"**{name}**" if is_ours(name) else name]
        row += [shown(ours.instructions), compared(ours.instructions, base and counted[base].instructions)]
        row += [shown(ours.allocs, 2), shown(ours.bytes), shown(ours.held) if what == "cancel" else None]
        for threads in (1, 2):
            wall = times[threads]
            row += [shown(median(wall[name]))]
            row += [shown(ratio(wall[name], wall[base]), 2) if base else None]
        rows.append(row)
    columns = ["loop/form", "instructions", "ratio", "allocations", "bytes", "held while asleep"]
    table(f"{title} (n = {n:,})", columns + ["ns, 1 thread", "ratio", "ns, 2 threads", "ratio"], rows)


def is_ours(name):
    return name.endswith(("/carafe", "/handle"))


def compared(value, base):
    return shown(value / base, 2) if value and base else None


class Counted:
    """What repeats: instructions, allocations and bytes for each of n, by the difference of two
    runs, so that starting the loop does not count."""

    def __init__(self, program, what, name):
        few = run(program, what, name, FEW, 1, count=True)
        many = run(program, what, name, MANY, 1, count=True)
        self.can = bool(few and many)
        self.instructions = self.allocs = self.bytes = self.held = None
        if not self.can:
            return
        self.allocs, self.bytes, self.held = (
            (many[key] - few[key]) / (MANY - FEW) for key in ("allocs", "bytes", "held")
        )
        if tools.has("valgrind", "instructions per child"):
            few = callgrind(program, what, name, FEW)
            many = callgrind(program, what, name, MANY)
            self.instructions = (many - few) / (MANY - FEW) if few and many else None


def environment(threads, count=False):
    env = dict(os.environ, THREADS=str(threads), ASYNC_STD_THREAD_COUNT=str(threads))
    return dict(env, COUNT="1") if count else env


def run(program, what, name, n, threads, count=False):
    """One reading; none if this implementation does not do this."""
    command = [program, what, name, str(n)]
    env = environment(threads, count)
    ran = subprocess.run(command, capture_output=True, text=True, env=env, timeout=120)
    if ran.returncode == 3:
        return None
    if ran.returncode != 0:
        print(f"FAILED {what} {name}: {ran.stderr.strip()[-300:]}", file=sys.stderr)
        return None
    return json.loads(ran.stdout)


def callgrind(program, what, name, n):
    command = [*tools.CALLGRIND, program, what, name, str(n)]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment(1), timeout=600)
    return tools.instructions(ran.stderr)
