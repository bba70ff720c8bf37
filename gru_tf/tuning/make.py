"""Make a tuner, once its arguments, its builder and its folder have been checked."""

import contextlib
import importlib.util
import io
from pathlib import Path

from gru_tf.tuning import machines
from gru_tf.tuning.builders import build_tunable_sentiment_classifier
from gru_tf.tuning.folder import claim_folder
from gru_tf.tuning.identity import describe_builder
from gru_tf.tuning.search import KINDS


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
    seed=1,
    overwrite=False,
):
    """Make a Keras Tuner tuner whose search can be priced, stopped and resumed.

    What identifies the search is written to `directory/name/search.json`. Made again
    with the same arguments, the tuner goes on where it stopped, and each trial is
    seeded from its hyperparameters, so the scores are those of a search that never
    stopped. Made again with other arguments, it is refused.

    Args:
        kind: `"hyperband"`, `"random"`, `"grid"` or `"bayesian"`.
        build: A function of a `keras_tuner.HyperParameters`, or a `functools.partial`
            of one, that returns a compiled `keras.Model`.
        max_epochs: Largest number of epochs that one model is trained for.
        directory: Folder for the files of searches; made if it is missing.
        name: Name of this search, a folder inside `directory`.
        objective: Name of the metric that ranks the trials, such as `"val_accuracy"`
            or `"val_loss"`, or a `keras_tuner.Objective`.
        max_trials: Number of trials: 10 if None for "random" and "bayesian", the whole
            grid if None for "grid". That of "hyperband" follows from its epochs.
        factor: For "hyperband": of each rung, one trial in `factor` goes on.
        seed: Seed, at least 1, of the hyperparameters drawn and of every trial.
        overwrite: Whether to delete a search of this name first.

    Returns:
        A `keras_tuner.Tuner`. Its `search` takes the arguments of `model.fit` but for
        `epochs`, and prints one line a trial, or nothing with `verbose=0`. In place of
        a dataset that draws its batches anew in each pass, as `bucket_by_length` does,
        give it a function that makes one: then no trial depends on those before it.

    Raises:
        ValueError: If an argument isn't one of those above, the builder declares no
            hyperparameters, its model isn't compiled or doesn't report the objective,
            or the folder holds another search, a damaged one, or other files.
        TypeError: If the builder isn't a function or doesn't return a `keras.Model`.
        ImportError: If `tensorboard` is missing: every trial would fail without it.

    Example:

    ```python
    tuner = make_tuner("hyperband", max_epochs=10, directory="searches", name="imdb")
    print(price(tuner))
    tuner.search(x, y, validation_split=0.2)
    print(leaderboard(tuner))
    ```
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {sorted(KINDS)}. Received: {kind!r}.")
    for argument, value, least in [
        ("max_epochs", max_epochs, 1),
        ("max_trials", 1 if max_trials is None else max_trials, 1),
        ("factor", factor, 2),
        ("seed", seed, 1),  # Keras Tuner takes 0 for no seed
    ]:
        if not isinstance(value, int) or value < least:
            raise ValueError(f"{argument} must be an int of at least {least}. Received: {value!r}.")
    if not name or Path(name).name != name:
        raise ValueError(f"name must be the name of a folder, without a path. Received: {name!r}.")
    if overwrite and machines.role() == "worker":
        raise ValueError("A worker takes no overwrite=True: it joins the search of its chief.")
    if importlib.util.find_spec("tensorboard") is None:
        raise ImportError("Keras Tuner needs tensorboard and does not say so: install tensorboard.")
    options = {}
    if kind == "hyperband":
        if max_trials is not None:
            raise ValueError(
                "hyperband takes no max_trials: their number follows from max_epochs and "
                f"factor. Received: max_trials={max_trials}."
            )
        options = {"max_epochs": max_epochs, "factor": factor}
    elif kind == "grid" or max_trials is not None:
        options = {"max_trials": max_trials}
    oracle = KINDS[kind].Oracle(objective=objective, seed=seed, **options)
    goal = oracle.objective  # its name and direction
    space, builder, n_settings = describe_builder(build, goal.name)
    if n_settings < oracle.settings_needed():
        raise ValueError(
            f"The space has {n_settings} different settings, and this {kind} search would start "
            f"{oracle.settings_needed()}. Search it whole, by kind='grid'."
        )
    settings = {
        "kind": kind,
        "max_epochs": max_epochs,
        **options,
        "objective": [goal.name, goal.direction],
        "seed": seed,
        "hyperparameter": space,
        "builder": builder,
    }
    claim_folder(Path(directory, name), settings, overwrite)
    with contextlib.redirect_stdout(io.StringIO()):  # "Reloading Tuner from ..."
        return KINDS[kind](build, oracle, max_epochs, directory, name)
