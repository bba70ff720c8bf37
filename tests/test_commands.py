"""The commands of the Makefile, each run for real in a small copy of the repository."""

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import notebooks
import pages
import pins

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

ROOT = Path(__file__).resolve().parents[1]
TITLE = "# A lesson on $h_t$\n\nYou will see `it` run.\n\nAbout 1 minute on 2 cores."


def lesson(*sources, title=TITLE):
    cells = [new_markdown_cell(title), *map(new_code_cell, sources)]
    return new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "other", "display_name": "x"}}
    )


@pytest.fixture
def repository(tmp_path):
    """A repository with three tiny lessons, one of which fails, and a solution."""
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy2(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    folder = tmp_path / "notebooks"
    noisy = "import sys\nprint('one')\nprint('no' + 'ise', file=sys.stderr)\nprint('two')"
    here = "from pathlib import Path\nprint(Path.cwd().name)"
    nbformat.write(lesson(noisy, here), folder / "01_noisy.ipynb")
    nbformat.write(lesson("x = 1", "raise KeyError('lost')", "x"), folder / "02_failing.ipynb")
    nbformat.write(lesson("2 + 2"), folder / "03_last.ipynb")
    nbformat.write(lesson(here), folder / "solutions" / "01_noisy.ipynb")
    return tmp_path


def make(target, repository, **environment):
    """Run a target, without the set-up: the environment of these tests serves."""
    command = ["make", "-o", "venv", target]
    return subprocess.run(
        command, cwd=repository, env={**os.environ, **environment}, text=True, capture_output=True
    )


def test_notebooks_goes_on_past_a_failing_one_and_writes_pages(repository):
    result = make("notebooks", repository)
    assert result.returncode != 0
    assert "3 of 4 notebooks ran whole" in result.stdout
    assert "FAILED 02_failing: code cell 2: KeyError: 'lost'" in result.stdout
    for name, cells in [("01_noisy", "2/2"), ("02_failing", "1/3"), ("03_last", "1/1")]:
        assert any(name in line and cells in line for line in result.stdout.splitlines())

    built = nbformat.read(repository / "build/notebooks/03_last.ipynb", as_version=4)
    assert built.cells[1].outputs[0].data["text/plain"] == "4"
    untouched = nbformat.read(repository / "notebooks/03_last.ipynb", as_version=4)
    assert untouched.cells[1].outputs == []

    html = repository / "build/html"
    index = (html / "index.html").read_text(encoding="utf-8")
    for part in ["A lesson on", "You will see <code>it</code> run.", "solutions/01_noisy.html"]:
        assert part in index
    assert index.count("stopped at an error") == 1
    page = (html / "01_noisy.html").read_text(encoding="utf-8")
    assert "<msub><mi>h</mi><mi>t</mi></msub>" in page
    assert "<script" not in page
    assert "noise" not in page
    assert "KeyError" in (html / "02_failing.html").read_text(encoding="utf-8")


def test_refresh_saves_what_ran_and_leaves_what_failed(repository):
    failing = repository / "notebooks/02_failing.ipynb"
    before = failing.read_bytes()
    ids = [cell.id for cell in nbformat.read(repository / "notebooks/01_noisy.ipynb", 4).cells]
    result = make("refresh", repository)
    assert result.returncode != 0
    assert "FAILED 02_failing, left as it was: code cell 2: KeyError" in result.stdout
    assert failing.read_bytes() == before

    saved = nbformat.read(repository / "notebooks/01_noisy.ipynb", as_version=4)
    assert [cell.id for cell in saved.cells] == ids
    assert saved.metadata == notebooks.METADATA
    assert [cell.metadata for cell in saved.cells] == [{}, {}, {}]
    assert [cell.execution_count for cell in saved.cells[1:]] == [1, 2]
    assert [dict(output) for output in saved.cells[1].outputs] == [
        {"output_type": "stream", "name": "stdout", "text": "one\ntwo\n"}
    ]
    assert saved.cells[2].outputs[0].text == "notebooks\n"
    solution = nbformat.read(repository / "notebooks/solutions/01_noisy.ipynb", as_version=4)
    assert solution.cells[1].outputs[0].text == "solutions\n"
    assert sorted(path.name for path in repository.glob("notebooks/*")) == [
        "01_noisy.ipynb",
        "02_failing.ipynb",
        "03_last.ipynb",
        "solutions",
    ]


def test_a_notebook_that_is_not_there_is_named():
    command = [sys.executable, ROOT / "tools/notebooks.py", "refresh", "no/such.ipynb"]
    result = subprocess.run(command, text=True, capture_output=True)
    assert result.returncode == 2
    assert "no such notebook: no/such.ipynb" in result.stderr


def test_a_kernel_that_dies_or_takes_too_long_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "KERNEL_LOG", tmp_path / "kernels.log")
    monkeypatch.setattr(notebooks, "CELL_SECONDS", 1)
    path = tmp_path / "lesson.ipynb"
    nbformat.write(lesson("import os", "os._exit(1)"), path)
    assert "code cell 2: the kernel died" in notebooks.execute(path).failure
    nbformat.write(lesson("import time", "time.sleep(30)"), path)
    assert notebooks.execute(path).failure == "code cell 2: not done after 1 s"


def test_links_between_notebooks_lead_to_pages(tmp_path):
    text = "[a](02_b.ipynb) [b](solutions/01_a.ipynb) [c](https://example.org/c.ipynb)"
    path = tmp_path / "01_a.ipynb"
    run = notebooks.Run(path, lesson(title=f"# A\n\n{text}"), 0.0, None)
    pages.write_pages([run], tmp_path / "html", root=tmp_path)
    page = (tmp_path / "html/01_a.html").read_text(encoding="utf-8")
    for target in ["02_b.html", "solutions/01_a.html", "https://example.org/c.ipynb"]:
        assert f'href="{target}"' in page


