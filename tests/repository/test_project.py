"""The files that a host of repositories, a citation manager or an editor reads."""

import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

import gru_tf

ROOT = Path(__file__).resolve().parents[2]
ABOUT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = ABOUT["project"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PYTHONS = {"3.11", "3.12", "3.13"}


def load(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_citation_and_changes_are_of_this_version():
    citation = load("CITATION.cff")
    assert citation["version"] == PROJECT["version"] == gru_tf.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["repository-code"] == PROJECT["urls"]["Repository"]
    assert {"cff-version", "message", "title", "authors", "type"} <= set(citation)
    newest = re.search(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert newest == PROJECT["version"]


def test_the_workflow_runs_ci_on_each_python():
    [job] = load(".github/workflows/test.yml")["jobs"].values()
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert set(job["strategy"]["matrix"]["python"]) == PYTHONS
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert ".ci/run" in commands
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_cells_run_in_their_order_where_pytest_randomly_is_installed():
    assert "-pno:randomly" in ABOUT["tool"]["pytest"]["ini_options"]["addopts"]


@pytest.mark.parametrize("name", ["bug", "erratum"])
def test_forms_ask_for_what_is_needed(name):
    form = load(f".github/ISSUE_TEMPLATE/{name}.yml")
    assert {"name", "description", "body"} <= set(form)
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids)) >= 2
    assert all(field["attributes"]["label"] for field in form["body"])
    if name == "bug":
        assert "python -m gru_tf" in str(form)


def test_hooks_run_what_make_test_or_contributing_runs():
    [repository] = load(".pre-commit-config.yaml")["repos"]
    assert repository["repo"] == "local"
    known = MAKEFILE.replace("$(RUN)", ".venv/bin/python")
    known += (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for hook in repository["hooks"]:
        assert hook["language"] == "system"  # nothing is fetched
        assert hook["entry"] in known, hook["entry"]
    form = repository["hooks"][-1]
    assert re.search(form["files"], "notebooks/solutions/01_equations.ipynb")
    assert not re.search(form["files"], "work/01_equations.ipynb")


def test_the_container_has_a_python_that_will_do_and_sets_up():
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["image"].rpartition(":")[2] in PYTHONS
    target = container["postCreateCommand"].removeprefix("make ")
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)
