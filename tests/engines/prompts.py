#!/usr/bin/env python3
"""Prompts for a program: those of its tests, the same with a few tokens changed, and random ones.

    prompts.py PROGRAM.tw N SEED VOCAB.json      VOCAB.json: the tokens, a list

One a line; a program whose vocabulary has the line's end gets none with it."""

import json
import random
import re
import sys


def changed(rand: random.Random, tokens: list[str], text: str) -> str:
    letters = list(text)
    for _ in range(rand.randint(1, 3)):
        at, kind = rand.randint(0, len(letters)), rand.random()
        if kind < 0.4 and at < len(letters):
            letters[at] = rand.choice(tokens)
        elif kind < 0.7:
            letters.insert(at, rand.choice(tokens))
        elif at < len(letters):
            letters.pop(at)
    return "".join(letters)


def prompts(program: str, count: int, seed: int, vocab: list[str]) -> list[str]:
    rand = random.Random(seed)
    tokens = [t for t in vocab if "\n" not in t]
    with open(program, encoding="utf-8") as f:
        tests = re.findall(r'^test "([^"\\]+)" ->', f.read(), re.M)
    found = list(tests)[:count]
    while len(found) < count:
        if tests and rand.random() < 0.6:
            text = changed(rand, tokens, rand.choice(tests))
        else:
            text = "".join(rand.choice(tokens) for _ in range(rand.randint(1, 40)))
        if text:
            found.append(text)
    return found


if __name__ == "__main__":
    with open(sys.argv[4], encoding="utf-8") as f:
        print("\n".join(prompts(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), json.load(f))))
