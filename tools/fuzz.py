"""Draw calls of the layers at random, compare each with Keras', and store those that differ.

    make fuzz MINUTES=30
    python tools/fuzz.py [--minutes 30] [--seed 0]

A finding is shrunk by hypothesis to its simplest form and appended to tests/findings.json,
which the tests run from then on. The exit status says how many there were. The calls run in
a process of their own, and after some rounds in a new one: what TensorFlow compiles for
one call stays in its memory.
"""

import argparse
import json
import multiprocessing
import os
import random
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402

from differential import calls, check  # noqa: E402
from gru_tf.atomic import replacing  # noqa: E402
from gru_tf.checks import number_from  # noqa: E402
from gru_tf.commands import run_command  # noqa: E402

FINDINGS = TESTS / "findings.json"
ROUND = 25  # calls between two looks at the clock
ROUNDS = 5  # in a process, which grows by some 400 MB a round


def search(number):
    """Run one round of calls; return the simplest that failed with what it said, or None."""
    failed = []

    @seed(number)
    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(calls)
    def run(call):
        try:
            check(call)
        except AssertionError as error:
            failed.append((call, str(error).splitlines()[0]))
            raise

    try:
        run()
    except AssertionError:
        return failed[-1]
    return None


def store(call, sentence):
    """Append a call to the findings, unless it is there, and print what is wrong with it."""
    stored = json.loads(FINDINGS.read_text())
    if call not in stored:
        with replacing(FINDINGS) as unfinished:
            unfinished.write_text(json.dumps([*stored, call], indent=2) + "\n")
    print(f"{sentence}\n  {call}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=number_from(0, float), default=30)
    parser.add_argument("--seed", type=number_from(0), help="of the first round; default random")
    options = parser.parse_args()
    number = random.randrange(2**32) if options.seed is None else options.seed
    found, rounds = 0, 0
    end = time.monotonic() + 60 * options.minutes
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=ROUNDS) as process:
        try:
            while time.monotonic() < end:
                finding = process.submit(search, number + rounds).result()
                rounds += 1
                if finding:
                    found += 1
                    store(*finding)
                print(f"{rounds} rounds, {found} findings", file=sys.stderr, flush=True)
        except BaseException:  # Ctrl-C would wait for the end of a round
            for child in multiprocessing.active_children():
                child.kill()
            raise
    print(f"rounds of {ROUND} calls: {rounds}, findings: {found}")
    return min(found, 100)


if __name__ == "__main__":
    run_command(main)
