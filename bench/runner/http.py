"""Hello, world: instructions, system calls and time per request, of each server."""

import sys

from runner import load, tools
from runner.servers import SERVERS, Running, cpu_seconds
from runner.table import median, ratio, shown, table

FEW, MANY = 400, 2_400
SECONDS = 2

HYPER, AXUM = "hyper on tokio", "axum on tokio"


def report(options):
    servers = [server for server in SERVERS if options.match in server.name]
    for server in servers:
        if server.program() is None:
            print(f"SKIPPED {server.name}: it is not built", file=sys.stderr)
    servers = [server for server in servers if server.program()]
    instructions = {server.name: attempt(count_instructions, server) for server in servers}
    syscalls = {server.name: attempt(count_syscalls, server) for server in servers}
    timed = {server.name: [] for server in servers}
    if not options.no_time and load.has_wrk():
        for _ in range(options.rounds):
            for server in servers:
                timed[server.name].append(attempt(time_requests, server))

    def column(name, index):
        return [each and each[index] for each in timed.get(name, [])]

    rows = []
    for server in servers:
        name = server.name
        ours, axums = instructions[name], instructions.get(AXUM)
        rows.append([
            f"**{name}**" if server.is_ours else name,
            shown(ours),
            shown(ours / axums, 2) if ours and axums else None,
            shown(syscalls[name], 2),
            shown(median(column(name, 1)), 1),
            shown(ratio(column(name, 1), column(HYPER, 1)), 2),
            shown(median(column(name, 0))),
            shown(ratio(column(name, 0), column(AXUM, 0)), 2),
        ])
    columns = ["server", "instructions", "of axum's", "system calls", "CPU µs", "of hyper's"]
    table("GET /, per request", columns + ["requests/s", "of axum's"], rows)


def attempt(measure, server):
    """A server that fails leaves its cell empty, and the others alone."""
    print(f"measuring {server.name}", file=sys.stderr, flush=True)
    try:
        return measure(server)
    except Exception as error:
        print(f"FAILED {measure.__name__} of {server.name}: {error!r}", file=sys.stderr)
        return None


def count_instructions(server):
    """In user space, by the difference of two numbers of requests."""
    if not tools.has("valgrind", "instructions per request"):
        return None
    counts = []
    for n in (FEW, MANY):
        with Running(server, under=tools.CALLGRIND) as running:
            load.requests(running.port, n)
            counts.append(tools.instructions(running.stop()))
    few, many = counts
    return (many - few) / (MANY - FEW) if few and many else None


def count_syscalls(server):
    """Under wrk's 64 connections: how much one wait brings in depends on the load. Without wrk,
    under our own 16."""
    if not tools.has_tracepoints():
        return None
    with Running(server, under=tools.pinned(0)) as running:
        load.requests(running.port, FEW)
        with tools.SyscallCount(running.pid) as count:
            if load.has_wrk():
                total, _ = load.wrk(running.port, 1)
            else:
                total = MANY
                load.requests(running.port, total)
        return count.total / total if count.total else None


def time_requests(server):
    """Requests a second, and microseconds of CPU for each; the server has the first core."""
    with Running(server, under=tools.pinned(0)) as running:
        load.requests(running.port, FEW)
        before = cpu_seconds(running.pid)
        total, rate = load.wrk(running.port, SECONDS)
        return rate, (cpu_seconds(running.pid) - before) / total * 1e6
