#!/usr/bin/env python3
"""Compare the hits of haechi with DataFusion's, rule by rule.

    python3 agree.py DIR [DIR ...] --haechi PATH [--cached-only]
    python3 agree.py --make UNDER --haechi PATH

For each workload folder (see workload.py): counts of every rule from `haechi evaluate --json` against those of
DataFusion. DataFusion's are kept in DIR/counts.json with the digest of rows and rules they belong to, so that
a new build of haechi is checked in seconds; files that have changed since are counted again. Prints a line a
folder and every rule that differs. --make takes the workloads that we answer for, 1,000 rules x 1,000,000 rows
and 10,000 x 100,000 for seeds 7, 8 and 9, and makes those that are not in the folder UNDER yet.
Exit code: 0 all equal; 1 any difference; 2 haechi failed.
Needs: pip install datafusion numpy pyarrow (nothing where all counts are kept: then --cached-only).
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import peers

# Rules named where they differ; more of them say nothing new.
NAMED_MAX = 20

# What we answer for: rules by rows, and seeds.
SIZES = [(1_000, 1_000_000), (10_000, 100_000)]
SEEDS = [7, 8, 9]


def make_workloads(under: Path) -> list[Path]:
    """The folders of all sizes and seeds; those that are missing are made."""
    folders = []
    for seed in SEEDS:
        for rules, rows in SIZES:
            folder = under / f"w{rules // 1_000}k-seed{seed}"
            folders.append(folder)
            if not (folder / "rules.jsonl").exists():
                script = str(Path(__file__).with_name("workload.py"))
                options = ["--rules", str(rules), "--rows", str(rows), "--seed", str(seed), "--out", str(folder)]
                subprocess.run([sys.executable, script, *options], check=True)
    return folders


def digest(folder: Path) -> str:
    """Of the rows and the rules: counts belong to exactly these."""
    sha = hashlib.sha256()
    for name in ("declarations.parquet", "rules.jsonl"):
        with (folder / name).open("rb") as file:
            sha.update(hashlib.file_digest(file, "sha256").digest())
    return sha.hexdigest()


def expected(folder: Path, threads: int, cached_only: bool) -> dict[str, int]:
    """DataFusion's count of each rule, from the folder's cache where it fits."""
    cache, inputs = folder / "counts.json", digest(folder)
    if cache.exists():
        kept = json.loads(cache.read_text())
        if kept["inputs"] == inputs:
            return kept["per_rule"]
    if cached_only:
        sys.exit(f"{folder}: no counts of these files are kept; run once without --cached-only")
    workload = peers.Workload.open(folder)
    start = time.perf_counter()
    counts = peers.datafusion_counts(workload, peers.Run(threads, 0, workload.rows))
    per_rule = {rule: n for (rule, _), n in zip(workload.rules, counts, strict=True)}
    engine = f"datafusion {version('datafusion')}"
    seconds = round(time.perf_counter() - start, 3)
    kept = {"engine": engine, "inputs": inputs, "rows": workload.rows, "seconds": seconds, "per_rule": per_rule}
    cache.write_text(json.dumps(kept))
    return per_rule


def found(folder: Path, haechi: str, options: list[str]) -> dict[str, object]:
    """What `haechi evaluate` reports."""
    rules, rows = folder / "rules.jsonl", folder / "declarations.parquet"
    command = [haechi, "evaluate", "--stream", "declaration", "--rules", str(rules), "--input", str(rows), "--json"]
    done = subprocess.run(command + options, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"{folder}: haechi failed with {done.returncode}: {done.stderr[-2_000:]}", file=sys.stderr)
        sys.exit(2)
    return json.loads(done.stdout)


def differences(ours: dict[str, int], theirs: dict[str, int]) -> list[str]:
    """A line a rule that differs or that only one side knows."""
    rules = sorted(ours.keys() | theirs.keys())
    return [f"  {r}: haechi {ours.get(r)}, datafusion {theirs.get(r)}" for r in rules if ours.get(r) != theirs.get(r)]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir", type=Path, nargs="*")
    p.add_argument("--make", type=Path, metavar="UNDER", help="all sizes and seeds, under this folder")
    p.add_argument("--haechi", required=True, help="the binary")
    p.add_argument("--option", action="append", default=[], help="passed on to haechi, e.g. --option=--batch-rows=1000")
    p.add_argument("--threads", type=int, default=2, help="of DataFusion")
    p.add_argument("--cached-only", action="store_true", help="never run DataFusion")
    a = p.parse_args()
    wrong = 0
    folders = a.dir + (make_workloads(a.make) if a.make else [])
    if not folders:
        p.error("name a workload, or --make UNDER")
    for folder in folders:
        theirs = expected(folder, a.threads, a.cached_only)
        report = found(folder, a.haechi, a.option)
        lines = differences(report["per_rule"], theirs)
        verdict = f"{len(lines)} rules differ" if lines else "equal"
        hits, set_aside = report["hits"], report["set_aside"]
        print(f"{folder}: {report['rows']} rows x {len(theirs)} rules, {hits} hits, {set_aside} set aside: {verdict}")
        for line in lines[:NAMED_MAX]:
            print(line)
        wrong += len(lines)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
