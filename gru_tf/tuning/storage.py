"""One search by many processes, on one machine or on many: through Optuna and a database.

Optuna hands out the trials, keeps their results and takes the trial of a dead process from it;
its Hyperband pruner stops what is behind. What a trial is, this package says: its setting is the
one that the search in a folder would start, its seed comes from that setting, and `Search` runs
it. So a setting has the same score wherever it is run, and a random search or a grid has the
same table as in a folder. Nothing else imports this module, which needs the extra "storage".

Each setting stands in the database as a waiting trial, its number in `slot`. A slot whose trial
was lost gets another one; where two processes fill a slot at once, the first trial counts.

Sources: https://optuna.readthedocs.io, and for its pruner Li et al. 2020, arXiv:1810.05934
"""

import json
import time
import warnings
import zlib
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
from keras_tuner.engine.hyperparameters import Boolean, Choice, Int

from gru_tf.tuning.data import describe_data, notes
from gru_tf.tuning.folder import compare, compare_settings, read
from gru_tf.tuning.memory import with_less_to_collect, without_warnings
from gru_tf.tuning.pricing import dry_run
from gru_tf.tuning.progress import printer
from gru_tf.tuning.search import check_data
from gru_tf.tuning.space import fit_arguments, is_fixed
from gru_tf.tuning.trials import chosen, parent, place, why

try:
    import optuna
    from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
    from optuna.trial import TrialState

    from gru_tf.tuning.database import open_storage
except ImportError as error:
    raise ImportError(
        "A search in a database needs Optuna, and for PostgreSQL psycopg: pip install "
        f'"gru-tf[storage]", or what requirements-extras.txt has of them. Missing: {error}.'
    ) from error

MOST_LOST = 3  # a trial whose process died so often is not run again
WAYS_ON = "Give the search another name; `optuna delete-study` deletes one."


class _Idle(Exception):
    """No trial is waiting."""


class _NotRun(Exception):
    """A trial that is another's, or none of this search."""


class _Failed(Exception):
    """A trial that failed by itself, and would fail again."""


def search(tuner, url, *args, patience=60.0, verbose=1, **kwargs):
    """Run trials of a search in a database until none is left, beside other processes.

    Args:
        tuner: A tuner from `make_tuner`, whose own folder gets nothing but working files. It
            says what the search is; afterwards `leaderboard` and `best_model` read it.
        url: Where the search is kept: `"sqlite:///file.db"` for processes of one machine,
            `"postgresql://user@host/name"` for many machines, or `"journal:///file.log"` for
            machines that share a disk.
        *args: As for the tuner's own `search`, that is for `model.fit`.
        patience: Seconds without a sign of life after which a process counts as dead, and
            for which this one waits for a database that does not answer.
        verbose: 0 to print nothing.
        **kwargs: As `args`.

    Returns:
        Whether the last trial that ended was this process' own: one of the processes is to
        train the best model. True, too, if all trials had ended before.

    Raises:
        ValueError: If the database holds another search of that name, or the address is not
            of these forms.
        ConnectionError: If the database has not answered for that time.
        RuntimeError: If the first ten trials all failed.
    """
    data = check_data(fit_arguments(tuner.hypermodel, args, kwargs), tuner)
    described = {name: describe_data(value) for name, value in data.items()}
    say, settings = printer(verbose), read(Path(tuner.folder, "search.json"))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        again = optuna.storages.RetryHeartbeatStaleTrialCallback(max_retry=MOST_LOST - 1)

        def retry(study, trial):
            say(f"trial {trial.user_attrs.get('slot')}: no sign of life of its process")
            again(study, trial)

        storage, shown = open_storage(url, patience, retry, say)
        plan = _plan(tuner)
        study, fill = _claim(storage, shown, tuner, settings, described, patience)
        for note in notes(described):
            say(note)
        worker = _Worker(study, tuner, plan, say, args, kwargs)
        if fill:
            worker.fill()
        with without_warnings(), with_less_to_collect():
            last = worker.work(min(5.0, patience / 6))
    say(tuner.oracle._display.summary())
    return last


def _plan(tuner):
    """Return the settings that a search starts: user attributes and values, None if not known."""
    plan, space = [], tuner.oracle.get_space().space
    known = getattr(tuner.oracle, "num_initial_points", None)  # of a Bayesian search
    for trial, _ in dry_run(tuner):
        values = trial.hyperparameters.values
        if parent(values):
            continue  # promoted: here a trial goes on by itself
        where, values = place(values), chosen(values)
        fixed = {
            label: values[p.name]
            for label, p in _labelled(space)
            if not is_fixed(p) and all(condition.is_active(values) for condition in p.conditions)
        }
        attributes = {"slot": len(plan)} | ({"bracket": where[0]} if where else {})
        plan.append((attributes, fixed if known is None or len(plan) < known else {}))
    return plan


