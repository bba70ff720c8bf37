"""Results of long comparisons: written, resumed, and traced to the code that made them.

    python benchmarks/results.py                 list the files, and which are older than their code
    python benchmarks/results.py --rerun         run again what is (make results)
    python benchmarks/results.py --excuse "why"  put what is on the list benchmarks/stale.json
    python benchmarks/results.py --seal          write the checksums of files that git has merged

Every file of data/results says which command wrote which rows, from which commit, and holds a
fingerprint of each source that the rows depend on. A row is stale once one of these has changed.
A test fails on stale rows unless their file is on the list, with the reason. A source whose
numbers are those of an earlier one is in benchmarks/same.json, with what shows it: the earlier
one's rows are not stale, unless they are of time and it is not listed there as being as fast too,
as it is where what is timed has not changed. A file also holds a checksum of what it says, without
which, or with another, `load_results` refuses it.
"""

import argparse
import ast
import dataclasses
import datetime
import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import filelock

from gru_tf.atomic import replacing
from gru_tf.commands import run_command
from gru_tf.datasets import files
from gru_tf.datasets.results import checksum

ROOT = Path(__file__).resolve().parents[1]
EXCUSES = Path(__file__).with_name("stale.json")
SAME = Path(__file__).with_name("same.json")

_REVIEWS = (
    "gru_tf/datasets/batches.py",
    "gru_tf/datasets/reviews.py",
    "gru_tf/text/vocabulary.py",
)
_GRU = ("gru_tf/layers.py", "gru_tf/recurrence.py", "gru_tf/models/sentiment.py")
_FORECASTS = (
    "gru_tf/datasets/series.py",
    "gru_tf/datasets/windows.py",
    "gru_tf/layers.py",
    "gru_tf/models/sequences.py",
    "gru_tf/recurrence.py",
)
_VECTORS = ("gru_tf/text/vectors.py",)
_MIN_GRU = (
    "gru_tf/layers.py",
    "gru_tf/min_gru.py",
    "gru_tf/min_recurrence.py",
    "gru_tf/recurrence.py",
)
_TRANSLATION = (
    "gru_tf/datasets/translation.py",
    "gru_tf/layers.py",
    "gru_tf/models/translation.py",
    "gru_tf/recurrence.py",
    "gru_tf/text/decoding.py",
    "gru_tf/text/dictionary.py",
    "gru_tf/text/vocabulary.py",
)
_MUSIC = (
    "gru_tf/datasets/batches.py",
    "gru_tf/datasets/music.py",
    "gru_tf/layers.py",
    "gru_tf/models/music.py",
    "gru_tf/models/text.py",
    "gru_tf/recurrence.py",
    "gru_tf/text/memory.py",
    "gru_tf/text/ngrams.py",
    "gru_tf/text/perplexity.py",
)
_SEARCH = (
    "gru_tf/tuning/builders.py",
    "gru_tf/tuning/make.py",
    "gru_tf/tuning/oracles.py",
    "gru_tf/tuning/pricing.py",
)


@dataclasses.dataclass(frozen=True)
class Origin:
    """What makes a file of results: a command, a function of its script, and other sources."""

    command: str
    function: str
    sources: tuple
    of_time: bool = False  # whether what it says is how long something takes

    def fingerprints(self):
        """Return the fingerprint of each source, by its path."""
        script = self.command.split()[1]
        found = {script: fingerprint(ROOT / script, self.function)}
        return found | {source: fingerprint(ROOT / source) for source in self.sources}


