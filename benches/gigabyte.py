#!/usr/bin/env python3
"""Put a gigabyte of messages through `haechi convert` and tell how long it took and how much memory it held.

    python3 benches/gigabyte.py --haechi target/release/haechi          # all inputs; exit code 1 if one held too much
    python3 benches/gigabyte.py --haechi ... --megabytes 100 awmds      # less, of one

Each input is a sample under $HAECHI_SHARED (default ../shared) repeated under new references, one interchange or document of
a gigabyte: `paxlst`; `warned`, the same with a warning in every list; `refused`, with every list set aside; `awmds`.

Exit codes: 0 none held more than 200 MB; 1 one did; 2 it could not be measured, or what came of it is not what should.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BAR_MEGABYTES = 200
SAMPLES = Path(os.environ.get("HAECHI_SHARED", "../shared")) / "data/messages/synthetic"


def repeated(head, unit, tail):
    """Writes numbered units between head and tail; returns how many."""

    def write(file, size):
        file.write(head)
        written = n = 0
        while written < size:
            text = unit(n)
            file.write(text)
            written += len(text)
            n += 1
        file.write(tail(n))
        return n

    return write


def interchange(unit_of):
    text = (SAMPLES / "paxlst_15b_745_everything.edi").read_text()
    start, end = text.index("UNH+"), text.index("UNE+")
    head, message, tail = text[:start], text[start:end], text[end:]
    return repeated(head, unit_of(message), lambda n: re.sub(r"UNE\+\d+", f"UNE+{n}", tail))


def paxlst(message):
    opening = re.match(r"UNH\+[^+]*", message).group()
    closing = re.search(r"(UNT\+\d+\+)[^']*", message)
    return lambda n: message.replace(opening, f"UNH+{n}", 1).replace(closing.group(), f"{closing.group(1)}{n}", 1)


def warned(message):
    numbered = paxlst(message)
    return lambda n: re.sub(r"UNT\+\d+\+", "UNT+9999+", numbered(n), count=1)


def refused(message):
    numbered = paxlst(message)
    return lambda n: re.sub(r"TDT\+[^']*'\s*", "", numbered(n))


def awmds():
    text = (SAMPLES / "awmds_manifest.xml").read_text()
    opening, closing = "<Bol_segment>", "</Bol_segment>"
    bill = text[text.index(opening) : text.index(closing) + len(closing)]
    reference = re.search(r"<Bol_reference>(.*?)</Bol_reference>", bill).group(1)
    head, tail = text[: text.index(opening)], text[text.rindex(closing) + len(closing) :]
    return repeated(head, lambda n: bill.replace(reference, f"{reference}{n:07}"), lambda _: tail)


# How each is written, the exit code of the command, and whether something is told of every unit.
INPUTS = {
    "paxlst": (lambda: interchange(paxlst), 0, False),
    "warned": (lambda: interchange(warned), 0, True),
    "refused": (lambda: interchange(refused), 1, True),
    "awmds": (awmds, 0, False),
}


def measure(haechi, path):
    began = time.monotonic()
    command = [haechi, "convert", "--json", "--out", os.devnull, path]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        told = said.seek(0, os.SEEK_END)
    seconds = time.monotonic() - began
    return os.waitstatus_to_exitcode(status), seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1000, told


def measured(haechi, name, megabytes):
    write, expected, of_each = INPUTS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8", newline="") as file:
            n = write()(file, megabytes * 1_000_000)
        code, seconds, cpu, peak, told = measure(haechi, path)
    over = peak > BAR_MEGABYTES
    print(
        f"{name}: {megabytes} MB, {n} messages or bills, {seconds:.1f} s, {cpu:.1f} s of processor, "
        f"{peak:.0f} MB resident{' (TOO MUCH)' if over else ''}, {told / 1e6:.1f} MB told at the end",
        flush=True,
    )
    if code != expected:
        raise RuntimeError(f"{name}: exit code {code}, not {expected}")
    # A line of JSON a unit is longer than this.
    if told == 0 or (told > 20 * n) != of_each:
        raise RuntimeError(f"{name}: {told} bytes told of {n} units")
    return over


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--haechi", required=True, help="the program, built with --release")
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="; ".join(INPUTS))
    args = parser.parse_args()
    if unknown := [name for name in args.inputs if name not in INPUTS]:
        parser.error(f"no input {', '.join(unknown)}; there are {', '.join(INPUTS)}")
    return int(any([measured(args.haechi, name, args.megabytes) for name in args.inputs or INPUTS]))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, RuntimeError, ValueError) as error:
        print(f"gigabyte: {error}", file=sys.stderr)
        sys.exit(2)
