"""A search on several machines, here all of them this one."""

import ast
import contextlib
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

import small_search
from gru_tf import models
from gru_tf.tuning import leaderboard, machines
from gru_tf.tuning.trials import why
from small_search import comparable, make_large, many


@pytest.fixture
def address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def start(directory, role, address):
    command = [sys.executable, small_search.__file__, str(directory), role, address, "4"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(process, pattern, times=1):
    for line in process.stdout:
        times -= bool(re.search(pattern, line))
        if not times:
            return
    raise AssertionError(f"ended without {pattern!r}: {process.stderr.read()}")


def test_a_killed_worker_changes_nothing(large, address, tmp_path):
    chief = start(tmp_path / "shared", "chief", address)
    workers = [start(tmp_path / "shared", "worker", address) for _ in range(2)]
    with contextlib.ExitStack() as stack:
        for process in [chief, *workers]:
            stack.enter_context(process)
            stack.callback(process.kill)
        wait_for(chief, "^worker .* joins", times=2)
        wait_for(workers[0], "runs trial", times=3)
        workers[0].kill()
        said = chief.communicate(timeout=300)[0]
        assert chief.returncode == 0
        assert re.search(r"no sign of life: trial \d+ will be run by another", said)
        assert "23 trials, 0 of them failed" in said
        error = workers[1].communicate(timeout=120)[1]
        assert workers[1].returncode == 0, error
    shared = leaderboard(make_large(tmp_path / "shared"))
    pd.testing.assert_frame_equal(
        comparable(leaderboard(large)), comparable(shared), check_exact=True
    )


# The rest in this process, with shorter times.


@pytest.fixture
def worker(address, monkeypatch):
    host, port = address.split(":")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "me")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", host)
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", port)
    monkeypatch.setenv("GRU_TF_PATIENCE", "3")
    monkeypatch.setattr(machines, "BEAT", 0.1)


def test_a_worker_without_a_chief(worker, tmp_path, address):
    with (
        pytest.raises(ConnectionError, match=f"No chief answers at {address}"),
        machines.working(tmp_path),
    ):
        pass


def test_a_worker_in_another_folder_is_refused(worker, tmp_path, address):
    host, port = address.split(":")
    with (
        socket.create_server((host, int(port))),
        pytest.raises(ConnectionError, match="there.* on a disk that they share"),
        machines.working(tmp_path / "there"),
    ):
        pass


@pytest.mark.parametrize("finished", [False, True])
def test_a_worker_whose_chief_is_gone(worker, tmp_path, make, finished):
    from keras_tuner.src.distribute.oracle_client import OracleClient

    oracle = make_large(tmp_path).oracle._oracle
    said, chief = [], contextlib.ExitStack()
    chief.enter_context(machines.serving(oracle, tmp_path, said.append))
    expected = (
        contextlib.nullcontext() if finished else pytest.raises(ConnectionError, match="gone")
    )
    with chief, expected, machines.working(tmp_path):
        if finished:
            chief.close()  # it says so in its last breath
        OracleClient(oracle).get_space()
    assert said == ["worker me joins"]


def test_a_dead_worker_loses_its_trial(make, tmp_path, monkeypatch):
    monkeypatch.setenv("GRU_TF_PATIENCE", "0.3")
    monkeypatch.setattr(machines, "BEAT", 0.1)
    oracle = make().oracle
    trial = oracle.create_trial("dead")
    said, start = [], time.monotonic()
    with machines.serving(oracle, tmp_path, said.append):
        while not said and time.monotonic() - start < 60:
            time.sleep(0.1)
    assert said == ["worker dead gives no sign of life: trial 0000 will be run by another"]
    assert oracle.create_trial("another").trial_id == trial.trial_id


def test_a_trial_that_is_brought_twice_counts_once(make):
    oracle = make(objective="val_loss").oracle
    trial = oracle.create_trial("slow")
    oracle.hand_out_again("slow")
    assert oracle.create_trial("other").trial_id == trial.trial_id
    for _ in range(2):
        oracle.update_trial(trial.trial_id, {"val_loss": 0.5})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    assert oracle.end_order == [trial.trial_id]
    assert not oracle.ongoing_trials
    assert oracle.create_trial("other").trial_id != trial.trial_id


