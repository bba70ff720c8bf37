"""What README.md and CONTRIBUTING.md say is so, and the commands that they give work."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

import pages
from address import UNTIL_THEN
from gru_tf.tuning import __main__ as search

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SEARCH = ".venv/bin/python -m gru_tf.tuning"
REPORT = ".venv/bin/python -m gru_tf"  # run by tests/test_report.py
ADDRESS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["urls"]["Repository"]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def commands(text, language="sh"):
    """Return the commands of a document's blocks, without their comments."""
    lines = "".join(blocks(text, language)).splitlines()
    parts = [part for line in lines for part in re.split(r" && |; ", line.split("#")[0])]
    return [part.strip() for part in parts if part.strip()]


def test_python_runs_as_it_stands(tmp_path):
    (tmp_path / "readme.py").write_text("\n".join(blocks(README, "python")), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "readme.py"], cwd=tmp_path, text=True, capture_output=True
    )
    assert result.returncode == 0, result.stderr
    said = re.findall(r"^(.*): (\d\.\d\d)$", result.stdout, re.MULTILINE)
    line, gru, floor = (float(value) for _, value in said)
    assert (line, floor) == (0.13, 0.06)
    assert floor < gru <= 0.08  # README.md says 0.07


def test_the_result_and_the_times_are_those_of_their_pages():
    speed = (ROOT / "docs" / "speed.md").read_text(encoding="utf-8")
    said = " ".join(speed.split())
    after, before = (
        re.search(rf"{form}: training (\d\.\d\d)", said)[1] for form in ("default", "before it")
    )
    worst = re.search(r"The worst line: training (\d\.\d\d)", said)[1]
    n_settings = [speed.count(f"| reset {form}") // 2 for form in ("after", "before")]
    peers = (ROOT / "docs" / "speed_peers.md").read_text(encoding="utf-8")
    steps = peers.split("## Whole models: every other step")[1].split("\n## ")[0]
    whole = re.findall(r"\| (\d\.\d\d) \| \d\.\d\d to \d\.\d\d \|", steps)
    text = " ".join(README.split())
    assert (
        f"in {after} of the time, and in {before} with the reset gate before the product: "
        f"geometric means over {n_settings[0]} settings each; {worst} in the worst"
    ) in text
    assert n_settings[0] == n_settings[1]
    assert f"takes {min(whole)} to {max(whole)}" in text
    assert f"{len(LESSONS)} lessons and their solutions" in text


def test_the_first_screen_has_a_picture_before_the_first_command():
    assert README.index("![") < README.index("```sh") < README.index("| lesson |")
    assert README.splitlines().index("```sh") < 25


def test_search_commands_work(tmp_path, monkeypatch, capsys):
    """They are run as they stand, but for a size at which they take seconds."""
    monkeypatch.chdir(tmp_path)
    tiny = "--kind random --max-trials 1 --max-epochs 1 --max-units 32 --maxlen 10 --every 300"
    said = []
    for command in commands(README):
        if command.startswith(SEARCH):
            search.main([*command.removeprefix(SEARCH).split(), *tiny.split()])
            said.append(capsys.readouterr().out)
    assert [text.startswith("1 trials, 1 epoch-runs") for text in said] == [True, True, False]
    assert ["accuracy on the held-out reviews" in text for text in said] == [False, True, False]
    assert said[2].strip() == "searches/imdb/report.html"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_table_agrees_with_the_lesson(lesson):
    first = nbformat.read(lesson, as_version=4).cells[0].source
    title, _ = pages.title_and_promise(nbformat.read(lesson, as_version=4))
    minutes = re.search(r"About (.+) minutes? on 2 cores", first)[1]
    [row] = [line for line in README.splitlines() if f"(notebooks/{lesson.name})" in line]
    assert f"[{title}](notebooks/{lesson.name})" in row
    assert f"| {minutes} |" in row
    assert pages.BADGE.search(first)[0] in row


def test_no_lesson_is_in_the_table_that_is_not_there():
    assert set(re.findall(r"\(notebooks/(\w+\.ipynb)\)", README)) == {path.name for path in LESSONS}


def test_make_commands_exist():
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(
        r"\bmake ([a-z-]+)\b(?= *(?:#|`|$|[A-Z]))", README + CONTRIBUTING, re.MULTILINE
    )
    assert {"notebooks", "test", "lab", "refresh", "pins", "address"} <= set(named) <= set(targets)


def test_every_other_command_is_one_that_make_or_ci_runs():
    """`make` runs what it names; the rest is here, or belongs to git and the shell."""
    run_by = (ROOT / "Makefile").read_text() + (ROOT / "tools" / "venv.sh").read_text()
    run_by = run_by.replace("$(IN_TWO)", "-n 2 --dist=loadfile")
    run_by = run_by.replace("$(RUN)", ".venv/bin/python").replace('"$python"', "py -3.12")
    run_by = re.sub(r"\n *install ", "\n.venv/bin/python -m pip install ", run_by)
    run_by = run_by.replace(" --clear", "")
    windows = [
        command.replace(".venv\\Scripts\\python", ".venv/bin/python").replace("\\", "/")
        for command in commands(README, "powershell")
    ]
    allowed = re.compile(rf"git clone ({ADDRESS}|{UNTIL_THEN}) gru-tf|cd \w[\w-]+|make [a-z]+")
    for command in commands(README) + windows:
        if command.startswith(SEARCH) or command == REPORT:
            continue
        assert allowed.fullmatch(command) or command in run_by, command
    assert len(windows) == 8


def test_commands_for_one_notebook_work(tmp_path):
    """They are run on a notebook of one cell, in a folder like this one."""
    lines = [line for line in commands(CONTRIBUTING) if not line.startswith("make ")]
    (tmp_path / ".venv").symlink_to(sys.prefix)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, tmp_path)
    cells = [nbformat.v4.new_code_cell("print(1)")]
    (tmp_path / "notebooks").mkdir()
    lesson = tmp_path / "notebooks" / "01_equations.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), lesson)
    for line in lines:
        result = subprocess.run(line.split(), cwd=tmp_path, text=True, capture_output=True)
        if "tools/form.py" in line:
            assert (
                "01_equations: the first cell does not start with '# ' and a title" in result.stdout
            )
        else:
            assert result.returncode == 0, result.stdout + result.stderr
    assert len(lines) == 3
    assert nbformat.read(lesson, as_version=4).cells[0].outputs[0].text == "1\n"


@pytest.mark.parametrize(
    "document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/builders.md"]
)
def test_links_lead_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)[^):]*\)", text):
        assert ((ROOT / document).parent / target).exists(), f"{target} is not there"
