"""Plant faults on purpose, one at a time, in a copy of the checkout, and see that a test notices.

    make faults ONLY="recurrence ngrams"
    python tools/faults.py [--only WORD ...]

tests/faults.toml has a row for each: a line as it is, the line with a fault, and the tests that
should notice. A row is left out unless its file or what it says has one of the words. The tests
are first run without a fault, as a test that fails anyway notices nothing. The working tree is
left alone.

The tests run in forks of one process, on Linux or macOS. The exit status is 1 if nothing noticed a
fault, or a row doesn't fit the code any more.
"""

import argparse
import contextlib
import dataclasses
import importlib
import os
import re
import shutil
import signal
import sys
import tempfile
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = "tests/faults.toml"
COPIED = (
    "benchmarks",
    "data",
    "docs",
    "gru_tf",
    "tests",
    "tools",
    "*.py",
    "*.toml",
    "*.md",
    "*.txt",
    "Makefile",
)
LIMIT = 300  # seconds for the tests of a row, which take a tenth of it
NOTICED, UNNOTICED, NOT_RUN, BROKEN = "noticed", "NOT NOTICED", "not run", "BROKEN"


@dataclasses.dataclass(frozen=True)
class Fault:
    """A row of the table: what is wrong with a line of a file, and who should notice."""

    says: str
    file: str
    line: str
    fault: str
    tests: list

    def planted(self, text):
        """Return the text of the file with the fault in it.

        Raises:
            ValueError: If the line isn't there exactly once.
        """
        lines = text.splitlines(keepends=True)
        places = [i for i, line in enumerate(lines) if line.strip() == self.line]
        if len(places) != 1:
            raise ValueError(
                f"The line must be in {self.file} once, and is there {len(places)} times: "
                f"{self.line!r}. Bring the row {self.says!r} of {TABLE} up to date."
            )
        [i] = places
        lines[i] = lines[i].replace(self.line, self.fault)
        return "".join(lines)


def read_table():
    """Return the faults of the table."""
    return [Fault(**row) for row in _table()["fault"]]


def load_libraries():
    """Import what the tests would each import again, which takes longer than most of them."""
    sys.dont_write_bytecode = True  # or what was compiled of a fault may stand for what was mended
    os.environ |= {"PYTHONDONTWRITEBYTECODE": "1", "KERAS_BACKEND": "tensorflow"}
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    shown = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # TensorFlow says that there is no GPU
        os.dup2(nowhere.fileno(), 2)
    try:
        for name in _table().get("libraries", []):
            with contextlib.suppress(ImportError):  # of an extra
                importlib.import_module(name)
    finally:
        os.dup2(shown, 2)


def _table():
    return tomllib.loads((ROOT / TABLE).read_text(encoding="utf-8"))


def copy_checkout(root, folder):
    """Copy what the tests need, without what was compiled."""
    for pattern in COPIED:
        for path in root.glob(pattern):
            if path.is_dir():
                shutil.copytree(
                    path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__")
                )
            else:
                shutil.copy2(path, folder)


