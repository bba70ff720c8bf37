"""A search by many processes: on real databases, of which one is restarted, and with real kills."""

import contextlib
import glob
import multiprocessing.forkserver
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("optuna", reason="Optuna is not installed: see requirements-extras.txt")

import optuna
import sqlalchemy

import small_search
import study
from gru_tf.tuning import __main__ as command
from gru_tf.tuning import best_model, database, leaderboard, price, storage, worker
from small_search import comparable
from study import DATA, WAIT, Toy, make, wait_for

SERVERS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
PATIENCE = 10.0  # a restarted server must answer within it, on a busy machine too


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Return a function that starts a process of a search, and kill what is left in the end."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["study"])  # TensorFlow is loaded once
    here, processes = str(Path(study.__file__).parent), []
    path = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", path)
    multiprocessing.forkserver.ensure_running()
    patch.undo()

    def start(url, gate=None, patience=PATIENCE, **options):
        folder = tmp_path_factory.mktemp("process")
        arguments = (url, folder, folder / "said", patience, gate, options)
        process = context.Process(target=study.work, args=arguments)
        process.start()
        process.said = lambda: (folder / "said").exists() and (folder / "said").read_text() or ""
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()


def opened(url):
    with contextlib.suppress(Exception):  # not yet made, or away
        name = url.replace("postgresql:", "postgresql+psycopg:")
        backend = optuna.storages.journal.JournalFileBackend
        kept = optuna.storages.JournalStorage(backend(url[11:])) if "journal" in url else name
        return optuna.load_study(study_name="study", storage=kept).get_trials(deepcopy=False)
    return []


def states(url):
    return [trial.state.name for trial in opened(url)]


def table(tuner, url, **options):
    """Return the table of a search that has ended in a database."""
    assert storage.search(tuner, url, **DATA, verbose=0, patience=PATIENCE, **options)
    return comparable(leaderboard(tuner))


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Return the table of the same search in a folder, by one process."""
    tuner = make(tmp_path_factory.mktemp("alone"))
    tuner.search(**DATA, verbose=0)
    return comparable(leaderboard(tuner))


@contextlib.contextmanager
def server():
    """Start PostgreSQL on a socket in a folder of its own; yield its address, and a restart."""
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    who = {"user": "postgres", "group": "postgres", "extra_groups": []} if not os.getuid() else {}
    if who:
        shutil.chown(folder, "postgres", "postgres")
    options = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **who}
    bin, data = Path(SERVERS[-1]), folder / "data"
    made = [bin / "initdb", "-D", data, "-U", "me", "-A", "trust", "--no-sync"]
    subprocess.run(made, check=True, **options)
    run = [bin / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
    running = [subprocess.Popen(run, **options)]

    def restart():
        running[0].send_signal(signal.SIGQUIT)  # at once, whoever is connected
        running[0].wait()
        time.sleep(1)
        running[0] = subprocess.Popen(run, **options)

    try:
        yield f"postgresql://me@/postgres?host={folder}", restart
    finally:
        running[0].send_signal(signal.SIGQUIT)
        running[0].wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.skipif(not SERVERS, reason="PostgreSQL is not installed: apt-get install postgresql")
def test_a_killed_process_a_restart_and_a_wrong_search_change_nothing(start, alone, tmp_path):
    gate = tmp_path / "gate"
    with server() as (url, restart):
        workers = [start(url, gate) for _ in range(3)]  # at once: none waits for the tables
        other = start(url, gate, name="other", seed=2, max_trials=2)
        wait_for(lambda: states(url).count("RUNNING") == 3)
        workers[0].kill()
        wrong = start(url, gate, max_epochs=4)
        late = start(url, gate)
        gate.touch()
        restart()
        for process in [*workers, other, late, wrong]:
            process.join(WAIT)
        assert "max_epochs: 3 there, 4 here" in wrong.said(), wrong.said()
        codes = [process.exitcode for process in [*workers, other, late, wrong]]
        said = "\n".join(process.said() for process in [*workers, other, late])
        assert codes == [-signal.SIGKILL, 0, 0, 0, 0, 1], said
        assert "no sign of life of its process" in said
        pd.testing.assert_frame_equal(table(make(tmp_path), url), alone, check_exact=True)
        left = table(make(tmp_path, name="other", seed=2, max_trials=2), url)
        assert len(left) == 2
        assert not set(left["score"]) & set(alone["score"])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_a_killed_process_where_there_is_no_server(start, alone, tmp_path, kind):
    url = f"{kind}:///{tmp_path}/kept"
    gate = tmp_path / "gate"
    workers = [start(url, gate, patience=3.0)]  # there is no server to wait for
    wait_for(lambda: "RUNNING" in states(url))  # SQLite may give two that ask at once one trial
    workers.append(start(url, gate, patience=3.0))
    wait_for(lambda: states(url).count("RUNNING") == 2)
    workers[0].kill()
    gate.touch()
    workers[1].join(WAIT)
    said = workers[1].said()
    assert workers[1].exitcode == 0, said
    assert "no sign of life of its process" in said
    assert said.endswith("last\n")
    assert sorted(states(url)) == ["COMPLETE"] * 6 + ["FAIL"]
    pd.testing.assert_frame_equal(table(make(tmp_path), url), alone, check_exact=True)


# The rest in this process


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """Return the file of a database with Optuna's tables, which take a second to make."""
    file = tmp_path_factory.mktemp("empty") / "kept.db"
    optuna.storages.RDBStorage(f"sqlite:///{file}")
    return file


