#!/usr/bin/env python3
"""Builds everything, measures ours beside the others, prints Markdown tables.

Figures are taken in one run, interleaved (A B C A B C), and are medians of rounds; ratios are
medians of each round's ratio. Needs cargo and Python; without valgrind, wrk or perf the columns
that need them are left out, which it says.
"""

import argparse

from runner import build, http, micro


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["micro", "http"], help="half of it")
    parser.add_argument("--rounds", type=int, default=5, help="how often all are timed")
    parser.add_argument("--match", default="", help="only rows whose name contains this")
    parser.add_argument("--what", default="", help="micro: only this table")
    parser.add_argument("--no-build", action="store_true", help="measure what is built")
    parser.add_argument("--no-time", action="store_true", help="only what repeats: no clocks")
    options = parser.parse_args()
    if options.only != "http":
        if not options.no_build:
            build.micro()
        micro.report(options)
    if options.only != "micro":
        if not options.no_build:
            build.servers(options.match)
        http.report(options)


if __name__ == "__main__":
    main()
