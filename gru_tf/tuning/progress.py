"""Progress of a search: one line a trial, with the time that is left.

Keras Tuner's own display clears the screen, and with it what was printed before.
"""

import functools

import numpy as np

from gru_tf.tuning.trials import cost, describe, why


class Progress:
    """Stands in for the display of a Keras Tuner oracle, which tells it of each trial.

    Args:
        oracle: The `keras_tuner.Oracle` that it belongs to.
    """

    verbose = 0  # set by Keras Tuner

    def __init__(self, oracle):
        self.oracle = oracle
        self.start(printer(0), [])

    def start(self, say, epochs):
        """Get ready for a search.

        Args:
            say: Function that prints a line.
            epochs: Epochs of each trial that is still to run, in their order.
        """
        self.say = say
        self.epochs = list(epochs)
        self.total = len(self.oracle.end_order) + len(self.epochs)

    def best(self):
        """Return the best score so far, in words."""
        best = self.oracle.get_best_trials(1)
        return f"best {best[0].score:.4f}" if best else "no score yet"

    def summary(self):
        """Return a line about the whole search."""
        ended = [self.oracle.trials[trial_id] for trial_id in self.oracle.end_order]
        failed = sum(trial.status == "FAILED" for trial in ended)
        text = f"{len(ended)} trials, {failed} of them failed, {self.best()}"
        best = self.oracle.get_best_trials(1)
        return f"{text}: {describe(best[0])}" if best else text

    def on_trial_begin(self, trial):
        """Print nothing: a line at its end is enough."""

    def on_trial_end(self, trial):
        """Print a line, or nothing if the search is quiet."""
        if trial.status == "COMPLETED":
            result = f"{self.oracle.objective.name} {trial.score:.4f}, {self.best()}"
        else:
            result = f"failed: {why(trial)}"
        n_ended = len(self.oracle.end_order)
        parts = [f"trial {n_ended} of {self.total}", result]
        if n_ended < self.total:
            parts.append(f"about {duration(self.seconds_left())} left")
        self.say(" | ".join([*parts, describe(trial)]))

    def seconds_left(self):
        """Return the seconds that the rest takes, if it goes on as the trials before."""
        trials = [self.oracle.trials[trial_id] for trial_id in self.oracle.end_order]
        trials = [trial for trial in trials if cost(trial, "seconds")]  # not a failed one
        if not trials:
            return float("nan")
        epochs = np.array([cost(trial, "epochs_run") for trial in trials])
        seconds = np.array([cost(trial, "seconds") for trial in trials])
        left = self.epochs[len(self.oracle.end_order) - self.total :]
        # A trial takes so long to start, and so long an epoch: least squares.
        a, b = np.linalg.lstsq(np.stack([np.ones_like(epochs), epochs], 1), seconds, rcond=None)[0]
        if min(a, b) < 0:
            a, b = 0, seconds.sum() / max(1, epochs.sum())
        return (a * len(left) + b * sum(left)) / max(1, len(self.oracle.ongoing_trials))

    def get_state(self):
        """Return what Keras Tuner saves of it: nothing."""
        return {}

    def set_state(self, state):
        """Take what Keras Tuner has saved: nothing."""


def printer(verbose):
    """Return a function that prints a line at once, or one that doesn't."""
    return functools.partial(print, flush=True) if verbose else lambda line: None


def duration(seconds):
    """Return a duration in words.

    Example:

    >>> duration(42), duration(1000), duration(100_000)
    ('42 s', '17 min', '27.8 h')
    """
    if np.isnan(seconds):
        return "an unknown time"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:,.1f} h"