@pytest.fixture
def url(tmp_path, empty):
    def without_waiting_for_the_disk(connection, _):
        connection.execute("PRAGMA synchronous=OFF")

    shutil.copy(empty, tmp_path)
    sqlalchemy.event.listen(sqlalchemy.Engine, "connect", without_waiting_for_the_disk)
    yield f"sqlite:///{tmp_path}/kept.db"
    sqlalchemy.event.remove(sqlalchemy.Engine, "connect", without_waiting_for_the_disk)


@pytest.mark.parametrize("options", [{"kind": "grid", "max_trials": 5}, {"max_trials": 4}])
def test_a_grid_and_random_search_have_the_table_of_a_folder(tmp_path, url, options):
    folder = make(tmp_path, name="folder", **options)
    folder.search(**DATA, verbose=0)
    expected = comparable(leaderboard(folder))
    pd.testing.assert_frame_equal(table(make(tmp_path, **options), url), expected, check_exact=True)


def test_hyperband_stops_what_is_behind(tmp_path, url):
    rungs = {"max_epochs": 9, "factor": 3}
    found = table(make(tmp_path, "hyperband", **rungs), url)
    assert len(found) == 17  # 9 in the first bracket, 5 and 3
    assert set(found["epochs"]) == {1, 3, 9}
    trials = opened(url)
    ended = {t.state.name for t in trials if len(t.intermediate_values) < 9}
    assert ended == {"PRUNED"}
    for bracket, least in {2: 1, 1: 3, 0: 9}.items():
        steps = [t.last_step for t in trials if t.user_attrs["bracket"] == bracket]
        assert min(steps) == least
    assert [t.user_attrs["bracket"] for t in trials].count(2) == 9


def test_bayesian_search_learns_and_its_first_settings_are_those_of_a_folder(tmp_path, url):
    options = {"max_trials": 6, "num_initial_points": 3, "max_epochs": 1}
    table(make(tmp_path, "bayesian", **options), url)
    folder = make(tmp_path, "bayesian", name="folder", **options).oracle
    first = [folder.create_trial(str(i)).hyperparameters.values for i in range(3)]
    values = [t.user_attrs["trial"]["hyperparameters"]["values"] for t in opened(url)]
    assert values[:3] == first
    assert len({repr(v) for v in values}) == 6
    told = [bool(t.system_attrs.get("fixed_params")) for t in opened(url)]
    assert told == [True] * 3 + [False] * 3, "the others are chosen from the scores"