ORIGINS = {
    f"imdb_{table}": Origin(
        f"python benchmarks/sentiment.py {table}", table, _REVIEWS + _GRU + more
    )
    for table, more in {
        "padding": (),
        "read_out": (),
        "layers": (),
        "regularisation": (),
        "recurrent_dropout": (),
        "batch_size": (),
        "optimisers": (),
        "transfer": _VECTORS,
        "transfer_pairs": (),
        "best": _VECTORS,
        "word_order": _VECTORS,
    }.items()
} | {
    "imdb_race": Origin("python benchmarks/imdb.py race", "race", _REVIEWS + _GRU, of_time=True),
    "imdb_cost": Origin("python benchmarks/imdb.py cost", "cost", _REVIEWS + _GRU, of_time=True),
    "signals": Origin(
        "python benchmarks/signals.py",
        "signals",
        (
            "gru_tf/datasets/signals.py",
            "gru_tf/layers.py",
            "gru_tf/models/sequences.py",
            "gru_tf/recurrence.py",
        ),
    ),
    "tuning": Origin("python benchmarks/tuning.py search", "search_all", _REVIEWS + _GRU + _SEARCH),
    "tuning_price": Origin(
        "python benchmarks/tuning.py price", "price_both", _REVIEWS + _GRU + _SEARCH, of_time=True
    ),
    "tuning_published": Origin(
        "python benchmarks/tuning.py published --reviews 4000 --maxlen 80",
        "run_published",
        _REVIEWS + _GRU + _VECTORS + _SEARCH + ("benchmarks/sentiment.py",),
    ),
    "parallel_speed": Origin(
        "python benchmarks/parallel.py speed", "time_lengths", _MIN_GRU, of_time=True
    ),
    "parallel_tasks": Origin("python benchmarks/parallel.py tasks", "tasks", _MIN_GRU),
    "parallel_reviews": Origin(
        "python benchmarks/parallel.py reviews", "reviews", _REVIEWS + _MIN_GRU
    ),
    "language": Origin(
        "python benchmarks/language.py",
        "language",
        (
            "gru_tf/layers.py",
            "gru_tf/models/text.py",
            "gru_tf/recurrence.py",
            "gru_tf/text/ngrams.py",
            "gru_tf/text/perplexity.py",
            "gru_tf/text/sampling.py",
            "gru_tf/text/vocabulary.py",
        ),
    ),
    "music": Origin("python benchmarks/music.py", "music", _MUSIC),
    "music_phrases": Origin("python benchmarks/music.py phrases", "phrases", _MUSIC),
    "translation": Origin("python benchmarks/translation.py", "plan", _TRANSLATION),
    "translation_phrases": Origin(
        "python benchmarks/translation.py phrases",
        "phrases",
        (
            "benchmarks/phrases.py",
            "gru_tf/datasets/translation.py",
            "gru_tf/text/dictionary.py",
            "gru_tf/text/ngrams.py",
            "gru_tf/text/vocabulary.py",
        ),
    ),
    "translation_early": Origin("python benchmarks/translation.py early", "early", _TRANSLATION),
    "forecasting": Origin("python benchmarks/forecasting.py", "plan", _FORECASTS),
}


def fingerprint(path, function=None):
    """Return a hash of a source: of its lines, but for those that change no result.

    These are comments, docstrings, empty lines, and what refuses bad input: `raise`, calls of a
    check imported from `gru_tf.checks` whose value is not used, and an `if` or a `for` with
    nothing else inside.

    Args:
        path: A Python file.
        function: Name of a function of it. Then only the top-level definitions count that it
            reaches, so that a change to one table of a script leaves the others as they are.
    """
    text = path.read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    nodes = tree.body if function is None else _reached(tree, function)
    kept = {number for node in nodes for number in _lines(node)}
    for node in ast.walk(tree):
        documented = ast.Module | ast.ClassDef | ast.FunctionDef
        if isinstance(node, documented) and ast.get_docstring(node) is not None:
            kept -= set(_lines(node.body[0]))
        elif _refuses(node, tree):
            kept -= set(_lines(node))
    code = [lines[number - 1].strip() for number in sorted(kept)]
    code = [line for line in code if line and not line.startswith("#")]
    return hashlib.sha256("\n".join(code).encode()).hexdigest()[:12]


def _refuses(node, tree):
    """Return whether a statement does nothing but refuse bad input, or imports what does."""
    if isinstance(node, ast.If | ast.For) and not node.orelse:
        return all(_refuses(inner, tree) for inner in node.body)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        called = getattr(node.value.func, "id", None)
        imports = [n for n in tree.body if _imports_checks(n)]
        return called in {alias.name for n in imports for alias in n.names}
    return isinstance(node, ast.Raise) or _imports_checks(node)


def _imports_checks(node):
    return isinstance(node, ast.ImportFrom) and node.module == "gru_tf.checks"


def _lines(node):
    first = min([node.lineno, *(n.lineno for n in getattr(node, "decorator_list", []))])
    return range(first, node.end_lineno + 1)


