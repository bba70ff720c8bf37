"""What a trial is: its identity, its seed, and a line about it."""

import re
import zlib


def identity(values):
    """Say in a text what a trial is, whenever and wherever it is run."""
    kept = {name: value for name, value in values.items() if name != "tuner/trial_id"}
    return repr(sorted(kept.items()))


def trial_seed(trial, seed):
    """Return the seed of a trial, a number that depends on its hyperparameters alone."""
    return zlib.crc32(f"{seed} {identity(trial.hyperparameters.values)}".encode())


def chosen(values):
    """Return the hyperparameters without those that Hyperband keeps for itself."""
    return {name: value for name, value in values.items() if not name.startswith("tuner/")}


def describe(trial):
    """Say what a trial tries."""
    values = trial.hyperparameters.values
    about = [f"{name}={value}" for name, value in chosen(values).items()]
    if "tuner/round" in values:
        about.insert(0, f"bracket {values['tuner/bracket']} rung {values['tuner/round']}")
    return " ".join(about)


def why(trial):
    """Say why a trial failed: of its message the last line that names an error, if one does."""
    lines = (trial.message or "its score is NaN").strip().splitlines()
    return ([line for line in lines if re.match(r"[\w.]+: ", line)] or lines)[-1]