def run_tests(folder, tests, limit=LIMIT):
    """Run tests of a copy up to the first that fails; return exit status and output.

    They run in a fork of this process, in which the large libraries are loaded already.
    """
    said = folder / "said.txt"
    child = os.fork()
    if not child:
        with said.open("wb", buffering=0) as stream:
            os.setsid()  # so that all that the tests start can be stopped with them
            os.dup2(stream.fileno(), 1)
            os.dup2(stream.fileno(), 2)
        os._exit(_be_pytest(folder, tests))
    end = None if limit is None else time.monotonic() + limit
    try:
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            if end and time.monotonic() > end:
                return None, ""
            time.sleep(0.05)
        child = None
        return os.waitstatus_to_exitcode(ended[1]), said.read_text("utf-8", errors="replace")
    finally:
        if child:
            for stop in (os.killpg, os.kill):  # it may have no group of its own yet
                with contextlib.suppress(ProcessLookupError):
                    stop(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _be_pytest(folder, tests):
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(folder)  # of processes that the tests start
    here = {str(ROOT), str(ROOT / "tools"), ""}
    sys.path[:] = [str(folder), *(path for path in sys.path if path not in here)]
    import pytest

    options = ["-x", "-q", "-p", "no:cacheprovider", "--tb=short", "--show-capture=no"]
    status = pytest.main([*options, *tests])
    sys.stdout.flush()
    return int(status)


def verdict(status, output):
    """Return what a run of tests says about a fault, and the reason in words."""
    if status is None:
        return BROKEN, f"its tests don't end within {LIMIT} s"
    if status == 1:
        failed = re.search(r"^(?:FAILED|ERROR) (\S+?\.py)(?:::(\w+))?", output, re.MULTILINE)
        return NOTICED, (failed[2] or failed[1]) if failed else "a test"
    if status < 0:  # as a library does that ends the process in place of an error
        return NOTICED, f"the process dies of {signal.Signals(-status).name}"
    if status == 2 and "error" in output and "during collection" in output:
        return NOTICED, "the import of a test"
    if status in (0, 5) and not re.search(r"\b\d+ passed", output):
        return NOT_RUN, "its tests are skipped here" if status == 0 else "it names no test"
    if status == 0:
        return UNNOTICED, "its tests pass with it"
    return BROKEN, (output.strip().splitlines() or ["pytest could not run its tests"])[-1]


def try_fault(fault, folder):
    """Plant a fault in the copy, run its tests, mend it; return the verdict and the reason."""
    path = folder / fault.file
    try:
        text = path.read_text(encoding="utf-8")
        planted = fault.planted(text)
    except (OSError, ValueError) as error:
        return BROKEN, str(error)
    path.write_text(planted, encoding="utf-8")
    try:
        return verdict(*run_tests(folder, fault.tests))
    finally:
        path.write_text(text, encoding="utf-8")


def tabulate(rows, total):
    """Return the lines of a table of (fault, verdict, reason, seconds), with a sum below it."""
    width = max((len(fault.file) for fault, *_ in rows), default=0)
    lines = [
        f"{fault.file:<{width}}  {word:<11}  {seconds:4.0f} s  {fault.says}: {reason}"
        for fault, word, reason, seconds in rows
    ]
    words = [word for _, word, *_ in rows]
    counted = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    return [*lines, f"{len(rows)} of {total} faults tried: {counted or 'none'}"]


def search(faults, folder):
    """Try the faults in a copy of the checkout, and return the exit status."""
    tests = list(dict.fromkeys(test for fault in faults for test in fault.tests))
    print(f"{len(faults)} faults. First their {len(tests)} tests without a fault ...", flush=True)
    start = time.monotonic()
    status, output = run_tests(folder, tests, limit=None)
    print(f"{time.monotonic() - start:.0f} s: {output.strip().splitlines()[-1]}", flush=True)
    if status != 0:
        print(output)
        print("Without a fault the tests must pass, or what they notice means nothing.")
        return 1
    rows = []
    try:
        for number, fault in enumerate(faults, 1):
            start = time.monotonic()
            word, reason = try_fault(fault, folder)
            rows.append((fault, word, reason, time.monotonic() - start))
            left = f"{number} of {len(faults)} done, {len(faults) - number} left"
            print(f"{left} | {word} | {fault.says}: {reason}", flush=True)
    finally:
        print("\n" + "\n".join(tabulate(rows, len(faults))), flush=True)
    return int(any(word in (UNNOTICED, BROKEN) for _, word, *_ in rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="WORD", help="rows with one of these words")
    options = parser.parse_args()
    faults = read_table()
    if options.only:
        words = [word.lower() for word in options.only]
        faults = [f for f in faults if any(w in f"{f.file} {f.says}".lower() for w in words)]
        if not faults:
            parser.error(f"no row of {TABLE} has one of these words: {' '.join(options.only)}")
    for name in ("SIGTERM", "SIGHUP"):  # as for Ctrl-C
        signal.signal(getattr(signal, name), signal.default_int_handler)
    load_libraries()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        copy_checkout(ROOT, Path(folder))
        return search(faults, Path(folder))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted: the copy is removed, the working tree is as it was")
