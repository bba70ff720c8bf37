"""`make lab` opens a copy of the lessons, which it makes once."""

import json
import os
import shutil
from pathlib import Path

import pytest
from jupyter_server.services.config import ConfigManager

import lab


@pytest.fixture
def repository(tmp_path):
    (tmp_path / "notebooks" / "solutions").mkdir(parents=True)
    for name in ("01_a.ipynb", "02_b.ipynb", "solutions/01_a.ipynb"):
        (tmp_path / "notebooks" / name).write_text(name)
    return tmp_path


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file() and path.name != lab.COPIED
    }


def test_the_copy_is_made_and_the_lessons_stay_as_they_are(repository, capsys):
    before = files(repository / "notebooks")
    work = lab.prepare(repository)
    assert files(work) == files(repository / "notebooks") == before
    assert capsys.readouterr().out == ""


def test_what_the_reader_wrote_is_not_overwritten(repository, capsys):
    work = lab.prepare(repository)
    (work / "01_a.ipynb").write_text("mine")
    lab.prepare(repository)
    assert capsys.readouterr().out == ""  # nothing newer: nothing to say
    (repository / "notebooks" / "01_a.ipynb").write_text("newer")
    (repository / "notebooks" / "03_c.ipynb").write_text("new")
    lab.prepare(repository)
    said = capsys.readouterr().out
    assert "newer ones: 01_a.ipynb" in said
    assert "make lab FRESH=1" in said
    assert (work / "01_a.ipynb").read_text() == "mine"
    assert (work / "03_c.ipynb").read_text() == "new"


def test_a_fresh_copy_keeps_the_old_one_beside_it(repository, capsys):
    for number, text in enumerate(("mine", "mine too"), 1):
        (lab.prepare(repository) / "01_a.ipynb").write_text(text)
        lab.prepare(repository, fresh=True)
        assert f"Your old copy is now work-{number}/" in capsys.readouterr().out
        assert (repository / f"work-{number}" / "01_a.ipynb").read_text() == text
    assert files(repository / "work") == files(repository / "notebooks")


def test_a_copy_that_was_interrupted_is_finished(repository):
    work = lab.prepare(repository)
    (work / "02_b.ipynb").unlink()
    (work / lab.COPIED).write_text("{")
    lab.prepare(repository)
    assert files(work) == files(repository / "notebooks")


def test_git_ignores_the_copies():
    if shutil.which("git") and (lab.ROOT / ".git").exists():
        ignored = [f"git -C {lab.ROOT} check-ignore -q {name}/x" for name in ("work", "work-1")]
        assert [os.system(command) for command in ignored] == [0, 0]


def test_the_server_stays_on_this_machine_and_runs_as_root_too(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    assert "--allow-root" in lab.command(Path("/r"), [])
    monkeypatch.setattr(os, "geteuid", lambda: 1000, raising=False)
    parts = lab.command(Path("/r"), ["--port=9"])
    assert "--allow-root" not in parts
    assert parts.index("--ServerApp.ip=localhost") < parts.index("--port=9")
    assert not any("token" in part or "password" in part for part in parts)  # Jupyter's: a new one


def test_the_kernel_of_the_lab_keeps_the_log_of_tensorflow_to_itself():
    kernel = json.loads((lab.JUPYTER / "kernels/python3/kernel.json").read_text())
    assert "--IPKernelApp.capture_fd_output=False" in kernel["argv"]
    assert kernel["env"]["TF_CPP_MIN_LOG_LEVEL"] == "3"


def test_the_lab_does_not_ask_whether_a_reader_wants_news(monkeypatch):
    started = []
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/mine")
    monkeypatch.setenv("JUPYTER_PATH", "/mine")
    monkeypatch.setattr(lab, "prepare", lambda fresh: None)
    monkeypatch.setattr(os, "execv", lambda *command: started.append(command))
    monkeypatch.setattr("sys.argv", ["lab.py"])
    lab.main()
    assert len(started) == 1
    overrides = ConfigManager(config_dir_name="labconfig").get("default_setting_overrides")
    assert overrides["@jupyterlab/apputils-extension:notification"] == {"fetchNews": "false"}
    for variable in ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH"):  # a reader's own is kept
        assert os.environ[variable].split(os.pathsep) == [str(lab.JUPYTER), "/mine"]
