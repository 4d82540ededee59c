#!/usr/bin/env python3
"""Time haechi against the engines of peers.py, or against itself, in turn in one run. Prints Markdown.

    python3 compare.py DIR --haechi PATH [--engines chdb,datafusion,polars] [--repeat 3] [--threads 2]
    python3 compare.py DIR --haechi PATH --engines polars,datafusion,chdb --peer-dir SMALLER_DIR
    python3 compare.py DIR --haechi PATH --first-rules 1000,10000 [--rules FILE]
    python3 compare.py DIR --haechi PATH --scaling 1,2

DIR is a workload of workload.py. haechi is timed as a whole process: it starts, compiles the rules, reads the
file and evaluates; `memory` is the most it had resident. A peer's seconds leave out starting Python. Each of
--repeat rounds runs every candidate once, in turn; seconds are medians of the rounds, and a ratio is the median
of the rounds' ratios: a machine that slows down slows all of a round. How much faster haechi is than a peer is
told in rule-rows a second (rows x rules / seconds), so that peers may run on other rows: --peer-dir gives them a
folder of fewer rows, with rules of the same make. All on the same rows and rules must count the same hits; if
not, that is said and the exit code is 1.

--first-rules N,M runs haechi on the first N and M rules over the same rows, --scaling on 1 and 2 threads, with as many
cores as threads: reading has threads of its own.
"""

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import peers


@dataclasses.dataclass
class Once:
    """One run of one candidate."""

    seconds: float
    rows: int
    rules: int
    hits: int
    mib: float | None = None

    def rule_rows_per_s(self) -> float:
        return self.rows * self.rules / self.seconds


@dataclasses.dataclass
class Candidate:
    """What is timed; `run` does it once."""

    name: str
    run: Callable[[], Once]
    runs: list[Once] = dataclasses.field(default_factory=list)
    error: str | None = None

    def median(self, of: Callable[[Once], float]) -> float:
        return statistics.median(map(of, self.runs))


# How a run compares with the first candidate's run of the same round.
Ratio = Callable[[Once, Once], float]


def seconds(once: Once) -> float:
    return once.seconds


def times_as_long(first: Once, this: Once) -> float:
    return this.seconds / first.seconds


def times_as_fast(first: Once, this: Once) -> float:
    return first.seconds / this.seconds


def slower_by_rule_rows(first: Once, this: Once) -> float:
    return first.rule_rows_per_s() / this.rule_rows_per_s()


