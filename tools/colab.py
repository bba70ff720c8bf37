"""Run lessons, tests and saved models under the versions that Colab has, as Colab would.

    python tools/colab.py [--lessons 01 04] [--only lessons tests files] [--python python3.13]

requirements-colab.txt has the versions. They get an environment under build/colab, and each lesson
one of its own on top of it, with a stand-in for `google.colab` and nothing else: so a lesson has
what its first cell installs, from the address of a copy of this checkout, and nothing that another
lesson has installed. It runs in an empty folder. Outputs are not compared.

``tests`` are those of the package itself. ``files`` has models written here and read there, and
the other way round, see tools/saved.py. That an older Keras refuses what a newer one writes of an
initializer is counted apart and is no failure: docs/saving.md.
"""

import argparse
import contextlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from packaging.version import Version

import address
import notebooks
import pins
import setup_cell
from gru_tf.commands import run_command
from pins import run

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "colab"
PINS = ROOT / "requirements-colab.txt"
PARTS = ("lessons", "files", "tests")
TOLERANCE = 1e-5
# What Keras 3.15 writes of its own initializers, and Keras 3.13 doesn't know.
REFUSAL = "GlorotUniform.__init__() got an unexpected keyword argument 'input_axes'"
DESCRIBED = (".keras", "json")  # the kinds of file that hold Keras' description of a model
BIN = "Scripts" if os.name == "nt" else "bin"

# The tests of the package, without those of the tools, the documents and stored outputs.
LEFT_OUT = ["benchmarks", "browser", "repository"]
FOR_TESTS = ["pytest-xdist", "pytest-cov", "nbval", "hypothesis"]  # which Colab has not


def outside():
    """Return the variables of this process without those that would lead back to the checkout."""
    left = {"PYTHONPATH", "MPLBACKEND", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL"}
    kept = {name: value for name, value in os.environ.items() if name not in left}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3"}


def find_python(named=None):
    """Return the Python that is named, or the one that is nearest to Colab's."""
    for candidate in [named] if named else ["python3.13", "python3.12", sys.executable]:
        found = shutil.which(candidate)
        if found and not subprocess.run([found, "-V"], capture_output=True).returncode:
            return found
    sys.exit(f"{named} does not run")


def site_packages(folder):
    [found] = (
        [folder / "Lib/site-packages"] if os.name == "nt" else folder.glob("lib/*/site-packages")
    )
    return found


def installer(python):
    uv = pins.find_uv()
    if uv:
        return [uv, "pip", "install", "--quiet", "--only-binary", ":all:", "--python", python]
    return [python, "-m", "pip", "install", "-qq", "--only-binary", ":all:"]


def environment(python=None, torch=False):
    """Return the folder of an environment with Colab's versions; make it where it isn't current."""
    folder, python = FOLDER / ("with_torch" if torch else "environment"), find_python(python)
    complete = folder / "complete"
    lines = PINS.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if torch or not line.startswith("torch==")]
    wanted = "\n".join([run(python, "-V").strip(), *pins.as_list("\n".join(lines))])
    if not complete.exists() or complete.read_text(encoding="utf-8") != wanted:
        size = 7 if torch else 2
        print(
            f"Installing Colab's versions under build/colab, {size} GB, this once ...", flush=True
        )
        run(python, "-m", "venv", "--clear", folder)
        run(*installer(folder / BIN / "python"), *wanted.splitlines()[1:])
        complete.write_text(wanted, encoding="utf-8")
    return folder


def on_top(base, name, colab=True):
    """Return the Python of an empty environment that also has what is in `base`.

    What is installed in it comes first, and leaves `base` as it is.
    """
    folder = FOLDER / name
    run(base / BIN / "python", "-m", "venv", "--clear", "--without-pip", folder)
    packages = site_packages(folder)
    (packages / "colab.pth").write_text(f"{site_packages(base)}\n", encoding="utf-8")
    if colab:
        (packages / "google" / "colab").mkdir(parents=True)
        (packages / "google" / "colab" / "__init__.py").touch()
    return folder / BIN / "python"


def installed(folder):
    """Return the versions of what is installed in an environment, by name."""
    code = (
        "import importlib.metadata as m, json, sys\n"
        "found = m.distributions(path=sys.argv[1:])\n"
        "print(json.dumps({one.metadata['Name']: one.version for one in found}))"
    )
    said = json.loads(run(sys.executable, "-c", code, site_packages(folder)))
    return {pins.normalised(name): version for name, version in said.items()}


