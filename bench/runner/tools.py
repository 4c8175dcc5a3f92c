"""The tools that count for us, and what is done without one."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache

CALLGRIND = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]


@cache
def has(tool, what_for):
    """Whether the tool is there; says once what is left out if not."""
    if shutil.which(tool):
        return True
    print(f"SKIPPED {what_for}: {tool} is not installed", file=sys.stderr)
    return False


@cache
def has_tracepoints():
    """Whether perf may count system calls here."""
    if not has("perf", "system calls per request"):
        return False
    probe = ["perf", "stat", "-e", "raw_syscalls:sys_enter", "true"]
    if subprocess.run(probe, capture_output=True).returncode == 0:
        return True
    print("SKIPPED system calls per request: perf may not count them here", file=sys.stderr)
    return False


def pinned(cpu):
    """What to put before a command that is to stay on this core; nothing where that cannot be."""
    if shutil.which("taskset") and (os.cpu_count() or 1) > 1:
        return ["taskset", "-c", str(cpu)]
    return []


def instructions(stderr):
    """What callgrind has counted; none if it has not come to its end."""
    found = re.search(r"Collected : (\d+)", stderr)
    return int(found[1]) if found else None


class SyscallCount:
    """Counts the system calls of a process while the block runs."""

    def __init__(self, pid):
        self.pid = pid
        self.total = None

    def __enter__(self):
        self.out = tempfile.NamedTemporaryFile("r")
        command = ["perf", "stat", "-x", ";", "-e", "raw_syscalls:sys_enter"]
        command += ["-p", str(self.pid), "-o", self.out.name, "--control", "fd:0,1", "-D", "-1"]
        self.perf = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._tell("enable")
        return self

    def __exit__(self, *_):
        self._tell("disable")
        self.perf.send_signal(2)
        self.perf.wait()
        with self.out:
            for line in self.out:
                count, *rest = line.split(";")
                if len(rest) > 1 and rest[1].startswith("raw_syscalls") and count.isdigit():
                    self.total = int(count)

    def _tell(self, command):
        # perf acknowledges, so nothing of the block is missed.
        self.perf.stdin.write(f"{command}\n".encode())
        self.perf.stdin.flush()
        self.perf.stdout.readline()