def keep_to_cores(n: int) -> None:
    """Leaves this process n cores of those it may use, where the system knows how."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n])


def haechi(binary: str, folder: Path, rules: Path, threads: int, cores: int | None = None) -> Once:
    """The whole process, from start to end."""
    rows = folder / "declarations.parquet"
    command = [binary, "evaluate", "--stream", "declaration", "--rules", str(rules), "--input", str(rows)]
    command += ["--threads", str(threads), "--json"]
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        pin = None if cores is None else lambda: keep_to_cores(cores)
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, preexec_fn=pin)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise RuntimeError(f"exit code {process.returncode}")
        out.seek(0)
        report = json.load(out)
    return Once(seconds, report["rows"], report["rules"], report["hits"], usage.ru_maxrss / 1024)


def peer(engine: str, folder: Path, rules: Path, threads: int) -> Once:
    """An engine of peers.py, in a process of its own."""
    script = str(Path(__file__).with_name("peers.py"))
    command = [sys.executable, script, str(folder), "--rules", str(rules)]
    command += ["--engines", engine, "--threads", str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-200:] or f"exit code {done.returncode}")
    report = json.loads(done.stdout)
    if report["error"]:
        raise RuntimeError(report["error"])
    return Once(report["seconds"], report["rows"], report["rules"], report["matches"])


def run_in_turn(candidates: list[Candidate], repeat: int) -> None:
    """Each round runs every candidate once; one that fails is left out from there on, and all end with the first."""
    for turn in range(repeat):
        for candidate in (c for c in candidates if c.error is None):
            try:
                candidate.runs.append(candidate.run())
                outcome = f"{candidate.runs[-1].seconds:.3f} s"
            except RuntimeError as e:
                candidate.error = outcome = str(e).replace("\n", " ")
            print(f"round {turn + 1}, {candidate.name}: {outcome}", file=sys.stderr, flush=True)
        if candidates[0].error:
            return


def table(candidates: list[Candidate], title: str, ratio: Ratio) -> str:
    """Markdown, a row a candidate."""
    lines = [
        f"| engine | rows | rules | seconds, median (least to most) | M rule-rows/s | memory, MiB | {title} |",
        "|---|---|---|---|---|---|---|",
    ]
    for c in candidates:
        if c.error:
            lines.append(f"| {c.name} | | | failed: {c.error} | | | |")
            continue
        once, all_seconds = c.runs[0], [seconds(run) for run in c.runs]
        ratios = [ratio(first, this) for first, this in zip(candidates[0].runs, c.runs)]
        cells = [
            c.name,
            f"{once.rows:,}",
            f"{once.rules:,}",
            f"{c.median(seconds):.3f} ({min(all_seconds):.3f} to {max(all_seconds):.3f})",
            f"{c.median(Once.rule_rows_per_s) / 1e6:,.0f}",
            f"{max(run.mib for run in c.runs):.0f}" if once.mib else "",
            f"{statistics.median(ratios):.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def disagreements(candidates: list[Candidate]) -> list[str]:
    """Candidates that counted other hits than the first on the same rows and rules."""
    runs = [(c.name, once) for c in candidates for once in c.runs]
    first = {(once.rows, once.rules): (name, once.hits) for name, once in reversed(runs)}
    out = []
    for name, once in runs:
        other, hits = first[(once.rows, once.rules)]
        if once.hits != hits:
            out.append(f"{name} counts {once.hits} hits, {other} {hits}")
    return sorted(set(out))


def numbers(text: str) -> list[int]:
    return [int(n) for n in text.split(",")]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir", type=Path)
    p.add_argument("--haechi", required=True, help="the release binary")
    p.add_argument("--rules", type=Path, help="other rules than DIR/rules.jsonl")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--peer-dir", type=Path, help="where the peers run, instead of DIR")
    modes = p.add_mutually_exclusive_group()
    fast = "chdb,datafusion,polars,duckdb"
    modes.add_argument("--engines", type=peers.engine_names, default=fast, help="of peers.py")
    modes.add_argument("--first-rules", type=numbers, help="haechi alone, by number of rules: 1000,10000")
    modes.add_argument("--scaling", type=numbers, help="haechi alone, by threads: 1,2")
    a = p.parse_args()
    rules: Path = a.rules or a.dir / "rules.jsonl"

    def ours(name: str, rules: Path, threads: int, cores: int | None = None) -> Candidate:
        return Candidate(name, lambda: haechi(a.haechi, a.dir, rules, threads, cores))

    with tempfile.TemporaryDirectory() as scratch:
        if a.first_rules:
            lines = rules.read_text().splitlines(keepends=True)
            candidates = []
            for n in a.first_rules:
                if n > len(lines):
                    p.error(f"{rules} has {len(lines)} rules, not {n}")
                some = Path(scratch) / f"first-{n}.jsonl"
                some.write_text("".join(lines[:n]))
                candidates.append(ours(f"haechi, {n:,} rules", some, a.threads))
            title, ratio = "times as long as the first", times_as_long
        elif a.scaling:
            name = lambda n: f"haechi, {n} threads" if n > 1 else "haechi, 1 thread"  # noqa: E731
            candidates = [ours(name(n), rules, n, cores=n) for n in a.scaling]
            title, ratio = "times as fast as the first", times_as_fast
        else:
            where = a.peer_dir or a.dir
            theirs = rules if a.peer_dir is None else a.peer_dir / "rules.jsonl"
            candidates = [ours("**haechi**", rules, a.threads)]
            for engine in a.engines:
                run = lambda engine=engine: peer(engine, where, theirs, a.threads)  # noqa: E731
                candidates.append(Candidate(engine, run))
            title, ratio = "haechi is faster by", slower_by_rule_rows
        run_in_turn(candidates, a.repeat)
    if candidates[0].error:
        sys.exit(f"{candidates[0].name}: {candidates[0].error}")
    print(table(candidates, title, ratio))
    wrong = disagreements(candidates)
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