def test_nobody_leaves_while_a_trial_is_running(make):
    oracle = make("random", max_trials=1).oracle
    trial = oracle.create_trial("first")
    assert oracle.create_trial("second").status == "IDLE"
    oracle.hand_out_again("first")
    assert oracle.create_trial("second").trial_id == trial.trial_id


def test_grid_is_shared_by_more_than_two(make):
    oracle = make("grid").oracle
    trials = [oracle.create_trial(f"worker {i}") for i in range(4)]
    values = {str(trial.hyperparameters.values) for trial in trials}
    assert len(values) == 4
    assert {trial.status for trial in trials} == {"RUNNING"}


def test_a_write_that_fails_does_not_lock_the_oracle(make, monkeypatch):
    oracle = make().oracle
    oracle.create_trial("dead")

    def fail():
        raise OSError("the disk is away")

    with monkeypatch.context() as patch:
        patch.setattr(oracle, "save", fail)
        with pytest.raises(OSError, match="away"):
            oracle.hand_out_again("dead")
    with ThreadPoolExecutor(1) as pool:
        again = pool.submit(oracle.create_trial, "other").result(timeout=60)
    assert again.trial_id == "0000"


def test_a_search_whose_trials_all_failed_hands_out_no_more(make):
    oracle = make(build=many, max_epochs=9).oracle
    for _ in range(10):
        trial = oracle.create_trial("worker")
        trial.status = "FAILED"
        oracle.end_trial(trial)
    assert oracle.create_trial("worker").status == "STOPPED"
    with pytest.raises(RuntimeError, match="All 10 trials failed"):
        oracle.check_not_all_failed()


def test_a_chief_that_did_not_answer_is_no_failure(make, monkeypatch, tmp_path):
    tuner = make()
    trial = tuner.oracle.create_trial("worker")
    monkeypatch.setattr(machines, "role", lambda: "worker")
    trial.status = "INVALID"
    trial.message = (
        "Traceback (most recent call last):\n  ...\n"
        "grpc._channel._InactiveRpcError: <_InactiveRpcError of RPC that terminated with:\n"
        '\tdetails = "Deadline Exceeded"\n>'
    )
    tuner.on_trial_end(trial)
    assert not (tmp_path / "search" / "trial_0000" / "error.txt").exists()
    assert not tuner.oracle.end_order
    assert why(trial).startswith("grpc._channel._InactiveRpcError: ")


def test_a_worker_is_no_chief_whatever_its_machine_is_called(monkeypatch):
    for name in ("ID", "IP"):
        monkeypatch.setenv(f"KERASTUNER_{'TUNER' if name == 'ID' else 'ORACLE'}_{name}", "")
    for name in ("KERASTUNER_ORACLE_PORT", "GRU_TF_PATIENCE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr(machines.socket, "gethostname", lambda: "chief.example")
    machines.become("worker", "chief.example:8000")
    assert machines.role() == "worker"


@pytest.mark.parametrize("status", ["INVALID", "FAILED"])
def test_why_a_trial_failed_on_another_machine(make, tmp_path, status):
    oracle = make().oracle
    trial = oracle.create_trial("worker")
    (tmp_path / "search" / "trial_0000" / "error.txt").write_text("Traceback\nValueError: so")
    trial = type(trial).from_proto(trial.to_proto())  # as it comes over the network
    trial.status = status
    oracle.end_trial(trial)
    assert oracle.trials["0000"].status == "FAILED"
    assert oracle.trials["0000"].message.endswith("ValueError: so")


def test_nobody_else_imports_the_machinery():
    name = "keras_tuner.src.distribute.oracle_client"
    code = f"import gru_tf.tuning, sys; print({name!r} in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout == "False\n"


@pytest.mark.parametrize(
    ("role", "address", "message"),
    [("boss", "a:1", "'boss'"), ("chief", "a", "'a'"), ("worker", "a:b", "'a:b'")],
)
def test_bad_roles(role, address, message):
    with pytest.raises(ValueError, match=message):
        machines.become(role, address)


def test_a_worker_does_not_overwrite(make, monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "1")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker")
    with pytest.raises(ValueError, match="joins the search of its chief"):
        make(overwrite=True)


def test_the_page_for_many_machines_shows_a_program_that_can_be_read():
    page = Path(__file__).parents[2] / "docs" / "beyond_a_few_machines.md"
    (program,) = re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    used = {node.id for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Name)}
    assert {"optuna", "build_next_value_regressor", "load_next_value"} <= used
    assert hasattr(models, "build_next_value_regressor")
