"""Build a wheel, install it in an empty environment of its own, and use each part of the package.

    python tools/wheel.py

In the checkout everything is found because it lies there; what a reader installs may
lack a folder or the data. So each module and data file must be in the wheel, and each
wing must load what it is there for, away from the checkout.
"""

import os
import shutil
import sys
import venv
import zipfile
from pathlib import Path

import pins
from gru_tf.commands import run_command
from pins import run

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "wheel"
DATA = {".csv", ".gz", ".npz", ".json", ".md", ".txt"}

# One use of each wing.
USES = {
    "gru_tf": "import keras, gru_tf; gru_tf.GRU(2)(keras.ops.ones((1, 3, 1)))",
    "gru_tf.equations": "from gru_tf.equations import GRUWeights; GRUWeights.random(2, 3, seed=0)",
    "gru_tf.models": "from gru_tf.models import build_tabular_regressor as build; build(3)",
    "gru_tf.text": "from gru_tf.text import TextToWordIds; TextToWordIds(['a'], 5)",
    "gru_tf.datasets": "from gru_tf.datasets import load_boston_housing; load_boston_housing()",
    "gru_tf.tuning": "from gru_tf.tuning import make_tuner, price",
    "gru_tf.plots": "from gru_tf.plots import plot_history; plot_history({'loss': [2, 1]})",
    "gru_tf.exercises": "from gru_tf.exercises import lesson_01",
    "gru_tf.interactive": "from gru_tf.interactive import GatePanel; GatePanel()._repr_html_()",
}


def build_wheel():
    shutil.rmtree(FOLDER, ignore_errors=True)
    run(sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--wheel-dir", FOLDER, ROOT)
    [wheel] = FOLDER.glob("*.whl")
    return wheel


def missing(wheel):
    """Return the modules and data files of the checkout that the wheel has not."""
    packed = set(zipfile.ZipFile(wheel).namelist())
    modules = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "gru_tf").rglob("*")
        if path.suffix in (".py", ".js")
    ]
    data = [
        f"gru_tf/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "data").rglob("*")
        if path.suffix in DATA
    ]
    return sorted({*modules, *data} - packed)


def install(wheel):
    """Return the Python of a new environment with the wheel and all that it requires, as pinned."""
    folder = FOLDER / "environment"
    uv = pins.find_uv()
    venv.create(folder, with_pip=uv is None)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if uv:
        installer = [uv, "pip", "install", "--quiet", "--python", python]
    else:
        installer = [python, "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    # Without the checksums, which the wheel itself has none of.
    locked = [
        f"{name}=={version} ; {marker}" if marker else f"{name}=={version}"
        for name, version, marker in pins.locked(ROOT / "requirements.lock")
    ]
    constraints = FOLDER / "constraints.txt"
    constraints.write_text("\n".join(locked) + "\n")
    run(*installer, "--constraint", constraints, wheel)
    return python


def has(name):
    """Return whether the checkout has a module or a package of that name."""
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def main():
    wheel = build_wheel()
    if left_out := missing(wheel):
        sys.exit(f"Not in the wheel, see [tool.setuptools] in pyproject.toml: {left_out}")
    python = install(wheel)
    elsewhere = {**os.environ, "MPLBACKEND": "agg", "TF_CPP_MIN_LOG_LEVEL": "3"}
    elsewhere.pop("PYTHONPATH", None)
    uses = [use for name, use in USES.items() if has(name)]
    code = "\n".join([*uses, "print(gru_tf.__file__)"])
    place = Path(run(python, "-c", code, cwd=FOLDER, env=elsewhere).strip())
    assert place.is_relative_to(FOLDER), place
    print(f"{wheel.name} has all of it, and {len(uses)} parts of it work where it is installed")
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    run_command(main)