def _labelled(space):
    """Yield each hyperparameter after its name in the database, which is there but once."""
    seen = {}
    for p in space:
        seen[p.name] = seen.get(p.name, -1) + 1
        yield p.name + "'" * seen[p.name], p


def suggest(trial, space):
    """Return the setting of an Optuna trial, for a builder.

    Args:
        trial: An `optuna.Trial`.
        space: List of the hyperparameters that the builder declares, with their conditions.

    Returns:
        A `keras_tuner.HyperParameters`, which offers all that a builder may ask of it:
        `Int`, `Float`, `Choice`, `Boolean`, `Fixed` and conditional scopes. What is not in
        the space has its default.
    """
    hp = kt.HyperParameters()
    for label, p in _labelled(space):
        hp.merge([p])
        if hp.is_active(p):
            hp.values[p.name] = p.value if is_fixed(p) else _suggest(trial, label, p)
    return hp


def _suggest(trial, label, p):
    if isinstance(p, Choice | Boolean) or (p.step is not None and p.sampling != "linear"):
        return trial.suggest_categorical(label, list(p.values))
    suggest = trial.suggest_int if isinstance(p, Int) else trial.suggest_float
    if p.step is not None:
        return suggest(label, p.min_value, list(p.values)[-1], step=p.step)
    return suggest(label, p.min_value, p.max_value, log=p.sampling == "log")


# The study


class _Study(optuna.Study):
    """A study of waiting trials alone: Optuna's own makes new ones without end."""

    def _pop_waiting_trial_id(self):
        trial_id = super()._pop_waiting_trial_id()
        if trial_id is None:
            raise _Idle
        return trial_id


class _Brackets(optuna.pruners.HyperbandPruner):
    """Optuna's Hyperband, whose brackets are those of the plan, and in which no trial is twice."""

    def _get_bracket_id(self, study, trial):
        if trial.state == TrialState.FAIL or "bracket" not in trial.user_attrs:
            return -1  # lost: another runs it
        return max(0, len(self._pruners) - 1 - trial.user_attrs["bracket"])


def _claim(storage, shown, tuner, settings, described, patience):
    """Return the study of a search, made if need be, and whether this process is to fill it.

    Raises:
        ValueError: If there is another one of that name.
    """
    name, goal = tuner.project_name, tuner.oracle.objective
    here = json.loads(json.dumps({"search": settings, "data": described}))
    direction = "maximize" if goal.direction == "max" else "minimize"
    try:
        optuna.create_study(study_name=name, storage=storage, direction=direction)
        ours = True
    except DuplicatedStudyError:
        ours = False
    pruner = optuna.pruners.NopPruner()
    if settings["kind"] == "hyperband":
        pruner = _Brackets(1, tuner.max_epochs, settings["factor"])
    study = _Study(name, storage, optuna.samplers.RandomSampler(tuner.seed), pruner)
    start, where = time.monotonic(), f"The study {name!r} in {shown}"
    while not ours and not here.keys() <= (there := study.user_attrs).keys():
        if study.get_trials(deepcopy=False):
            raise ValueError(f"{where} is none of this program. Give the search another name.")
        ours = time.monotonic() - start > patience  # whoever made it is dead
        time.sleep(0.2)
    grown = False
    if not ours:
        compare(where, there["data"], here["data"], WAYS_ON)
        grown = compare_settings(where, there["search"], here["search"], WAYS_ON)
    if ours or grown:
        for key, value in here.items():
            study.set_user_attr(key, value)
    return study, ours or grown