def _reached(tree, function):
    """Return the top-level statements that define what a function uses, itself among them."""
    defined_by = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names = [(alias.asname or alias.name).split(".")[0] for alias in node.names]
        else:
            names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
            names = names if isinstance(node, ast.Assign | ast.AnnAssign) else []
        for name in names:
            defined_by.setdefault(name, node)
    if function not in defined_by:
        raise ValueError(f"There is no function {function!r}, but {sorted(defined_by)}.")
    reached, waiting = [], [function]
    while waiting:
        node = defined_by.get(waiting.pop())
        if node is not None and node not in reached:
            reached.append(node)
            waiting += [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    return reached


def write_results(name, command, rows, made_now=None):
    """Write rows, with the command that makes them, today's date, the machine and their origin.

    Args:
        name: The file's name in `data/results`, without `.json`.
        command: The command that makes the whole file. What was typed is kept beside it.
        rows: A list of dicts, one a run.
        made_now: Indices of the rows that this run has made; None stands for those that the file
            did not hold before. The others keep the origin that they had.

    Returns:
        The path of the file.
    """
    path = files.data_folder() / "results" / f"{name}.json"
    before = _read(name)
    if made_now is None:
        made_now = [i for i, row in enumerate(rows) if row not in before["rows"]]
    packages = ("tensorflow", "keras", "numpy")
    machine = {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "versions": {
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in packages},
        },
    }
    results = {
        "command": command,
        "date": str(datetime.date.today()),
        "machine": machine,
        "origins": _origins(name, rows, set(made_now), before),
        "rows": rows,
    }
    _write(path, _as_text(results))
    return path


def _as_text(results):
    """Return the text of a file, with its checksum.

    One origin and one row a line: who regenerates the file sees in a diff what has changed.
    """
    lists = {"origins": results.get("origins", []), "rows": results["rows"]}
    head = {key: value for key, value in results.items() if key not in (*lists, "sha256")}
    parts = [json.dumps(head, indent=1).removesuffix("\n}")]
    for key, items in lists.items():
        lines = ",\n".join("  " + json.dumps(item) for item in items)
        parts.append(f' "{key}": [\n{lines}\n ]')
    read_back = json.loads(",\n".join(parts) + "}")
    return ",\n".join([*parts, f' "sha256": "{checksum(read_back)}"\n}}\n'])


