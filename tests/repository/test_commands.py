"""The commands of the Makefile, each run for real in a small copy of the repository."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
import venv
from pathlib import Path

import nbformat
import pytest
from filelock import FileLock
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import notebooks
import pins

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

ROOT = Path(__file__).resolve().parents[2]
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


def make(target, repository, *variables, **environment):
    """Run a target, without the set-up: the environment of these tests serves."""
    command = ["make", "-o", "venv", target, *variables]
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
    for part in ["A lesson on", ">it</span></code> run.", "solutions/01_noisy.html"]:
        assert part in index
    assert index.count("stopped at an error") == 1
    page = (html / "notebooks/01_noisy.html").read_text(encoding="utf-8")
    assert "<msub><mi>h</mi><mi>t</mi></msub>" in page
    assert not re.search(r"""<(script|link|img)[^>]+(src|href)=["'](https?:)?//""", page)
    assert "noise" not in page
    assert "KeyError" in (html / "notebooks/02_failing.html").read_text(encoding="utf-8")
    page = (html / "notebooks/solutions/01_noisy.html").read_text(encoding="utf-8")
    assert 'href="../01_noisy.html"' in page


def test_a_lesson_whose_packages_are_missing_is_passed_over_with_a_sentence(repository):
    setup = repository / "tools" / "setup_cell.py"
    setup.write_text(
        setup.read_text().replace("EXTRAS = {", 'EXTRAS = {"02": ["no_such_package"],')
    )
    shutil.copy2(ROOT / "conftest.py", repository)
    sentence = "02_failing is passed over: it needs no_such_package, see requirements-extras.txt."
    for target, n_left in (("notebooks", 3), ("refresh", 3)):
        result = make(target, repository)
        assert result.returncode == 0, result.stdout + result.stderr
        assert sentence in result.stdout
        assert f"{n_left} of {n_left} notebooks ran whole" in result.stdout

    command = [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", "--nbval"]
    result = subprocess.run(
        [*command, "notebooks/02_failing.ipynb"], cwd=repository, text=True, capture_output=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "3 skipped" in result.stdout
    assert sentence in " ".join(result.stdout.split())


def test_pages_come_first_and_each_is_renewed_when_its_lesson_is_done(repository):
    read = "print(open('../build/html/{}.html', encoding='utf-8').read())"
    pages = ["index", "notebooks/02_failing", "notebooks/03_last"]
    stored = lesson(*map(read.format, pages))
    stored.cells[1].outputs = [new_output("stream", name="stdout", text="stored long ago")]
    nbformat.write(stored, repository / "notebooks" / "03_last.ipynb")
    make("notebooks", repository, "JOBS=1")
    built = nbformat.read(repository / "build/notebooks/03_last.ipynb", as_version=4)
    index, failed, own = (cell.outputs[0].text for cell in built.cells[1:])
    assert index.count("ran here in") == 2
    assert "stopped at an error" in index
    assert "KeyError" in failed
    assert "stored long ago" in own
    page = (repository / "build/html/notebooks/03_last.html").read_text(encoding="utf-8")
    assert "ran here in" in page


def test_site_writes_the_pages_and_runs_nothing(repository):
    result = make("site", repository)
    assert result.returncode == 0, result.stdout + result.stderr
    page = (repository / "build/html/notebooks/02_failing.html").read_text(encoding="utf-8")
    assert "lost" in page
    assert "Traceback" not in page
    assert not (repository / "build/notebooks").exists()


def test_site_stops_at_a_link_that_leads_nowhere(repository):
    lost = lesson("1", title="# A lesson\n\n[Read](04_lost.ipynb)")
    nbformat.write(lost, repository / "notebooks" / "03_last.ipynb")
    for _ in range(2):  # also where nothing has changed since
        result = make("site", repository)
        assert result.returncode != 0
        assert "Sphinx warns of:" in result.stderr
        assert "04_lost.ipynb" in result.stderr
        assert "Traceback" not in result.stderr


def test_notebooks_runs_what_has_changed_what_failed_and_what_is_chosen(repository):
    def ran(*variables):
        lines = make("notebooks", repository, *variables).stdout.splitlines()
        return {line.split()[0] for line in lines if " cells " in line}

    everything = {"01_noisy", "solutions/01_noisy", "02_failing", "03_last"}
    assert ran() == everything
    assert ran() == {"02_failing"}
    assert ran("LESSONS=1 03") == set()
    assert ran("LESSONS=01 03", "FRESH=1") == {"01_noisy", "solutions/01_noisy", "03_last"}
    nbformat.write(lesson("3"), repository / "notebooks" / "03_last.ipynb")
    assert ran("LESSONS=01") == set()
    assert "before the last change" in (repository / "build/html/index.html").read_text()
    assert ran() == {"02_failing", "03_last"}
    (repository / "gru_tf").mkdir()
    (repository / "gru_tf" / "new.py").touch()
    assert ran() == everything
    (repository / "notebooks" / "02_failing.ipynb").unlink()
    assert ran() == set()
    assert not (repository / "build/html/notebooks/02_failing.html").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["build", "--jobs", "0"], "--jobs needs a number from 1 on. Received: 0"),
        (["build", "--jobs", "two"], "invalid int value: 'two'"),
        (["build", "--lessons", "99"], "no lesson 99: there are 01 02"),
        (["refresh", "no/such.ipynb"], "no such notebook: no/such.ipynb"),
        (["refresh", str(ROOT / "README.md")], "README.md is no notebook"),
        ([], "required: command"),
    ],
)
def test_mistakes_on_the_command_line_are_answered_with_a_sentence(arguments, sentence):
    command = [sys.executable, ROOT / "tools/notebooks.py", *arguments]
    result = subprocess.run(command, text=True, capture_output=True)
    assert result.returncode == 2
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


