"""The oracles of Keras Tuner, mended so that a search can be resumed.

An oracle keeps the trials of a search, and says which comes next. What is mended here
would otherwise make a search that was stopped differ from one that ran through.
`gru_tf.tuning` uses them.

Source: https://keras.io/keras_tuner/api/oracles/
"""

import math
import zlib
from pathlib import Path

import keras_tuner as kt
import numpy as np

from gru_tf.tuning.folder import damaged, read, write
from gru_tf.tuning.progress import Progress
from gru_tf.tuning.trials import identity, parent

KEPT = 10  # the weights of so many of the best trials are kept
LAST_EPOCH = "last_epoch.npz"  # the state that a promoted trial goes on from
MOST_FAILED = 10  # a search whose first trials all failed stops after so many


class _Oracle:
    """What is mended in all four."""

    def __init__(self, **options):
        # One bad region of the space must not end the search: see `check_not_all_failed`.
        super().__init__(max_consecutive_failed_trials=float("inf"), **options)
        self._max_collisions = 1000  # 20 miss the last settings of a small space
        self._display = Progress(self)  # Keras Tuner's own clears the screen

    # Written whole or not at all: Keras Tuner's own writing can be cut off in the middle.

    def save(self):
        if not Path(self._project_dir, "search.json").exists():
            raise FileNotFoundError(
                f"The folder {self._project_dir} was removed while its search was running: nothing "
                "of it is left to go on with. Start the search again."
            )
        write(Path(self._get_oracle_fname()), self.get_state())

    def _save_trial(self, trial):
        write(self.file(trial.trial_id, "trial.json"), trial.get_state())

    def reload(self):
        # Keras Tuner looks for the trials by a pattern, in which a folder's brackets mean another.
        path = Path(self._get_oracle_fname())
        state, self.trials = read(path), {}
        try:
            for trial_id in state["start_order"]:
                path = self.file(trial_id, "trial.json")
                self.trials[trial_id] = kt.engine.trial.Trial.from_state(read(path))
            path = Path(self._get_oracle_fname())
            self.set_state(state)
        except (AttributeError, KeyError, TypeError) as error:
            raise damaged(path, f"{type(error).__name__}: {error}") from error
        self._retry_queue += [trial.trial_id for trial in self.ongoing_trials.values()]
        self.ongoing_trials = {}
        # Keras Tuner saves the end of a trial before it takes it off the list of running ones.
        self._retry_queue = [i for i in self._retry_queue if i not in self.end_order]
        for trial_id in self._retry_queue:
            self.trials[trial_id].metrics.metrics.clear()

    def check_not_all_failed(self):
        """Raise a RuntimeError if so many trials have ended, and every one of them failed."""
        if self._all_failed():
            last = self.trials[self.end_order[-1]]
            raise RuntimeError(f"All {len(self.end_order)} trials failed. The last: {last.message}")

    def _all_failed(self):
        ended = [self.trials[trial_id] for trial_id in self.end_order]
        return len(ended) >= MOST_FAILED and all(trial.status == "FAILED" for trial in ended)

    def populate_space(self, trial_id):
        if self._all_failed():
            return {"status": "STOPPED", "values": None}
        return super().populate_space(trial_id)

    def end_trial(self, trial):
        super().end_trial(trial)
        self.prune()

    def get_best_trials(self, num_trials=1):
        """Return completed trials, best first; ties don't depend on who came first."""
        sign = -1 if self.objective.direction == "max" else 1
        done = [trial for trial in self.trials.values() if trial.status == "COMPLETED"]
        done.sort(key=lambda trial: (sign * trial.score, identity(trial.hyperparameters.values)))
        return done[:num_trials]

    def prune(self):
        """Delete the weights that nobody can need, which Keras Tuner never does."""
        best = {trial.trial_id for trial in self.get_best_trials(KEPT)}
        running = set(self.trials) - set(self.end_order)
        parents = {parent(self.trials[trial_id].hyperparameters.values) for trial_id in running}
        for trial_id in self.end_order:
            if trial_id not in best:
                self.file(trial_id, "checkpoint.weights.h5").unlink(missing_ok=True)
            if trial_id not in parents | self.promotable():
                self.file(trial_id, LAST_EPOCH).unlink(missing_ok=True)

    def settings_needed(self):
        """Return how many different settings the search starts."""
        return self.max_trials or 1

    def promotable(self):
        """Return the ids of the trials from which others may still go on."""
        return set()

    def file(self, trial_id, name):
        """Return the path of a file of a trial."""
        return Path(self._project_dir, f"trial_{trial_id}", name)


class HyperbandOracle(_Oracle, kt.oracles.HyperbandOracle):
    """Hyperband."""

    def populate_space(self, trial_id):
        for rung in (rung for bracket in self._brackets for rung in bracket["rounds"]):
            # Keras Tuner promotes the first of several equal ones: not the first to arrive.
            rung.sort(key=lambda info: identity(self.trials[info["id"]].hyperparameters.values))
        response = super().populate_space(trial_id)
        # Keras Tuner notes the newest bracket, which with several workers may be another one.
        for bracket in self._brackets:
            if any(info["id"] == trial_id for rung in bracket["rounds"] for info in rung):
                response["values"]["tuner/bracket"] = bracket["bracket_num"]
        return response

    def set_state(self, state):
        # One may give a search more iterations.
        super().set_state({**state, "hyperband_iterations": self.hyperband_iterations})

    def settings_needed(self):
        brackets = range(self._get_num_brackets())
        return self.hyperband_iterations * sum(self._get_size(bracket, 0) for bracket in brackets)

    def promotable(self):
        rungs = [rung for bracket in self._brackets for rung in bracket["rounds"][:-1]]
        return {info["id"] for rung in rungs for info in rung}


class RandomSearchOracle(_Oracle, kt.oracles.RandomSearchOracle):
    """Random search."""


class GridSearchOracle(_Oracle, kt.oracles.GridSearchOracle):
    """Grid search."""

    def reload(self):
        super().reload()
        # Keras Tuner doesn't save how far it is in the grid: a resumed search would end at once.
        previous = None
        for trial_id in self.start_order:
            self._ordered_ids.insert(trial_id, previous)
            previous = trial_id
        self._populate_next = list(self.start_order)


class BayesianOptimizationOracle(_Oracle, kt.oracles.BayesianOptimizationOracle):
    """Bayesian optimization."""

    def __init__(self, **options):
        super().__init__(**options)
        # Or its random points would be those of a random search with the same seed.
        self._seed_state = zlib.crc32(f"bayesian {self.seed}".encode())

    def populate_space(self, trial_id):
        # Keras Tuner doesn't save this generator: a resumed search would draw other points.
        self._random_state = np.random.RandomState(self.seed + len(self.end_order))
        response = super().populate_space(trial_id)
        if response["status"] == "RUNNING" and self._duplicate(response["values"]):
            return self._random_populate_space()  # the same setting would get the same score
        return response


def initial_points(max_trials, n_dimensions):
    """Return how many points a Bayesian search draws at random, before it has a model.

    Keras Tuner draws three for each dimension, which of few trials leaves none that a
    model chooses. So it is a third of the trials, if that is less, and two at least.
    """
    return max(2, min(3 * n_dimensions, math.ceil(max_trials / 3)))
