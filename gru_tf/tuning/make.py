"""Make a tuner, once its arguments, its builder and its folder have been checked."""

import contextlib
import importlib.util
import io
import os
import warnings
from pathlib import Path

import keras_tuner as kt

from gru_tf.checks import check_at_least, check_each, check_flag, check_instance, check_one_of
from gru_tf.tuning.builders import build_tunable_sentiment_classifier
from gru_tf.tuning.folder import claim_folder
from gru_tf.tuning.identity import describe_builder, versions
from gru_tf.tuning.oracles import initial_points
from gru_tf.tuning.search import KINDS
from gru_tf.tuning.space import (
    as_hypermodel,
    check_model,
    count_settings,
    describe_space,
    explore,
    has_fit,
    is_fixed,
)

TRIALS = 10  # of random and Bayesian search, if none are asked for


def make_tuner(
    kind="hyperband",
    build=build_tunable_sentiment_classifier,
    *,
    max_epochs,
    directory,
    name,
    objective="val_accuracy",
    max_trials=None,
    factor=3,
    hyperband_iterations=1,
    num_initial_points=None,
    executions_per_trial=1,
    hyperparameters=None,
    tune_new_entries=True,
    distribution_strategy=None,
    seed=1,
    overwrite=False,
):
    """Make a Keras Tuner tuner whose search can be priced, stopped and resumed.

    What identifies the search is written to `directory/name/search.json`. Made again
    with the same arguments, the tuner goes on where it stopped, and each trial is
    seeded from its hyperparameters, so the scores are those of a search that never
    stopped, to the last digit under the same versions of Python, TensorFlow, Keras and
    Keras Tuner (under others it warns). Made again with other arguments, it is refused
    once a trial has begun; only `max_trials` and `hyperband_iterations` may grow. Of the
    builder, its own module is read: `gru_tf.tuning.identity` says what of it is not seen.

    Args:
        kind: `"hyperband"`, `"random"`, `"grid"` or `"bayesian"`.
        build: A function of a `keras_tuner.HyperParameters`, or a `functools.partial`
            of one, that returns a compiled `keras.Model`; or a `keras_tuner.HyperModel`.
        max_epochs: Largest number of epochs that one model is trained for.
        directory: Folder for the files of searches; made if it is missing.
        name: Name of this search, a folder inside `directory`.
        objective: Name of the metric that ranks the trials, such as `"val_accuracy"`
            or `"val_loss"`; a `keras_tuner.Objective`, which a callback may log; or a
            list of several, of which the sum counts.
        max_trials: Number of trials: 10 if None for "random" and "bayesian", the whole
            grid if None for "grid". That of "hyperband" follows from its epochs.
        factor: For "hyperband": of each rung, one trial in `factor` goes on.
        hyperband_iterations: For "hyperband": how often it goes through all brackets.
        num_initial_points: For "bayesian": trials drawn at random before a model of the
            scores chooses. None for a third of `max_trials`, but at least 2 and at most
            three for each hyperparameter.
        executions_per_trial: Number of times that each trial is trained, of which the
            mean score counts; 1 for "hyperband".
        hyperparameters: A `keras_tuner.HyperParameters` whose entries take the place of
            the builder's of the same names, such as a `Fixed` one.
        tune_new_entries: Whether to search hyperparameters that are not in it as well.
        distribution_strategy: A `tf.distribute.Strategy` under which trials are run.
        seed: Seed, at least 1, of the hyperparameters drawn and of every trial.
        overwrite: Whether to delete a search of this name first: its files and the folders
            of its trials. What else lies in its folder is left.

    Returns:
        A `keras_tuner.Tuner`. Its `search` takes the arguments of `model.fit` but for
        `epochs`, and prints one line per trial, or nothing with `verbose=0`. In place of
        a dataset that draws its batches anew in each pass, as `bucket_by_length` does,
        give it a function that makes one: then no trial depends on those before it.

    Raises:
        ValueError: If an argument isn't one of those above, the environment asks for Keras
            Tuner's chief or workers, the builder declares no hyperparameters, its model
            isn't compiled or doesn't report the objective, or the folder holds another
            search that has begun, a damaged one, or files but no search.
        TypeError: If the builder isn't a function or doesn't return a `keras.Model`, or an
            argument that is no number or name, such as `objective`, has another type.
        ImportError: If `tensorboard` is missing: every trial would fail without it.

    Example:

    ```python
    tuner = make_tuner("hyperband", max_epochs=10, directory="searches", name="imdb")
    print(price(tuner))
    tuner.search(x, y, validation_split=0.2)
    print(leaderboard(tuner))
    ```
    """
    check_one_of("kind", kind, sorted(KINDS))
    accepted = "a name, an Objective, a list of them, or None where fit returns it"
    check_instance("objective", objective, str | kt.Objective | list | None, accepted)
    if isinstance(objective, list):
        check_each("objective", objective, str | kt.Objective, "a list of names or Objectives")
    check_flag("tune_new_entries", tune_new_entries)
    check_flag("overwrite", overwrite)
    check_instance(
        "hyperparameters",
        hyperparameters,
        kt.HyperParameters | None,
        "keras_tuner.HyperParameters, or None",
    )
    check_instance("directory", directory, str | os.PathLike, "the path of a folder")
    check_instance("name", name, str, "the name of a folder, without a path")
    if distribution_strategy is not None and not hasattr(distribution_strategy, "scope"):
        raise TypeError(
            "distribution_strategy must be a tf.distribute.Strategy or None. "
            f"Received: {distribution_strategy!r}."
        )
    check_at_least("max_epochs", max_epochs, 1)
    check_at_least("seed", seed, 1)  # Keras Tuner takes 0 for no seed
    check_at_least("executions_per_trial", executions_per_trial, 1)
    max_epochs, seed = int(max_epochs), int(seed)  # of NumPy's, JSON has none
    executions_per_trial = int(executions_per_trial)
    if not name or Path(name).name != name or name == "..":
        raise ValueError(f"name must be the name of a folder, without a path. Received: {name!r}.")
    if address := os.environ.get("KERASTUNER_ORACLE_IP"):
        raise ValueError(
            "A search of make_tuner() has no chief and no workers: many processes share one by "
            "python -m gru_tf.tuning --storage. Keras Tuner's own tuners, which take the same "
            f"builders, have them. Received: KERASTUNER_ORACLE_IP={address!r}."
        )
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError("Keras Tuner needs tensorboard and does not say so: install tensorboard.")
    options = _options(
        kind, max_epochs, max_trials, factor, hyperband_iterations, num_initial_points
    )
    if kind == "hyperband" and executions_per_trial > 1:
        raise ValueError(
            "Hyperband trains each trial once, as a promoted one goes on from one model: take "
            "hyperband_iterations=, or another kind. Received: "
            f"executions_per_trial={executions_per_trial}."
        )
    hypermodel = as_hypermodel(build)
    tuner_class, oracle_class = KINDS[kind]
    oracle = oracle_class(
        objective=objective,
        seed=seed,
        hyperparameters=hyperparameters and hyperparameters.copy(),
        tune_new_entries=tune_new_entries,
        **options,
    )
    check_model(explore(hypermodel, oracle), objective, has_fit(hypermodel))
    space = oracle.get_space().space
    _check_size(kind, oracle, space, hypermodel)
    if kind == "bayesian":
        n_searched = sum(not is_fixed(p) for p in space)
        oracle.num_initial_points = num_initial_points or initial_points(
            oracle.max_trials, n_searched
        )
        if oracle.num_initial_points >= oracle.max_trials:
            warnings.warn(
                f"All of max_trials={oracle.max_trials} are drawn at random, as "
                f"num_initial_points={oracle.num_initial_points}: no trial is chosen by a model.",
                stacklevel=2,
            )
    given = hypermodel if has_fit(hypermodel) or isinstance(build, kt.HyperModel) else build
    settings = {
        "kind": kind,
        "max_epochs": max_epochs,
        **options,
        "executions_per_trial": executions_per_trial,
        "strategy": distribution_strategy and type(distribution_strategy).__name__,
        "objective": _describe_objective(oracle.objective),
        "seed": seed,
        "hyperparameter": describe_space(space),
        "tune_new_entries": tune_new_entries,
        "builder": describe_builder(given),
        "versions": versions(),
    }
    claim_folder(Path(directory, name), settings, overwrite)
    with contextlib.redirect_stdout(io.StringIO()):  # "Reloading Tuner from ..."
        return tuner_class(
            hypermodel,
            oracle,
            max_epochs,
            directory,
            name,
            settings,
            executions_per_trial=executions_per_trial,
            distribution_strategy=distribution_strategy,
        )


