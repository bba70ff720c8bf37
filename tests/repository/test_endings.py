"""Commands that are stopped, or that the system lets down: a sentence, and no half-written file."""

import ast
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gru_tf.atomic import replacing

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted([*ROOT.glob("benchmarks/*.py"), *ROOT.glob("tools/*.py")])
COMMANDS = [path for path in SCRIPTS if '__name__ == "__main__"' in path.read_text("utf-8")]
NAMES = [path.relative_to(ROOT).as_posix() for path in COMMANDS]
OWN_ENDS = {f"tools/{name}.py" for name in ("faults", "lab", "notebooks", "saved")}
# What need not be whole, as it lies under build/ or in a folder of its own, and is made anew.
SCRATCH = {"colab.py", "faults.py", "notebooks.py", "saved.py", "seeds.py", "supply.py", "wheel.py"}
SCRIPT = """
import sys, time
from pathlib import Path
from gru_tf.atomic import replacing
from gru_tf.commands import run_command
def main():
    with replacing(Path(sys.argv[1])) as unfinished:
        unfinished.write_text("half")
        print("begun", flush=True)
        {what}
run_command(main, "Stopped: go on.")
"""


def start(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_command_with_a_sentence(tmp_path, name):
    (tmp_path / "table").write_text("old")
    process = start(SCRIPT.format(what="time.sleep(60)"), tmp_path / "table")
    assert process.stdout.readline() == "begun\n"
    process.send_signal(getattr(signal, name))
    _, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (1, "\nStopped: go on.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["table"]
    assert (tmp_path / "table").read_text() == "old"


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no hangup here")
def test_under_nohup_a_command_outlives_its_terminal(tmp_path):
    ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    process = start(ignored + SCRIPT.format(what="sys.stdin.read()"), tmp_path / "table",
                    stdin=subprocess.PIPE)  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGHUP)
    assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == 0
    assert (tmp_path / "table").read_text() == "half"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_ends_a_command_with_a_sentence(tmp_path):
    what = "open('/dev/full', 'w', buffering=1).write('more\\n' * 9999)"
    process = start(SCRIPT.format(what=what), tmp_path / "table")
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == 1
    assert re.fullmatch(r"\nStopped: .*No space left on device.*\n", complaint)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("status", "code"), [("3", 3), ("None", 0), ("0.87", 0), ("True", 1)])
def test_a_command_ends_with_its_own_status(status, code):
    process = start(f"from gru_tf.commands import run_command; run_command(lambda: {status})")
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == code


@pytest.mark.parametrize("path", COMMANDS, ids=NAMES)
def test_every_command_ends_so(path):
    last = path.read_text(encoding="utf-8").rpartition('__name__ == "__main__"')[2]
    own = path.relative_to(ROOT).as_posix() in OWN_ENDS
    assert ("run_command(main" in last) != own


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_is_written_is_written_whole(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            place = {"write_text": node.func.value, "write_bytes": node.func.value}
            place["savefig"] = node.args[0] if node.args else None
            if node.func.attr in place and path.name not in SCRATCH:
                assert ast.unparse(place[node.func.attr]) == "unfinished", ast.unparse(node)


def test_two_that_write_a_file_at_once_leave_one_of_them_whole(tmp_path):
    path = tmp_path / "table"
    with replacing(path) as one, replacing(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["table"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_what_make_results_has_started_ends_with_it(tmp_path):
    """The comparison that was running went on alone."""
    (tmp_path / "sleeper.py").write_text(
        "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    )
    code = (
        "import sys; sys.path.insert(0, 'benchmarks'); sys.argv[1:] = ['--rerun']\n"
        "import results\n"
        f"results.ORIGINS = {{'a': results.Origin('python {tmp_path}/sleeper.py', 'a', ())}}\n"
        "results.stale_files = lambda: {'a': 'is old'}\n"
        "results.run_command(results.main, 'Stopped.')"
    )
    process = start(code, cwd=ROOT)
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=30)[1].endswith("\nStopped.\n")  # after TensorFlow's own
    assert process.returncode == 1
    end = time.monotonic() + 30
    while os.path.exists(f"/proc/{child}"):
        assert time.monotonic() < end, "it runs on"
        time.sleep(0.05)
