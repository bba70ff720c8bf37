"""A process that runs trials of a study: takes one, runs it by a tuner, notes what came of it.

`gru_tf.tuning.storage` makes the study and starts it. Each setting of the search has a number,
its slot. A slot whose trial was lost gets another trial; where two processes fill a slot at
once, or one was thought dead, the first trial that ends counts, and the others are not run.
"""

import copy
import time
import zlib

import keras
import keras_tuner as kt
import numpy as np
import optuna
from keras_tuner.engine.hyperparameters import Boolean, Choice, Int
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from gru_tf.tuning.space import is_fixed, list_callbacks
from gru_tf.tuning.trials import why

CANNOT = "Cannot tell a"  # how Optuna's error begins where another process has ended a trial
MOST_LOST = 3  # a trial whose process died so often is not run again


class Study(optuna.Study):
    """A study of waiting trials alone: Optuna's own makes new ones without end."""

    def _pop_waiting_trial_id(self):
        trial_id = super()._pop_waiting_trial_id()
        if trial_id is None:
            raise _Idle
        return trial_id


class _Idle(Exception):
    """No trial is waiting."""


class _NotRun(Exception):
    """A trial of a slot that has another, or of none."""


class _Failed(Exception):
    """A trial that failed by itself, and would fail again."""


class Worker:
    """Takes trials from a study and runs them by a tuner."""

    def __init__(self, study, tuner, plan, say, args, kwargs):
        self.study, self.tuner, self.plan, self.say = study, tuner, plan, say
        self.args, self.kwargs, self.number, self.known = args, kwargs, None, {}
        self.gather()
        progress = tuner.oracle._display
        progress.start(say, [tuner.max_epochs * tuner.executions_per_trial] * len(plan))
        progress.total = len(plan)

    def work(self, poll):
        """Run trials until all have ended, and return whether the last was run here."""
        last, before = True, None
        while True:
            self.number = None
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
            except (UpdateFinishedTrialError, ValueError) as error:
                if not isinstance(error, UpdateFinishedTrialError) and CANNOT not in str(error):
                    raise
                if self.number is None or not _has_ended(self.study.trials[self.number]):
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
                if ended[0].number not in self.known:
                    state = copy.deepcopy(ended[0].user_attrs["trial"])  # which is taken to pieces
                    self.known[ended[0].number] = kt.engine.trial.Trial.from_state(state)
                known = self.known[ended[0].number]
                oracle.trials[known.trial_id] = known
            elif _is_given_up(mine):
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
        trials = self.study.get_trials(deepcopy=False)
        mine = [other for other in trials if other.user_attrs.get("slot") == slot]
        if slot is None or _is_given_up(mine) or any(_is_before(other, trial) for other in mine):
            trial.set_user_attr("not_run", True)
            raise _NotRun
        tuner, oracle = self.tuner, self.tuner.oracle
        if hasattr(oracle, "num_initial_points"):  # Bayesian
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
        kwargs["callbacks"] = [*list_callbacks(kwargs.get("callbacks")), report]
        try:
            tuner._try_run_and_update_trial(mine, *self.args, **kwargs)
        except KeyboardInterrupt:
            trial.set_user_attr("stopped", True)
            raise
        if report.error:
            raise report.error
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
        self.trial, self.goal, self.step = trial, goal, 0
        self.pruned, self.error = False, None

    def __deepcopy__(self, memo):
        return self  # Keras Tuner copies the callbacks for each execution

    def on_epoch_end(self, epoch, logs=None):
        self.step += 1
        if self.goal.has_value(logs or {}):
            try:
                self.trial.report(self.goal.get_value(logs), self.step)
                self.pruned = self.trial.should_prune()
            except (UpdateFinishedTrialError, ConnectionError) as error:
                self.error = error  # no failure of the model, for which Keras Tuner would take it
            if self.pruned or self.error:
                self.model.stop_training = True


def _id(slot):
    return f"{slot:04d}"


def _has_ended(trial):
    """Return whether a trial was run to its end, which for one that fails is a failure."""
    result = trial.user_attrs.get("trial")
    if not result or not trial.state.is_finished():
        return False
    return trial.state != TrialState.FAIL or result["status"] == "FAILED"


def _is_given_up(trials):
    """Return whether the processes of a slot's trials died so often that none is run again."""
    failed = [t for t in trials if t.state == TrialState.FAIL and not _has_ended(t)]
    return sum(not {"not_run", "stopped"} & t.user_attrs.keys() for t in failed) >= MOST_LOST


def _is_before(other, trial):
    """Return whether another trial of the same slot counts, and so this one doesn't."""
    if other.number == trial.number:
        return False
    alive = not other.state.is_finished() and other.number < trial.number
    return alive or _has_ended(other)


# The setting of a trial


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
    for p in space:
        hp.merge([p])
        if hp.is_active(p):
            hp.values[p.name] = p.value if is_fixed(p) else _suggest(trial, p)
    return hp


def _suggest(trial, p):
    if isinstance(p, Choice | Boolean):
        return trial.suggest_categorical(p.name, list(p.values))
    whole = isinstance(p, Int)
    if p.step is not None and p.sampling != "linear":
        # Of the type that a search in a folder has, for the sake of the seed.
        return trial.suggest_categorical(p.name, [int(v) if whole else v for v in p.values])
    suggest = trial.suggest_int if whole else trial.suggest_float
    if p.step is not None:
        return suggest(p.name, p.min_value, list(p.values)[-1], step=p.step)
    return suggest(p.name, p.min_value, p.max_value, log=p.sampling == "log")
