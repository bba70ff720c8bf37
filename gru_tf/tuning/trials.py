"""What a trial is: its identity, its seed, its place in Hyperband, a line and a row about it.

Here is written down which names Keras Tuner puts among a trial's values, and which
measurements this package adds to its metrics.
"""

import re
import zlib

import numpy as np

# What a leaderboard holds beside the hyperparameters, with its index and what breaks its ties.
# A hyperparameter of such a name gets "hp.".
COLUMNS = {
    *("rank", "trial", "score", "bracket", "rung", "epochs", "epochs_run", "seconds"),
    *("parameters", "status", "why", "ties"),
}


def identity(values):
    """Return a text that identifies a trial, whenever and wherever it is run."""
    kept = {
        # A Bayesian search draws numbers of NumPy, which come back from a file as Python's.
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in values.items()
        if name != "tuner/trial_id"
    }
    return repr(sorted(kept.items()))


def trial_seed(trial, seed):
    """Return the seed of a trial, which depends on its hyperparameters and the search alone."""
    return zlib.crc32(f"{seed} {identity(trial.hyperparameters.values)}".encode())


def chosen(values):
    """Return the hyperparameters without those that Hyperband adds for itself."""
    return {name: value for name, value in values.items() if not name.startswith("tuner/")}


def parent(values):
    """Return the id of the trial that this one was promoted from, or None."""
    return values.get("tuner/trial_id")


def place(values):
    """Return bracket and rung of a trial, or None for a kind that has none."""
    return (values["tuner/bracket"], values["tuner/round"]) if "tuner/round" in values else None


def budget(values, max_epochs):
    """Return the number of epochs that a trial may run."""
    return values.get("tuner/epochs", max_epochs) - values.get("tuner/initial_epoch", 0)


def describe(trial):
    """Describe a trial in one line: its place and its hyperparameters."""
    values = trial.hyperparameters.values
    about = [f"{name}={value}" for name, value in chosen(values).items()]
    if where := place(values):
        about.insert(0, f"bracket {where[0]} rung {where[1]}")
    return " ".join(about)


def why(trial):
    """Return the reason for a failure: of its message the last line that names an error."""
    lines = (trial.message or "its score is NaN").strip().splitlines()
    return ([line for line in lines if re.match(r"[\w.]+: ", line)] or lines)[-1]


def column(name):
    """Return the column of a hyperparameter in a leaderboard."""
    return f"hp.{name}" if name in COLUMNS else name


def row(number, trial):
    """Return a trial as a row of a leaderboard, without its rank."""
    values = trial.hyperparameters.values
    measured = {name: cost(trial, name) for name in ("epochs", "epochs_run", "parameters")}
    return {
        "trial": number,
        "score": trial.score if trial.status == "COMPLETED" else np.nan,
        **{column(name): value for name, value in chosen(values).items()},
        **dict(zip(("bracket", "rung"), place(values) or (), strict=False)),
        **{name: int(value or 0) for name, value in measured.items() if name != "parameters"},
        "seconds": cost(trial, "seconds") or np.nan,
        "parameters": int(measured["parameters"] or 0),
        "status": trial.status.lower(),
        "why": why(trial) if trial.status == "FAILED" else "",
    }


def cost(trial, name):
    """Return what a trial took, "epochs_run", "seconds" and so on, or None if it isn't known."""
    return trial.metrics.get_last_value(name) if trial.metrics.exists(name) else None