def test_the_settings_of_a_study_are_those_of_the_plan(tmp_path):
    tuner = make(tmp_path, max_trials=40)
    space = tuner.oracle.get_space().space
    for _, fixed in storage._plan(tuner):
        hp = worker.suggest(optuna.trial.FixedTrial(fixed), space)
        assert {k: v for k, v in hp.values.items() if k != "depth"} == fixed
        assert hp.get("depth") == 3
        assert ("width" in hp) == (hp.get("kind") == "wide")
        assert hp.Int("layers", 1, 3, parent_name="kind", parent_values=["deep"]) == fixed.get(
            "layers"
        )


class Failing(Toy):
    def fit(self, hp, model, x, **options):
        if hp.get("kind") == "wide" or hp.get("depth") == self.all:
            raise RuntimeError("no such kind")
        return super().fit(hp, model, x, **options)

    all = None


def test_a_trial_that_fails_is_told_and_not_run_again(tmp_path, url):
    found = table(make(tmp_path, build=Failing()), url, callbacks=None)
    failed = found[found["kind"] == "wide"]
    assert 0 < len(failed) < len(found) == 6
    assert set(failed["why"]) == {"RuntimeError: no such kind"}
    assert len(opened(url)) == 6


def test_a_search_whose_trials_all_fail_stops(tmp_path, url):
    failing = Failing()
    failing.all = 3
    with pytest.raises(RuntimeError, match="All 1. trials failed. The last: (?s:.*)no such kind"):
        storage.search(make(tmp_path, build=failing, max_trials=12), url, **DATA, verbose=0)


def test_more_trials_for_a_finished_search_and_the_best_model(tmp_path, url, capsys):
    few = table(make(tmp_path, max_trials=4), url)
    tuner = make(tmp_path / "2", max_trials=6)
    storage.search(tuner, url, **DATA, patience=PATIENCE)
    assert "trial 5 of 6 | val_loss 0." in capsys.readouterr().out
    more = comparable(leaderboard(tuner))
    pd.testing.assert_frame_equal(
        more.merge(few, how="inner"), few.reset_index(drop=True), check_exact=True
    )
    with pytest.raises(ValueError, match="max_trials: 6 there, 4 here"):
        table(make(tmp_path / "3", max_trials=4), url)
    assert best_model(tuner, **DATA, test_data=(study.X, study.X), epochs=1)[0].built


@pytest.mark.parametrize(
    ("options", "data", "message"),
    [
        ({"seed": 2}, {}, "seed: 1 there, 2 here\nGive the search another name; `optuna del"),
        ({"build": Failing()}, {}, "builder function: .*Toy.*Failing"),
        ({}, {"x": study.X + 1}, "x: 'float32 .8, 1., checksum"),
    ],
)
def test_another_search_is_refused(tmp_path, url, options, data, message):
    table(make(tmp_path, max_trials=2), url)
    with pytest.raises(ValueError, match=message):
        storage.search(make(tmp_path / "2", max_trials=2, **options), url, **{**DATA, **data})


def test_a_study_of_another_program_is_left_alone(tmp_path, url):
    foreign = optuna.create_study(study_name="study", storage=url)
    foreign.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(ValueError, match="'study' in sqlite:.* is none of this program"):
        storage.search(make(tmp_path), url, **DATA)


def test_losses_that_another_program_makes_up_do_not_count(tmp_path, url):
    before = table(make(tmp_path, max_trials=2), url)
    foreign = optuna.load_study(study_name="study", storage=url)
    foreign.optimize(lambda trial: -1.0, n_trials=2)
    foreign.enqueue_trial({"units": 8})
    tuner = make(tmp_path / "2", max_trials=2)
    pd.testing.assert_frame_equal(table(tuner, url), before, check_exact=True)
    assert opened(url)[-1].user_attrs["not_run"]


def test_a_trial_whose_process_always_dies_is_given_up(start, tmp_path, url):
    process = start(url, max_trials=1)
    process.join(WAIT)
    assert process.exitcode == 7
    kept = optuna.load_study(study_name="study", storage=url)
    [dead] = kept.trials
    assert worker.MOST_LOST == 3
    for _ in range(2):
        lost = {"state": optuna.trial.TrialState.FAIL, "user_attrs": {"slot": 0}}
        kept.add_trial(optuna.trial.create_trial(**lost))
    tuner = make(tmp_path, max_trials=1)
    storage.search(tuner, url, **DATA, verbose=0, patience=1.0)
    assert leaderboard(tuner)["why"].tolist() == ["Lost: its process died, 3 times"]
    assert leaderboard(tuner)["units"].tolist() == [dead.params["units"]]