def test_clean_leaves_the_sources_and_the_environment(repository):
    def files():
        return sorted(path.relative_to(repository) for path in repository.glob("**/*"))

    before = files()
    for made in ["build/html/index.html", ".coverage", "tools/__pycache__/pages.cpython-311.pyc"]:
        (repository / made).parent.mkdir(parents=True, exist_ok=True)
        (repository / made).touch()
    assert make("clean", repository).returncode == 0
    assert files() == [path for path in before if "__pycache__" not in path.parts]


def test_help_is_the_default_and_names_every_command():
    shown = make("help", ROOT).stdout
    assert subprocess.run(["make"], cwd=ROOT, text=True, capture_output=True).stdout == shown
    for command in ["lab", "notebooks", "test", "refresh", "pins", "clean"]:
        assert f"make {command} " in shown


def test_lab_starts(repository, tmp_path):
    settings = {"ServerApp": {"allow_root": True, "open_browser": False, "port": 0}}
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "jupyter_server_config.json").write_text(json.dumps(settings))
    server = subprocess.Popen(
        ["make", "-o", "venv", "lab"],
        cwd=repository,
        env={**os.environ, "JUPYTER_CONFIG_DIR": str(tmp_path / "config")},
        text=True,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    limit = threading.Timer(60, os.killpg, [server.pid, 9])
    limit.start()
    try:
        assert any("http://localhost:" in line for line in server.stderr)
    finally:
        limit.cancel()
        os.killpg(server.pid, 9)
        server.wait()


# The set-up, with a Python that only writes down what it is asked to do.

FAKE = """#!/bin/sh
case "$1 $2" in
    "-c "*) exec {python} -c "import sys; sys.version_info = {version}
{more}
$2" ;;
    "-m venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
esac
echo "$@" >> log
! [ -e fail ] || [ "$2" != pip ]
"""


@pytest.fixture
def fake_python(tmp_path):
    """Return a function that puts a `python3` with that version first on the PATH."""
    for name in ("requirements.txt", "pyproject.toml"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / "bin").mkdir()

    def write(version, more="", name="python3"):
        path = tmp_path / "bin" / name
        path.write_text(FAKE.format(python=sys.executable, version=version, more=more))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        write((3, 8, 1), name=name)
    return write


def set_up(folder, *arguments):
    (folder / "log").unlink(missing_ok=True)
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    result = subprocess.run(
        ["sh", ROOT / "tools" / "venv.sh", *arguments],
        cwd=folder,
        env=environment,
        text=True,
        capture_output=True,
    )
    log = folder / "log"
    result.asked = (
        [line.split()[1] for line in log.read_text().splitlines()] if log.exists() else []
    )
    return result


@pytest.mark.parametrize(
    ("version", "more", "complaint"),
    [
        ((3, 10, 9), "", "python3 is Python 3.10, which is too old"),
        ((3, 14, 0), "", "python3 is Python 3.14, which is too new"),
        ((3, 12, 1), "sys.modules['ensurepip'] = None", "Python 3.12, but without venv"),
    ],
)
def test_set_up_says_what_is_wrong_with_python(fake_python, tmp_path, version, more, complaint):
    fake_python(version, more)
    result = set_up(tmp_path)
    assert result.returncode == 1
    assert complaint in result.stderr
    assert "make PYTHON=" in result.stderr
    assert result.asked == []


def test_set_up_takes_another_python_on_the_path(fake_python, tmp_path):
    fake_python((3, 12, 1), name="python3.12")
    result = set_up(tmp_path)
    assert result.returncode == 0
    assert "Making .venv with python3.12 (3.12)" in result.stdout


def test_set_up_takes_or_refuses_the_python_that_is_named(fake_python, tmp_path):
    fake_python((3, 12, 1))
    result = set_up(tmp_path, "no-such-python")
    assert result.returncode == 1
    assert "no-such-python does not run" in result.stderr
    named = fake_python((3, 13, 0), name="my python")
    assert "(3.13)" in set_up(tmp_path, str(named)).stdout
    assert set_up(tmp_path, str(named)).asked == []
    assert set_up(tmp_path).asked == []
    assert set_up(tmp_path, "python3").asked == ["venv", "pip", "pip"]


def test_set_up_is_done_once_and_again_when_the_pins_move(fake_python, tmp_path):
    fake_python((3, 11, 7))
    assert set_up(tmp_path).asked == ["venv", "pip", "pip"]
    again = set_up(tmp_path)
    assert (again.asked, again.stdout) == ([], "")
    os.utime(tmp_path / ".venv" / "complete", (1, 1))
    os.utime(tmp_path / "requirements.txt", (2, 2))
    assert set_up(tmp_path).asked == ["pip", "pip"]
    assert set_up(tmp_path).asked == []


def test_an_interrupted_set_up_is_done_anew(fake_python, tmp_path):
    fake_python((3, 11, 7))
    (tmp_path / "fail").touch()
    assert set_up(tmp_path).returncode == 1
    (tmp_path / "fail").unlink()
    assert set_up(tmp_path).asked == ["venv", "pip", "pip"]


def test_pins_move_but_for_those_that_are_held():
    before = "# a\nkeras-tuner==1.4.8\nNumPy==2.0  # why\nreviews==0.0.2    # held: because\n"
    after = "# a\nkeras-tuner==1.5\nNumPy==2.4.6  # why\nreviews==0.0.2    # held: because\n"
    assert pins.moved(before, {"keras-tuner": "1.5", "numpy": "2.4.6", "reviews": "9"}) == after