def replaced(base, folder):
    """Return a sentence on each of Colab's packages of which `folder` has another version."""
    before, after = installed(base), installed(folder)
    return [
        f"{name} {before[name]} became {version}"
        for name, version in sorted(after.items())
        if before.get(name, version) != version
    ]


def repository():
    """Return a copy of the checkout as it is now, in git, with its own place as its address."""
    copy = FOLDER / "repository"
    shutil.rmtree(copy, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in filter(None, run(*listed, cwd=ROOT).split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    with contextlib.redirect_stdout(io.StringIO()):  # a line for each file
        address.stamp(copy.as_uri(), root=copy)
    shutil.copyfile(
        ROOT / "pyproject.toml", copy / "pyproject.toml"
    )  # where setuptools wants a host
    git = ["git", "-C", copy, "-c", "user.name=test", "-c", "user.email=test@localhost"]
    run(*git, "init", "--quiet")
    run(*git, "add", "--all")
    run(*git, "commit", "--quiet", "--message", "A copy of the checkout")
    run(*git, "tag", f"v{address.project(copy)['version']}")
    return copy


def install_package(python, copy):
    """Install the package as a lesson's first cell does."""
    what = f"git+{copy.as_uri()}@v{address.project(copy)['version']}"
    run(python, "-m", "pip", "install", "-q", "--no-deps", what, env=outside())


def execute(path, python, folder):
    """Run the notebook at `path` in `folder`; return what went wrong, or None."""
    spec = {"argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
    spec |= {"display_name": "Colab", "language": "python"}
    place = folder.parent / "kernels" / "colab" / "kernel.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(spec), encoding="utf-8")
    os.environ["JUPYTER_PATH"] = str(folder.parent)
    n_done = 0

    def cell_executed(**_):
        nonlocal n_done
        n_done += 1

    client = NotebookClient(
        nbformat.read(path, as_version=4),
        kernel_name="colab",
        timeout=notebooks.CELL_SECONDS,
        resources={"metadata": {"path": str(folder)}},
        on_cell_executed=cell_executed,
    )
    try:
        with (folder.parent / "kernel.log").open("w") as log:
            client.execute(stdout=log, stderr=log, env={**outside(), **notebooks.ENVIRONMENT})
    except CellExecutionError as error:
        if error.ename == "KeyboardInterrupt":  # nbclient hands a signal on to the kernel
            raise KeyboardInterrupt from None
        return f"code cell {n_done}: {error.ename}: {notebooks.one_line(error.evalue)}"
    except CellTimeoutError:
        return f"code cell {n_done + 1}: not done after {notebooks.CELL_SECONDS} s"
    except (DeadKernelError, RuntimeError):
        return f"code cell {n_done + 1}: the kernel died, see {folder.parent / 'kernel.log'}"
    return None


def run_lessons(base, copy, lessons=None):
    """Run the lessons with these numbers, and their solutions, and return how many failed."""
    n_failed, has_torch = 0, "torch" in installed(base)
    for path in address.notebooks(copy):
        if lessons and path.name[:2] not in lessons:
            continue
        name = notebooks.display_name(path)
        if path.name[:2] == "11" and not has_torch:
            print(f"{name:<28} passed over: it needs torch: TORCH=1")
            continue
        start = time.perf_counter()
        python = on_top(base, "lesson")
        folder = FOLDER / "lesson"
        (folder / "content").mkdir()
        failure = execute(path, python, folder / "content")
        changed = replaced(base, folder)
        if not failure and changed:
            failure = f"what Colab has was replaced: {', '.join(changed)}"
        n_failed += bool(failure)
        new = sorted(set(installed(folder)) - {"gru-tf"})
        said = f"FAILED {failure}" if failure else f"installed {', '.join(new)}" if new else ""
        print(f"{name:<28} {time.perf_counter() - start:4.0f} s  {said}", flush=True)
    return n_failed


def run_tests(base, copy, words=()):
    """Run the tests of the package as it is installed; return pytest's exit status."""
    python = on_top(base, "tests", colab=False)
    install_package(python, copy)
    run(python, "-m", "pip", "install", "-q", *extras(), *FOR_TESTS, env=outside())
    if changed := replaced(base, FOLDER / "tests"):
        print(f"For the tests, what Colab has was replaced: {', '.join(changed)}")
    shutil.rmtree(copy / "gru_tf")  # so that the installed one is what is tested
    ignored = [f"--ignore={copy / 'tests' / name}" for name in LEFT_OUT]
    command = [python, "-m", "pytest", "-n", "2", "--dist=loadfile", "-p", "no:cacheprovider"]
    command += [*ignored, *(words or ["tests"])]
    return subprocess.run([*map(str, command)], cwd=copy, env=outside()).returncode


def extras():
    """Return the requirements that some lesson's first cell installs."""
    names = set(sum(setup_cell.PACKAGES.values(), []))
    about = address.project()
    lines = [*about["dependencies"], *sum(about["optional-dependencies"].values(), [])]
    return [line for line in lines if re.match(r"[\w-]+", line)[0] in names]


def versions(python):
    """Return what a Python has of the versions that decide what a saved model looks like."""
    code = (
        "import importlib.metadata as m, platform\n"
        "print('Python', platform.python_version(), end='')\n"
        "for name in ('TensorFlow', 'Keras', 'NumPy'): print(',', name, m.version(name), end='')"
    )
    return run(python, "-c", code)


def is_older(python, other):
    """Return whether the first Python has an older Keras than the second."""
    code = "import importlib.metadata as m; print(m.version('keras'))"
    return Version(run(python, "-c", code).strip()) < Version(run(other, "-c", code).strip())


def judge(kind, said, older):
    """Sort what came of one kind of file: how many are equal, which are refused, what is wrong.

    Args:
        kind: the name of the kind in tools/saved.py.
        said: the largest difference, or the error, of each model.
        older: whether the reader's Keras is older than the writer's.

    Returns:
        The names of the models that are equal, those of the models that an older Keras refuses
        because of its own initializer, and a dictionary of all others.
    """
    equal = [name for name, off in said.items() if not isinstance(off, str) and off < TOLERANCE]
    refused = []
    if older and kind in DESCRIBED:
        refused = [name for name, why in said.items() if str(why).endswith(REFUSAL)]
    return equal, refused, {n: why for n, why in said.items() if n not in {*equal, *refused}}


def run_files(base, copy):
    """Write models here and read them there, and the other way round; return how many are off."""
    there = on_top(base, "files", colab=False)
    install_package(there, copy)
    pythons = {"here": sys.executable, "there": there}
    for name, python in pythons.items():
        print(f"{name}: {versions(python)}", flush=True)
    n_failed = 0
    for writer, reader in (("here", "there"), ("there", "here")):
        folder, program = FOLDER / "saved" / writer, copy / "tools" / "saved.py"
        shutil.rmtree(folder, ignore_errors=True)
        run(pythons[writer], program, "write", folder, cwd=FOLDER, env=outside())
        command = [pythons[reader], program, "read", folder]
        found = json.loads(run(*command, cwd=FOLDER, env=outside()).splitlines()[-1])
        older = is_older(pythons[reader], pythons[writer])
        for kind in next(iter(found.values())):
            said = {name: every[kind] for name, every in found.items()}
            equal, refused, wrong = judge(kind, said, older)
            n_failed += len(wrong)
            title = f"{kind:<11} written {writer}, read {reader}"
            print(f"{title}: {len(equal)} of {len(said)} models equal to {TOLERANCE}", flush=True)
            if refused:
                print(f"{title}: {len(refused)} refused by the older Keras, see docs/saving.md")
            for name, why in wrong.items():
                print(f"    FAILED {name}: {notebooks.one_line(str(why))}", flush=True)
    return n_failed


def parse(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lessons", nargs="+", metavar="NUMBER", help="such as 01 04; or all")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="or all three")
    parser.add_argument("--python", help="or the first of python3.13, python3.12 and this one")
    parser.add_argument("--torch", action="store_true", help="install it too, for lesson 11; 4 GB")
    parser.add_argument("--tests", nargs="+", metavar="FILE", help="or all tests of the package")
    parsed = parser.parse_args(arguments)
    parsed.lessons = [number.zfill(2) for number in parsed.lessons or []]
    for number in parsed.lessons:
        if number not in setup_cell.PACKAGES:
            parser.error(f"no lesson {number}: there are {' '.join(setup_cell.PACKAGES)}")
    return parsed


def main(arguments=None):
    options = parse(arguments)
    FOLDER.mkdir(parents=True, exist_ok=True)
    base = environment(options.python, options.torch)
    copy = repository()
    print(f"{versions(base / BIN / 'python')}, and not all that Colab has", flush=True)
    n_failed = 0
    if "lessons" in options.only:
        n_failed += run_lessons(base, copy, options.lessons)
    if "files" in options.only:
        n_failed += run_files(base, copy)
    if "tests" in options.only:
        n_failed += bool(run_tests(base, copy, options.tests))
    return int(n_failed > 0)


if __name__ == "__main__":
    run_command(main)