def _options(kind, max_epochs, max_trials, factor, hyperband_iterations, num_initial_points):
    """Return what only the oracle of this kind takes, and refuse what it does not."""
    check_at_least("factor", factor, 2)
    check_at_least("hyperband_iterations", hyperband_iterations, 1)
    if max_trials is not None:
        check_at_least("max_trials", max_trials, 1)
        max_trials = int(max_trials)
    if num_initial_points is not None:
        check_at_least("num_initial_points", num_initial_points, 1)
        num_initial_points = int(num_initial_points)
        if kind != "bayesian":
            raise ValueError(
                "Only a Bayesian search has points to begin with. Received: "
                f"num_initial_points={num_initial_points} for kind={kind!r}."
            )
    if kind == "hyperband":
        if max_trials is not None:
            raise ValueError(
                "hyperband takes no max_trials: their number follows from max_epochs and "
                f"factor. Received: max_trials={max_trials}."
            )
        return {
            "max_epochs": max_epochs,
            "factor": int(factor),
            "hyperband_iterations": int(hyperband_iterations),
        }
    if kind == "grid":
        return {"max_trials": max_trials}
    options = {"max_trials": TRIALS if max_trials is None else max_trials}
    return options | ({"num_initial_points": num_initial_points} if kind == "bayesian" else {})


def _check_size(kind, oracle, space, hypermodel):
    if has_fit(hypermodel):  # which may declare more, when it is called
        return
    if all(is_fixed(p) for p in space):
        raise ValueError(
            "The builder declares no hyperparameters: nothing to search. Received: "
            f"{[p.name for p in space]}, all fixed."
        )
    n_settings, needed = count_settings(space), oracle.settings_needed()
    if n_settings < needed:
        raise ValueError(
            f"The space is smaller than the search. Received: {n_settings} different settings, and "
            f"this {kind} search would start {needed}. Search it whole, by kind='grid'."
        )


def _describe_objective(goal):
    parts = getattr(goal, "objectives", [goal])
    described = [[part.name, part.direction] for part in parts]
    return described[0] if len(parts) == 1 else described
