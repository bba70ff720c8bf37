"""What stands in for Colab, tried where it takes no network and no second TensorFlow."""

import json
import os
import subprocess
import sys
import tomllib

import nbformat
import psutil
import pytest
from packaging.requirements import Requirement

import builders
import colab
import pins
import saved
import setup_cell


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", "")
    monkeypatch.setattr(colab, "FOLDER", tmp_path)
    return tmp_path


def test_colab_has_what_the_package_allows():
    project = tomllib.loads((colab.ROOT / "pyproject.toml").read_text())["project"]
    ranges = {pins.normalised(one.name): one for one in map(Requirement, project["dependencies"])}
    there = [Requirement(line) for line in pins.as_list(colab.PINS.read_text(encoding="utf-8"))]
    for pin in there:
        [version] = [part.version for part in pin.specifier]
        if wanted := ranges.get(pins.normalised(pin.name)):
            assert wanted.specifier.contains(version), pin
    # What no first cell installs must be there.
    needed = {*ranges} - set(sum(setup_cell.PACKAGES.values(), []))
    needed -= {pins.normalised(name) for name in sum(setup_cell.PACKAGES.values(), [])}
    assert needed <= {pins.normalised(pin.name) for pin in there}


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for Python")
def test_a_python_that_does_not_run_is_passed_over(tmp_path, monkeypatch):
    """pyenv puts commands on the path that only say which versions have them."""
    for name, status in (("python3.13", 127), ("python3.12", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {status}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert colab.find_python() == str(tmp_path / "python3.12")
    (tmp_path / "python3.12").unlink()
    assert colab.find_python() == sys.executable
    with pytest.raises(SystemExit, match=r"python3\.13 does not run"):
        colab.find_python("python3.13")


def test_what_is_left_out_of_the_tests_is_there():
    for name in colab.LEFT_OUT:
        assert (colab.ROOT / "tests" / name).exists(), name


def test_the_copy_is_a_release_with_its_own_address(folder):
    copy = colab.repository()
    assert not (copy / "build").exists()
    version = colab.address.project(copy)["version"]
    tags = subprocess.run(["git", "-C", copy, "tag"], text=True, capture_output=True, check=True)
    assert tags.stdout.split() == [f"v{version}"]
    for path in colab.address.notebooks(copy):
        cells = nbformat.read(path, as_version=4).cells
        [source] = [cell.source for cell in cells if "google.colab" in cell.source]
        assert f'"git+{copy.as_uri()}@v{version}"' in source


def test_an_environment_on_top_has_both_and_tells_what_it_replaced(folder):
    base = folder / "base"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", base], check=True)

    def install(where, name, version):
        about = colab.site_packages(where) / f"{name}-{version}.dist-info" / "METADATA"
        about.parent.mkdir()
        about.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (colab.site_packages(where) / f"{name}.py").write_text(f"version = '{version}'\n")

    install(base, "one", "1")
    install(base, "two", "1")
    python = colab.on_top(base, "top")
    code = "import google.colab, one, two; print(one.version, two.version)"
    assert colab.run(python, "-c", code) == "1 1\n"
    install(folder / "top", "two", "2")
    install(folder / "top", "three", "3")
    assert colab.run(python, "-c", code) == "1 2\n"
    assert colab.replaced(base, folder / "top") == ["two 1 became 2"]
    colab.on_top(base, "top")
    assert colab.installed(folder / "top") == {}


def test_a_notebook_runs_in_its_folder_and_says_where_it_failed(folder):
    (folder / "content").mkdir()
    path = folder / "01_small.ipynb"
    code = "from pathlib import Path; Path('seen').touch(); print(1)"
    for sources, failure in [
        ([code], None),
        ([code, "1 / 0"], "code cell 2: ZeroDivisionError: division by zero"),
    ]:
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        assert colab.execute(path, sys.executable, folder / "content") == failure
    assert [one.name for one in (folder / "content").iterdir()] == ["seen"]
    kernels = psutil.Process().children(recursive=True)
    assert not [one for one in kernels if "ipykernel_launcher" in one.cmdline()]


def test_an_interruption_is_none_of_a_lesson(folder):
    (folder / "content").mkdir()
    path = folder / "01_small.ipynb"
    cells = [nbformat.v4.new_code_cell("raise KeyboardInterrupt")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    with pytest.raises(KeyboardInterrupt):
        colab.execute(path, sys.executable, folder / "content")


def test_a_lesson_that_is_not_there_is_refused(capsys):
    assert colab.parse(["--lessons", "1", "04"]).lessons == ["01", "04"]
    with pytest.raises(SystemExit):
        colab.parse(["--lessons", "99"])
    assert "no lesson 99: there are 01 02" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [*saved.READ, *saved.BUILT])
@pytest.mark.parametrize("older", [True, False])
def test_no_refusal_is_passed_over_but_the_one_of_keras_own(kind, older):
    said = {
        "equal": 1e-7,
        "off": 2e-5,
        "no number": float("nan"),
        "refused": f"TypeError: <class 'Functional'> ... Exception encountered: {colab.REFUSAL}",
        "another argument": f"TypeError: {colab.REFUSAL.replace('input_axes', 'axes')}",
        "another class": f"TypeError: {colab.REFUSAL.replace('GlorotUniform', 'GRU')}",
    }
    equal, refused, wrong = colab.judge(kind, said, older)
    assert equal == ["equal"]
    assert refused == (["refused"] if older and kind in (".keras", "json") else [])
    assert sorted([*equal, *refused, *wrong]) == sorted(said)


def test_the_refusal_is_counted_from_the_newer_keras_to_the_older(monkeypatch):
    found = {"new": "3.15.1", "old": "3.9.2"}
    monkeypatch.setattr(colab, "run", lambda python, *_: found[python])
    assert colab.is_older("old", "new")
    assert not colab.is_older("new", "old")
    assert not colab.is_older("new", "new")


def test_saved_models_come_back_and_changed_ones_do_not(tmp_path, monkeypatch):
    one = {"build_tabular_regressor": builders.builders()["build_tabular_regressor"]}
    monkeypatch.setattr(builders, "builders", lambda: one)
    saved.write(tmp_path)
    code = [sys.executable, saved.__file__]
    done = subprocess.run([*code, "read", tmp_path], text=True, capture_output=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    kinds = [*saved.READ, *saved.BUILT]
    assert sorted(found) == ["build_tabular_regressor-GRU", "build_tabular_regressor-MinGRU"]
    for off in found.values():
        assert list(off) == kinds
        assert all(value < 1e-5 for value in off.values()), off
    place = tmp_path / "build_tabular_regressor-GRU"
    model = saved.from_keras_file(place)
    model.set_weights([weights + 0.1 for weights in model.get_weights()])
    model.save(place / "model.keras")
    off = saved.read(tmp_path)[place.name]
    assert off[".keras"] > 1e-3
    assert off["json"] < 1e-5