class _Worker:
    """Takes trials from a study and runs them by a tuner."""

    def __init__(self, study, tuner, plan, say, args, kwargs):
        self.study, self.tuner, self.plan, self.say = study, tuner, plan, say
        self.args, self.kwargs, self.number = args, kwargs, None
        self.gather()
        progress = tuner.oracle._display
        progress.start(say, [tuner.max_epochs * tuner.executions_per_trial] * len(plan))
        progress.total = len(plan)

    def work(self, poll):
        """Run trials until all have ended, and return whether the last was run here."""
        last, before = True, None
        while True:
            try:
                self.study.optimize(self.run, n_trials=1, catch=(_NotRun, _Failed))
                last = True
            except _Idle:
                trials, missing = self.gather()
                self.tuner.oracle.check_not_all_failed()
                states = {trial.state for trial in trials}
                if missing and len(trials) == before:
                    self.fill()  # whoever should have is dead
                elif not missing and not states & {TrialState.RUNNING, TrialState.WAITING}:
                    return last
                else:
                    last = last and TrialState.RUNNING not in states
                    time.sleep(poll)
                before = len(trials)
            except (UpdateFinishedTrialError, ValueError):
                mine = self.study.trials[self.number]
                if not mine.state.is_finished():
                    raise
                if not _has_ended(mine):
                    self.say("This process was thought dead: its trial is run by another.")

    def fill(self):
        """Let the trials wait that have no trial in the study, or only such as were lost."""
        for attributes, values in self.gather()[1]:
            self.study.enqueue_trial(values, user_attrs=attributes)

    def gather(self):
        """Give the tuner's oracle all that have ended, and return all trials and the missing."""
        trials, slots = self.study.get_trials(deepcopy=False), {}
        tuner, oracle = self.tuner, self.tuner.oracle
        for trial in trials:
            slots.setdefault(trial.user_attrs.get("slot"), []).append(trial)
        oracle.trials, missing = {}, []
        for attributes, values in self.plan:
            mine = slots.get(attributes["slot"], [])
            ended = [trial for trial in mine if _has_ended(trial)]
            lost = [t for t in mine if t.state == TrialState.FAIL and "not_run" not in t.user_attrs]
            if ended:
                known = kt.engine.trial.Trial.from_state(ended[0].user_attrs["trial"])
                oracle.trials[known.trial_id] = known
            elif sum("stopped" not in trial.user_attrs for trial in lost) >= MOST_LOST:
                hp = tuner.oracle.get_space()
                hp.values = values | lost[-1].params
                message = f"Lost: its process died, {MOST_LOST} times"
                known = kt.engine.trial.Trial(hp, _id(attributes["slot"]), "FAILED", message)
                oracle.trials[known.trial_id] = known
            elif all(trial.state.is_finished() for trial in mine):
                missing.append((attributes, values | (lost[-1].params if lost else {})))
        oracle.start_order, oracle.end_order = list(oracle.trials), list(oracle.trials)
        oracle.ongoing_trials = {t.number: t for t in trials if t.state == TrialState.RUNNING}
        return trials, missing

    def run(self, trial):
        """Run a trial, and return its score."""
        self.number, slot = trial.number, trial.user_attrs.get("slot")
        if slot is None or any(_is_before(t, trial) for t in self.study.get_trials(deepcopy=False)):
            trial.set_user_attr("not_run", True)
            raise _NotRun
        tuner, oracle = self.tuner, self.tuner.oracle
        if oracle.num_initial_points if hasattr(oracle, "num_initial_points") else None:
            # Drawn by the slot, or all processes would draw the same.
            self.study.sampler = optuna.samplers.TPESampler(
                seed=zlib.crc32(f"{tuner.seed} {slot}".encode()),
                n_startup_trials=oracle.num_initial_points,
                constant_liar=True,
            )
        hp = suggest(trial, oracle.get_space().space)
        mine = kt.engine.trial.Trial(hp, _id(slot), "RUNNING")
        oracle.trials[mine.trial_id] = mine
        report = _Report(trial, oracle.objective)
        kwargs = {"verbose": 0, **self.kwargs}
        kwargs["callbacks"] = [*kwargs.get("callbacks", []), report]
        try:
            tuner._try_run_and_update_trial(mine, *self.args, **kwargs)
        except KeyboardInterrupt:
            trial.set_user_attr("stopped", True)
            raise
        if mine.status == "COMPLETED":
            oracle.score_trial(mine)
        if mine.status != "COMPLETED" or not np.isfinite(mine.score):
            mine.status = "FAILED"
        trial.set_user_attr("trial", mine.get_state())
        self.gather()
        oracle.trials[mine.trial_id] = mine
        oracle.end_order.append(mine.trial_id)
        oracle._display.on_trial_end(mine)
        if mine.status == "FAILED":
            raise _Failed(why(mine))
        if report.pruned:
            raise optuna.TrialPruned
        return mine.score


class _Report(keras.callbacks.Callback):
    """Tells Optuna the score of each epoch, and stops where it says so."""

    def __init__(self, trial, goal):
        super().__init__()
        self.trial, self.goal, self.step, self.pruned = trial, goal, 0, False

    def __deepcopy__(self, memo):
        return self  # Keras Tuner copies the callbacks for each execution

    def on_epoch_end(self, epoch, logs=None):
        self.step += 1
        if self.goal.has_value(logs or {}):
            try:
                self.trial.report(self.goal.get_value(logs), self.step)
                self.pruned = self.trial.should_prune()
            except UpdateFinishedTrialError:  # thought dead: what ends the trial will say it again
                self.model.stop_training = True
            if self.pruned:
                self.model.stop_training = True


def _id(slot):
    return f"{slot:04d}"


def _has_ended(trial):
    """Return whether a trial was run to its end, which for one that fails is a failure."""
    result = trial.user_attrs.get("trial")
    if not result or not trial.state.is_finished():
        return False
    return trial.state != TrialState.FAIL or result["status"] == "FAILED"


def _is_before(other, trial):
    """Return whether another trial of the same slot counts, and so this one doesn't."""
    if other.user_attrs.get("slot") != trial.user_attrs["slot"] or other.number == trial.number:
        return False
    alive = not other.state.is_finished() and other.number < trial.number
    return alive or _has_ended(other)
