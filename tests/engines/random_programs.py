#!/usr/bin/env python3
"""Random programs that emit, from those of `twc random`, whose outputs are labels.

    random_programs.py TWC N SEED FOLDER      FOLDER gets 0.tw, 1.tw, …

One of the outputs says which letter comes next: 'a' where it is above a number or true."""

import json
import os
import random
import re
import subprocess
import sys


def emitting(program: str, rand: random.Random) -> str:
    """The program with one of its values emitted, in a context of another length."""
    kept = [line for line in program.splitlines() if not line.startswith("output ")]
    names = re.findall(r"^output (v\d+) = v\d+$", program, re.M)
    context = rand.choice([16, 40, 100, 250])
    text = "\n".join(kept).replace("context 16", f"context {context}")
    if not names:
        return ""
    name = rand.choice(names)
    above = f"int({name}) > {rand.randint(0, 4)}"
    return f"{text}\nemit if {above} then 'a' else if token == 'a' then 'c' else 'b'\n"


def main() -> None:
    twc, count, seed, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    rand = random.Random(seed)
    lines = subprocess.run([twc, "random", "-n", str(3 * count), "--size", "9", "--depth", "4",
                            "--seed", str(seed)], check=True, text=True,
                           capture_output=True).stdout.splitlines()
    written = 0
    for line in lines:
        text = emitting(json.loads(line)["program"], rand)
        if text and written < count:
            with open(os.path.join(folder, f"{written}.tw"), "w", encoding="utf-8") as f:
                f.write(text)
            written += 1


if __name__ == "__main__":
    main()