def test_of_two_trials_of_a_slot_the_first_counts(tmp_path, url):
    before = table(make(tmp_path, max_trials=2), url)
    kept = optuna.load_study(study_name="study", storage=url)
    first = kept.trials[0]
    kept.enqueue_trial(first.params, user_attrs={"slot": 0})
    found = table(make(tmp_path / "2", max_trials=2), url)
    pd.testing.assert_frame_equal(found, before, check_exact=True)
    assert kept.trials[2].state == optuna.trial.TrialState.FAIL


def test_a_process_that_was_thought_dead_brings_nothing(tmp_path, url, capsys, monkeypatch):
    calls = []

    def another_gives_it_up():
        calls.append(1)
        if len(calls) == 1:
            kept = optuna.load_study(study_name="study", storage=url)
            [mine] = [t for t in kept.trials if t.state == optuna.trial.TrialState.RUNNING]
            kept.tell(mine.number, state=optuna.trial.TrialState.FAIL)

    monkeypatch.setattr(Toy, "hooks", [another_gives_it_up])
    tuner = make(tmp_path, max_trials=2)
    storage.search(tuner, url, **DATA, patience=PATIENCE)
    assert "thought dead" in capsys.readouterr().out
    assert len(leaderboard(tuner)) == 2
    assert len(calls) == 3


@pytest.mark.slow
def test_a_stopped_process_leaves_its_trial_to_another(tmp_path, url, monkeypatch):
    def stop():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Toy, "hooks", [stop])
        for i in range(5):  # one of the two as often as a trial whose process died is given up
            with pytest.raises(KeyboardInterrupt):
                table(make(tmp_path / f"{i}", max_trials=2), url)
    folder = make(tmp_path, name="folder", max_trials=2)
    folder.search(**DATA, verbose=0)
    expected = comparable(leaderboard(folder))
    pd.testing.assert_frame_equal(
        table(make(tmp_path, max_trials=2), url), expected, check_exact=True
    )


def test_a_database_that_does_not_answer_is_said(tmp_path, capsys):
    url = "postgresql://me:secret@127.0.0.1:1/none"
    with pytest.raises(ConnectionError, match="has not answered for 1 s .*the search goes on"):
        storage.search(make(tmp_path), url, **DATA, patience=1.0)
    said = capsys.readouterr().out
    assert "does not answer" in said
    assert "waiting up to 1 s" in said
    assert "secret" not in said


def test_signs_of_life_are_watched_anew_when_the_database_was_away(tmp_path):
    heart, shown = database.open_storage(f"journal:///{tmp_path}/kept", 0.2, None, print)
    kept = optuna.create_study(study_name="study", storage=heart)
    dies_before_its_first_sign = heart.create_new_trial(kept._study_id)
    assert heart._get_stale_trial_ids(kept._study_id) == []
    time.sleep(0.3)
    assert heart._get_stale_trial_ids(kept._study_id) == [dies_before_its_first_sign]
    heart.record_heartbeat(dies_before_its_first_sign)
    assert heart._get_stale_trial_ids(kept._study_id) == []
    time.sleep(0.3)
    heart.watch()
    assert heart._get_stale_trial_ids(kept._study_id) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("searches.db", "must be sqlite:///file.db.*Received: 'searches.db'"),
        ("oracel://me:secret@host/db", "Received: 'host/db'"),
        ("sqlite:////no/such/folder/kept.db", "there is no such folder"),
        ("journal:////no/such/folder/kept", "there is no such folder.*Received: /no/such/fol"),
        ("journal:///no/such/folder/kept", "there is no such folder.*Received: no/such/folder"),
        ("journal:///C:/no/such/kept", "there is no such folder.*Received: C:/no/such/kept"),
        ("journal:///", "must be sqlite:///file.db.*Received: 'journal:///'"),
    ],
)
def test_bad_addresses(tmp_path, url, message):
    with pytest.raises(ValueError, match=message):
        storage.search(make(tmp_path), url, **DATA)