SLOW = """\
import os, subprocess, sys, time
from pathlib import Path
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
Path("pids.unfinished").write_text(f"{os.getpid()} {child.pid}")
os.replace("pids.unfinished", "pids")
while time.sleep(0.01) is None:
    sum(range(10**5))"""


def is_alive(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("command", ["build", "refresh"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_stopped_run_leaves_no_kernel_and_no_half_written_file(repository, command, name):
    folder = repository / "notebooks"
    (folder / "02_failing.ipynb").unlink()
    nbformat.write(lesson(SLOW), folder / "03_last.ipynb")
    before = {path: path.read_bytes() for path in folder.rglob("*.ipynb")}
    process = subprocess.Popen(
        [sys.executable, "tools/notebooks.py", command, *(["--jobs=2"] * (command == "build"))],
        cwd=repository,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    until((folder / "pids").exists)
    kernel, child = map(int, (folder / "pids").read_text().split())
    process.send_signal(getattr(signal, name))
    said, _ = process.communicate(timeout=120)
    until(lambda: not is_alive(kernel))
    if name == "SIGKILL":  # nothing can be done for what the kernel started
        os.kill(child, signal.SIGKILL)
    else:
        until(lambda: not is_alive(child))
        assert process.returncode == 1
        assert "Interrupted." in said
    assert "Traceback" not in said
    assert not list(repository.rglob("*.unfinished"))
    assert (folder / "03_last.ipynb").read_bytes() == before[folder / "03_last.ipynb"]
    nbformat.write(lesson("2 + 2"), folder / "03_last.ipynb")
    again = make("notebooks", repository)
    assert "3 of 3 notebooks ran whole" in again.stdout, again.stdout + again.stderr


def test_two_builds_at_once_do_not_mix(repository):
    (repository / "build").mkdir()
    with FileLock(repository / "build" / ".lock"):
        result = make("notebooks", repository)
    assert result.returncode != 0
    assert "Another `make notebooks` is at work in this folder." in result.stderr


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


def test_a_kernel_that_dies_or_takes_too_long_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "KERNEL_LOG", tmp_path / "kernels.log")
    monkeypatch.setattr(notebooks, "CELL_SECONDS", 1)
    paths = [tmp_path / "dies.ipynb", tmp_path / "sleeps.ipynb"]
    nbformat.write(lesson("import os", "os._exit(1)"), paths[0])
    nbformat.write(lesson("import time", "time.sleep(30)"), paths[1])
    runs = []
    notebooks.execute_all(paths, runs.append)
    assert "code cell 2: the kernel died" in runs[0].failure
    assert runs[1].failure == "code cell 2: not done after 1 s"


def test_links_between_notebooks_lead_to_pages_and_others_to_files(repository):
    (repository / "tool.txt").touch()
    targets = ["03_last.ipynb", "solutions/01_noisy.ipynb", "https://example.org/c.ipynb"]
    text = " ".join(f"[to]({target})" for target in [*targets, "../tool.txt"])
    nbformat.write(lesson(title=f"# A\n\n{text}"), repository / "notebooks" / "02_failing.ipynb")
    assert make("site", repository).returncode == 0
    page = (repository / "build/html/notebooks/02_failing.html").read_text(encoding="utf-8")
    for target in ["03_last.html", "solutions/01_noisy.html", "https://example.org/c.ipynb"]:
        assert f'href="{target}"' in page
    [file] = re.findall(r'href="\.\./(_downloads/\w+/tool\.txt)"', page)
    assert (repository / "build/html" / file).exists()


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
    for command in [
        "lab",
        "notebooks",
        "site",
        "test-browser",
        "refresh",
        "pins",
        "test-latest",
        "clean",
    ]:
        assert f"make {command} " in shown


def test_lab_starts(repository, tmp_path):
    settings = {"ServerApp": {"open_browser": False, "port": 0}}
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
        address = next(line for line in server.stderr if "http://localhost:" in line)
        assert "/lab/tree/work?token=" in address
        assert (repository / "work" / "solutions" / "01_noisy.ipynb").exists()
    finally:
        limit.cancel()
        os.killpg(server.pid, 9)
        server.wait()


# The set-up, with a Python and a uv that only write down what they are asked to do.

FAKE = """#!/bin/sh
case "$1 $2" in
    "-I -c") [ ! -e elsewhere ]; exit ;;
    "-c "*)
        code=$2; shift 2
        exec {python} -c "import sys; sys.version_info = {version}
{more}
$code" "$@" ;;
    "-m venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
esac
echo "$@" >> log
case "$*" in *requirements-setup.lock) [ ! -e no-uv ]; exit ;; esac
! [ -e fail ] || [ "$2" != pip ]
"""
FAKE_UV = """#!/bin/sh
echo "- uv $@" >> log
! [ -e fail ] && ! [ -e uv-fails ]
"""


def write_script(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def fake_python(tmp_path):
    """Return a function that puts a `python3` with that version first on the PATH."""
    for name in ("requirements.txt", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "venv.sh", tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    write_script(tmp_path / "bin" / "uv", FAKE_UV)

    def write(version, more="", name="python3"):
        text = FAKE.format(python=sys.executable, version=version, more=more)
        return write_script(tmp_path / "bin" / name, text)

    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        write((3, 8, 1), name=name)
    return write


def start_set_up(folder, *arguments):
    """Start the set-up, from another folder than the one that it is for."""
    (folder / "log").unlink(missing_ok=True)
    return subprocess.Popen(
        ["sh", folder / "tools" / "venv.sh", *arguments],
        cwd="/",
        env={**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def set_up(folder, *arguments):
    process = start_set_up(folder, *arguments)
    process.said, process.complaint = process.communicate(timeout=60)
    log = folder / "log"
    process.asked = (
        [line.split()[1] for line in log.read_text().splitlines()] if log.exists() else []
    )
    return process


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
    assert complaint in result.complaint
    assert "make PYTHON=" in result.complaint
    assert result.asked == []


def test_set_up_takes_another_python_on_the_path(fake_python, tmp_path):
    fake_python((3, 12, 1), name="python3.12")
    result = set_up(tmp_path)
    assert result.returncode == 0
    assert "Making .venv with python3.12 (3.12)" in result.said


def test_set_up_takes_or_refuses_the_python_that_is_named(fake_python, tmp_path):
    fake_python((3, 12, 1))
    result = set_up(tmp_path, "no-such-python")
    assert result.returncode == 1
    assert "no-such-python does not run" in result.complaint
    named = fake_python((3, 13, 0), name="my python")
    assert "(3.13)" in set_up(tmp_path, str(named)).said
    assert set_up(tmp_path, str(named)).asked == []
    assert set_up(tmp_path).asked == []
    assert set_up(tmp_path, "python3").asked == ["venv", "uv", "uv"]


def test_set_up_is_done_once_and_again_when_the_pins_move(fake_python, tmp_path):
    fake_python((3, 11, 7))
    assert set_up(tmp_path).asked == ["venv", "uv", "uv"]
    again = set_up(tmp_path)
    assert (again.asked, again.said) == ([], "")
    os.utime(tmp_path / ".venv" / "complete", (1, 1))
    os.utime(tmp_path / "requirements.txt", (2, 2))
    assert set_up(tmp_path).asked == ["uv", "uv"]
    assert set_up(tmp_path).asked == []


@pytest.mark.parametrize(
    ("pins", "lock", "installed"),
    [
        ("# a\nnumpy==2.4.6  # why\n", "numpy==2.4.6 \\\n    --hash=sha256:0\n", True),
        ("Fr-FR==4.5.post3    # held\n", "fr-fr==4.5.post3 \\\n    --hash=sha256:0\n", True),
        ("numpy==2.4.6\n", "numpy==2.4.60 \\\n    --hash=sha256:0\n", False),
        ("numpy==2.4.6\nkeras==3.1\n", "numpy==2.4.6 \\\n    --hash=sha256:0\n", False),
    ],
)
def test_set_up_checks_hashes_unless_a_pin_was_changed_by_hand(
    fake_python, tmp_path, pins, lock, installed
):
    fake_python((3, 11, 7))
    (tmp_path / "requirements.txt").write_text(pins)
    (tmp_path / "requirements.lock").write_text(lock)
    result = set_up(tmp_path)
    log = (tmp_path / "log").read_text()
    assert ("--require-hashes --requirement requirements.lock" in log) == installed
    assert ("requirements.lock lacks a pin" in result.complaint) != installed
    assert ("--requirement requirements.txt" in log) != installed


def test_an_interrupted_set_up_is_done_anew(fake_python, tmp_path):
    fake_python((3, 11, 7))
    (tmp_path / "fail").touch()
    assert set_up(tmp_path).returncode == 1
    (tmp_path / "fail").unlink()
    assert set_up(tmp_path).asked == ["venv", "uv", "uv"]


def test_pip_does_what_uv_cannot(fake_python, tmp_path):
    fake_python((3, 11, 7))
    (tmp_path / "uv-fails").touch()
    result = set_up(tmp_path)
    assert result.asked == ["venv", "uv", "pip", "uv", "pip"]
    assert result.complaint.count("uv did not manage that: trying pip") == 2
    assert set_up(tmp_path).asked == []


@pytest.mark.skipif(shutil.which("uv") is not None, reason="there is a uv on the PATH")
def test_uv_is_installed_first_where_there_is_none(fake_python, tmp_path):
    fake_python((3, 11, 7))
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / "bin" / "uv").rename(tmp_path / ".venv" / "bin" / "uv")
    assert set_up(tmp_path).asked == ["venv", "pip", "uv", "uv"]
    (tmp_path / ".venv" / "complete").unlink()
    (tmp_path / "no-uv").touch()
    assert set_up(tmp_path).asked == ["venv", "pip", "pip", "pip"]


def test_a_moved_or_copied_checkout_gets_an_environment_of_its_own(fake_python, tmp_path):
    fake_python((3, 11, 7))
    assert set_up(tmp_path).asked == ["venv", "uv", "uv"]
    (tmp_path / "elsewhere").touch()
    result = set_up(tmp_path)
    assert result.asked == ["venv", "uv", "uv"]
    assert "as the one here belongs to another folder" in result.said


@pytest.mark.parametrize("place", ["here", "moved", "nowhere"])
def test_where_the_package_is_found_decides(tmp_path, place):
    """The real question, put to an environment whose package lies here, elsewhere or nowhere."""
    (tmp_path / "tools").mkdir()
    for name in ("requirements.txt", "requirements.lock", "pyproject.toml"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    for folder in (tmp_path / "gru_tf", tmp_path / "old" / "gru_tf"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    venv.create(tmp_path / ".venv", with_pip=False)
    [packages] = (tmp_path / ".venv").glob("lib/python*/site-packages")
    found = {"here": tmp_path, "moved": tmp_path / "old"}
    if place in found:
        (packages / "gru_tf.pth").write_text(str(found[place]))
    (tmp_path / ".venv" / "complete").touch()
    script = (ROOT / "tools" / "venv.sh").read_text()
    only_ask = script.replace("python=$(find_python)", "exit 7")  # in place of making one
    assert only_ask != script
    (tmp_path / "tools" / "venv.sh").write_text(only_ask)
    result = subprocess.run(["sh", tmp_path / "tools" / "venv.sh"])
    assert result.returncode == (0 if place == "here" else 7)


def test_two_set_ups_take_turns(fake_python, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    fake_python((3, 11, 7))
    with (tmp_path / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = start_set_up(tmp_path)
        assert second.stdout.readline() == "Another run sets up .venv: waiting for it ...\n"
        assert not (tmp_path / "log").exists()
    assert "Making .venv" in second.communicate(timeout=60)[0]
    assert (tmp_path / ".venv" / "complete").exists()


def test_pins_move_but_for_those_that_are_held():
    before = "# a\nkeras-tuner==1.4.8\nNumPy==2.0  # why\nreviews==0.0.2    # held: because\n"
    after = "# a\nkeras-tuner==1.5\nNumPy==2.4.6  # why\nreviews==0.0.2    # held: because\n"
    assert pins.moved(before, {"keras-tuner": "1.5", "numpy": "2.4.6", "reviews": "9"}) == after