def _write(path, text):
    with replacing(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def seal():
    """Write the checksums of files whose own is missing or wrong, and return their names."""
    sealed = []
    for path in sorted((files.data_folder() / "results").glob("*.json")):
        results = json.loads(path.read_text(encoding="utf-8"))
        if results.get("sha256") != checksum(results):
            _write(path, _as_text(results))
            sealed.append(path.stem)
    return sealed


def _origins(name, rows, made_now, before):
    """Return the origins of the rows: those of the file for what it held, and this run's."""
    found = []
    for origin in before.get("origins", []):
        old = [before["rows"][i] for i in origin["rows"]]
        kept = [i for i, row in enumerate(rows) if i not in made_now and row in old]
        found.append(origin | {"rows": kept})
    now = {
        "command": shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "date": str(datetime.date.today()),
        "commit": _commit(),
        "code": ORIGINS[name].fingerprints() if name in ORIGINS else {},
    }
    for origin in found:
        if all(origin[key] == now[key] for key in now):
            origin["rows"] = sorted({*origin["rows"], *made_now})
            break
    else:
        found.append(now | {"rows": sorted(made_now)})
    return [origin for origin in found if origin["rows"]]


def _commit():
    """Return the commit that the code is at, with a + where a source differs from it."""
    try:
        run = [["git", "rev-parse", "--short=8", "HEAD"], ["git", "diff", "HEAD", "--", "*.py"]]
        said = [subprocess.run(c, cwd=ROOT, capture_output=True, text=True).stdout for c in run]
    except OSError:  # without git
        return ""
    return said[0].strip() + ("+" if said[1] else "")


def _processor():
    """Return the name of the processor, where the system tells it."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def run_table(name, plan, run_one, only=None, anew=False):
    """Run the rows of a table that are missing or stale, and write the file after each.

    Args:
        name: The file's name in `data/results`, without `.json`.
        plan: A list of (settings, run): a dict that says which row it is, and its function.
        run_one: Called with run and settings; returns the row, with the settings in it.
        only: A dict: rows whose settings differ from it are left as they are.
        anew: Whether to run rows that are not stale as well.
    """
    stored = _read(name)
    old = {i for i, _ in stale_rows(name, stored)}
    for number, (settings, run) in enumerate(plan):
        found = _find(settings, stored["rows"])
        wanted = (only or {}).items() <= settings.items()
        if wanted and (anew or found is None or found in old):
            row = run_one(run, settings)
            print(name, row, flush=True)
            _put(name, [settings for settings, _ in plan], number, row)


def _read(name):
    path = files.data_folder() / "results" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"rows": []}


def _find(settings, rows):
    """Return the index of the row with these settings, or None."""
    return next((i for i, row in enumerate(rows) if settings.items() <= row.items()), None)


def _put(name, plan, number, row):
    """Write a row to its place in the file, which is read anew: another part may be running."""
    (ROOT / "build").mkdir(exist_ok=True)
    with filelock.FileLock(ROOT / "build" / f"results_{name}.lock"):
        stored = _read(name)["rows"]
        found = {n: _find(settings, stored) for n, settings in enumerate(plan)}
        rows = {n: stored[i] for n, i in found.items() if i is not None} | {number: row}
        order = sorted(rows)
        rows, now = [rows[n] for n in order], [order.index(number)]
        write_results(name, ORIGINS[name].command, rows, made_now=now)


def stale_rows(name, results):
    """Return pairs of a row's index and what is wrong with its origin."""
    current = ORIGINS[name].fingerprints() if name in ORIGINS else {}
    same = _same(of_time=name in ORIGINS and ORIGINS[name].of_time)
    found = {}
    for origin in results.get("origins", []):
        code = {path: same.get((path, was), was) for path, was in origin["code"].items()}
        changed = [path for path, was in code.items() if current.get(path) != was]
        changed += [path for path in current if path not in code]
        if not origin["code"]:
            changed = ["the fingerprints of sources"]
        found |= {i: ", ".join(dict.fromkeys(changed)) for i in origin["rows"]}
    silent = {i: "the notes of origins" for i in range(len(results["rows"])) if i not in found}
    return sorted((i, what) for i, what in (found | silent).items() if what)


def _same(of_time):
    """Return {(path, an earlier fingerprint): that of the source with the same numbers}.

    Where a script writes several tables, the path is followed by the name of the table.
    """
    listed = json.loads(SAME.read_text(encoding="utf-8"))
    return {
        (path.split()[0], was): one["now"]
        for path, one in listed.items()
        for was in one["before"]
        if not of_time or was in one.get("as_fast", [])
    }


def stale_files():
    """Return, for each file of results that is older than its code, a sentence that says so."""
    found = {}
    for path in sorted((files.data_folder() / "results").glob("*.json")):
        results = json.loads(path.read_text(encoding="utf-8"))
        if path.stem not in ORIGINS:
            found[path.stem] = "ORIGINS in benchmarks/results.py does not say what makes it"
        elif old := stale_rows(path.stem, results):
            what = sorted({part for _, whats in old for part in whats.split(", ")})
            share = f"{len(old)} of {len(results['rows'])} rows"
            found[path.stem] = f"{share} are older than {', '.join(what)}"
    return found


def excuses():
    """Return the list of files that may be stale for now: name -> reason."""
    return json.loads(EXCUSES.read_text(encoding="utf-8")) if EXCUSES.is_file() else {}


def write_excuses(reasons):
    _write(EXCUSES, json.dumps(reasons, indent=1, sort_keys=True) + "\n")


def as_markdown(heads, rows):
    """Return a Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rerun", action="store_true", help="run again what is stale")
    parser.add_argument("--excuse", metavar="WHY", help="list what is stale, with this reason")
    parser.add_argument("--seal", action="store_true", help="write checksums that are wrong")
    options = parser.parse_args()
    if options.seal:
        print("sealed:", *seal())
    found = stale_files()
    if options.rerun:
        for name in found:
            if name in ORIGINS:
                command = shlex.split(ORIGINS[name].command)[1:]
                if subprocess.run([sys.executable, *command], cwd=ROOT).returncode:
                    sys.exit(f"Stopped, see above: {ORIGINS[name].command}. What it wrote is kept.")
                write_excuses({k: v for k, v in excuses().items() if k != name})
        found = stale_files()
    if options.excuse:
        known = excuses()
        write_excuses({name: known.get(name, options.excuse) for name in found})
    for name, sentence in found.items():
        print(f"{name}: {sentence}.", excuses().get(name, "NOT EXCUSED"))
    print(
        f"{len(found)} of {len(list((files.data_folder() / 'results').glob('*.json')))} are stale"
    )
    return int(bool(set(found) - set(excuses())))


if __name__ == "__main__":
    run_command(main, "Stopped: the same command goes on from here.")