@pytest.mark.slow
def test_nobody_else_imports_optuna_and_without_it_a_sentence_says_what_to_install():
    code = """if True:
        import sys, gru_tf.tuning.__main__ as command
        assert "optuna" not in sys.modules
        sys.modules["optuna"] = None
        import gru_tf.tuning.storage"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert 'pip install --editable ".[storage]"' in run.stderr


@pytest.mark.slow
def test_command_searches_and_one_process_judges(tmp_path, capsys, url, monkeypatch):
    parts = {}
    for part in ("train", "valid", "test"):  # every second of them alike, but for its label
        parts |= {f"x_{part}": np.ones((8, 5), int), f"y_{part}": np.arange(8) // 2 % 2}
    reviews = types.SimpleNamespace(**parts)
    monkeypatch.setattr(command, "load_imdb", lambda maxlen: reviews)
    words = "--kind random --max-trials 1 --max-epochs 1 --max-units 32 --maxlen 5 --every 2"
    words = [*words.split(), "--storage", url]
    assert 0 <= command.main(words) <= 1
    assert "trial 1 of 1 | val_accuracy 0." in capsys.readouterr().out
    with pytest.raises(SystemExit, match="max_epochs: 1 there, 2 here"):
        command.main([*words, "--max-epochs", "2"])
    monkeypatch.setattr(storage, "search", lambda tuner, *args, **options: False)
    assert command.main(words) is None
    assert "Another process ran the last trial" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        command.main([*words, "--overwrite"])


PAGE = (Path(__file__).parents[2] / "docs" / "many_processes.md").read_text(encoding="utf-8")


def test_python_of_the_page_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    """But for a single epoch."""
    [code] = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names = {"build": small_search.build, "x": small_search.X, "y": small_search.Y}
    names["folder_of_this_process"] = tmp_path / "mine"
    exec(code.replace("max_epochs=9", "max_epochs=1"), names)
    assert (tmp_path / "mine.db").exists()
    printed = capsys.readouterr().out
    assert "trial 10 of 10 | val_accuracy " in printed
    assert str(names["leaderboard"](names["tuner"])) in printed


def test_commands_of_the_page_open_what_they_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^\.venv/bin/python -m gru_tf\.tuning (.*?) *#", PAGE, re.MULTILINE)
    urls = [command._parse(line.split()).storage for line in lines]
    sqlite, postgresql, journal = urls
    whole = journal.replace("////shared", f"///{tmp_path}")
    relative = journal.replace("////shared/imdb", "///kept")
    for url, file in ((sqlite, "imdb.db"), (whole, "imdb.log"), (relative, "kept.log")):
        kept, _ = database.open_storage(url, 1.0, None, print)
        optuna.create_study(study_name="study", storage=kept)
        assert (tmp_path / file).stat().st_size
    monkeypatch.setattr(database, "_Database", lambda url, options: heart.append(url) or kept)
    heart = []
    database.open_storage(postgresql, 1.0, None, print)
    [dashboard] = re.findall(r"`(postgresql\+psycopg://[^`]+)`", PAGE)
    assert heart == [dashboard]


def test_hyperband_has_as_many_settings_as_the_page_says(tmp_path):
    [(trials, settings)] = re.findall(r"\| (\d+) trials for 10 epochs.*?\| (\d+) settings", PAGE)
    tuner = make(tmp_path, "hyperband", max_epochs=10)
    assert price(tuner).trials == int(trials)
    assert len(storage._plan(tuner)) == int(settings)


def test_private_names_of_optuna_are_there():
    from gru_tf.tuning import internals

    begun = optuna.pruners.HyperbandPruner()
    kept = optuna.create_study(pruner=begun)
    kept.enqueue_trial({})
    for name in internals.OPTUNA_OBJECTS:
        assert any(hasattr(thing, name) for thing in (begun, kept.trials[0])), name
    for name in internals.OPTUNA:
        module, _, attribute = name.partition(":")
        __import__(module)
        found = sys.modules[module]
        for part in attribute.split("."):
            found = getattr(found, part)
