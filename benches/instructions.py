#!/usr/bin/env python3
"""Count the instructions of the hot kernels with callgrind, and compare with benches/instructions.tsv.

    python3 benches/instructions.py                       # all kernels; exit code 1 if one got worse
    python3 benches/instructions.py --kernels mix_5000    # some
    python3 benches/instructions.py --update              # write what was counted

Instructions hardly depend on what else the machine does, so a change of a few percent shows where seconds are
too noisy to tell. They do depend on compiler and processor features: update on the same toolchain, beside the
change that explains the difference. `benches/src/bin/instructions.rs` is what runs; only what happens inside its
function `counted` counts, each kernel in a process of its own.

Exit codes: 0 nothing got worse; 1 something did; 2 it could not be counted.
"""

import argparse
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TABLE = Path(__file__).with_name("instructions.tsv")
TOLERANCE_PERCENT = 3.0
HEADER = "kernel\tinstructions_a_row\ttolerance_percent"


class CannotCount(Exception):
    """What is missing, or what failed."""


@dataclasses.dataclass
class Known:
    """A line of the table."""

    instructions_a_row: float
    tolerance_percent: float = TOLERANCE_PERCENT


def read_table() -> dict[str, Known]:
    if not TABLE.exists():
        return {}
    lines = [line for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    cells = [line.split("\t") for line in lines[1:]]
    return {kernel: Known(float(count), float(tolerance)) for kernel, count, tolerance in cells}


def write_table(table: dict[str, Known]) -> None:
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    lines = [f"# Written by `python3 benches/instructions.py --update`, {rustc}, {os.uname().machine}.", HEADER]
    lines += [f"{kernel}\t{k.instructions_a_row:.1f}\t{k.tolerance_percent:g}" for kernel, k in table.items()]
    TABLE.write_text("\n".join(lines) + "\n")


def build() -> Path:
    """The binary. Both packages, so that dependencies have the features that `make demo` has built them with."""
    command = [os.environ.get("CARGO", "cargo"), "build", "--release", "--locked", "-p", "haechi", "-p", "haechi-benches"]
    command += ["--message-format", "json-render-diagnostics"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, cwd=TABLE.parent.parent)
    if done.returncode != 0:
        raise CannotCount("the build failed")
    for message in map(json.loads, done.stdout.splitlines()):
        if message.get("executable") and message["target"]["name"] == "instructions":
            return Path(message["executable"])
    raise CannotCount("the build made no binary `instructions`")


def kernels(binary: Path) -> dict[str, int]:
    """The kernels, and the rows that each goes over."""
    listed = subprocess.run([binary], capture_output=True, text=True, check=True).stdout
    return {name: int(rows) for name, rows in (line.split("\t") for line in listed.splitlines())}


def instructions(binary: Path, kernel: str) -> int:
    """Executed inside `counted`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", "--toggle-collect=*::counted*", f"--callgrind-out-file={out}"]
        done = subprocess.run([*command, str(binary), kernel], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CannotCount(f"{kernel}: {done.stderr[-500:]}")
        found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE)
    if found is None or int(found[1]) == 0:
        raise CannotCount(f"{kernel}: nothing was counted; is `counted` still a function of its own?")
    return int(found[1])


def compare(table: dict[str, Known], counted: dict[str, float]) -> list[str]:
    """Prints a line a kernel; gives the kernels that got worse, or that the table does not know."""
    worse = []
    print(f"{'kernel':<20}{'instructions a row':>20}{'before':>14}{'change':>9}")
    for kernel, count in counted.items():
        known = table.get(kernel)
        if known is None:
            print(f"{kernel:<20}{count:>20,.1f}{'':>14}      new")
            worse.append(kernel)
            continue
        change = 100 * (count / known.instructions_a_row - 1)
        verdict = "  worse" if change > known.tolerance_percent else ""
        verdict = "  better: --update" if change < -known.tolerance_percent else verdict
        print(f"{kernel:<20}{count:>20,.1f}{known.instructions_a_row:>14,.1f}{change:>+8.1f}%{verdict}")
        if change > known.tolerance_percent:
            worse.append(kernel)
    return worse


def run(a: argparse.Namespace) -> int:
    if shutil.which("valgrind") is None:
        raise CannotCount("valgrind is not installed (Debian: apt-get install valgrind); nothing was counted")
    binary = a.binary or build()
    rows = kernels(binary)
    unknown = set(a.kernels or []) - set(rows)
    if unknown:
        raise CannotCount(f"no kernel {', '.join(sorted(unknown))}; there are {', '.join(rows)}")
    chosen = [kernel for kernel in rows if not a.kernels or kernel in a.kernels]
    with ThreadPoolExecutor(a.jobs) as pool:
        totals = pool.map(lambda kernel: instructions(binary, kernel), chosen)
        counted = {kernel: total / rows[kernel] for kernel, total in zip(chosen, totals, strict=True)}
    table = read_table()
    worse = compare(table, counted)
    if not a.update:
        return 1 if worse else 0
    for kernel, count in counted.items():
        table[kernel] = Known(count, table[kernel].tolerance_percent if kernel in table else TOLERANCE_PERCENT)
    write_table({kernel: table[kernel] for kernel in rows if kernel in table})
    return 0


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--update", action="store_true", help="write the table instead of judging by it")
    p.add_argument("--kernels", nargs="+", help="only these")
    p.add_argument("--binary", type=Path, help="a release build of `instructions`, instead of building it")
    p.add_argument("--jobs", type=int, default=os.cpu_count(), help="kernels at a time")
    try:
        sys.exit(run(p.parse_args()))
    except CannotCount as e:
        print(f"instructions: {e}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
