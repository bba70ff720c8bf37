"""Write what a benchmark has measured: as data for the lessons, and as tables for docs/."""

import datetime
import json
import os
import platform
from importlib import metadata
from pathlib import Path

from gru_tf.datasets import files


def write_results(name, command, rows):
    """Write rows, a list of dicts, with the command that made them, today's date and the machine.

    Returns:
        The path of the file, `data/results/NAME.json`.
    """
    packages = ("tensorflow", "keras", "numpy")
    machine = {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "versions": {
            "python": platform.python_version(),
            **{package: metadata.version(package) for package in packages},
        },
    }
    results = {"command": command, "date": str(datetime.date.today()), "machine": machine}
    # One row a line: who regenerates the file sees in a diff what has changed.
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    head = json.dumps(results, indent=1).removesuffix("\n}")
    path = files.data_folder() / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{head},\n "rows": [\n{lines}\n ]\n}}\n', encoding="utf-8")
    return path


def _processor():
    """Return the name of the processor, where the system tells it."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def as_markdown(heads, rows):
    """Return a Markdown table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])
