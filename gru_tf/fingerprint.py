"""A search knows what it is: its settings stand in a file beside its results.

Keras Tuner goes on with whatever it finds in a folder, and says no word if the space,
the budget, the seed or the objective have changed since. `gru_tf.tuning` writes them
down, and compares them here first.
"""

import functools
import hashlib
import inspect
import json
import os
import re
import types

import keras
import keras_tuner as kt

_WAYS_ON = "Give the search another name, or pass overwrite=True to delete this one."


def describe_builder(build, objective):
    """Build one model, and say what identifies the builder and its space.

    Args:
        build: A function of a `keras_tuner.HyperParameters`, or a partial of one.
        objective: Name of the metric that ranks the trials.

    Returns:
        A pair of dicts that JSON can hold: the hyperparameters, each with its
        configuration; and the builder's name, source and the values bound to it.

    Raises:
        TypeError: If it isn't a function, or doesn't return a `keras.Model`.
        ValueError: If it declares nothing to search, or if the model isn't compiled or
            doesn't report the objective.
    """
    function, bound = build, {}
    while isinstance(function, functools.partial):
        positional = {f"argument {i}": value for i, value in enumerate(function.args)}
        bound = {**positional, **function.keywords, **bound}
        function = function.func
    if not isinstance(function, types.FunctionType | types.MethodType):
        raise TypeError(f"build must be a function of hyperparameters. Received: {build!r}.")
    hp = kt.HyperParameters()
    _check_model(build(hp), objective)
    space = {p.name: p.get_config() for p in hp.space if not hasattr(p, "value")}  # not the Fixed
    if not space:
        raise ValueError(f"{function.__qualname__} declares no hyperparameters: nothing to search.")
    used = inspect.getclosurevars(function)
    bound = {
        name: _identify(value)
        for name, value in {**used.globals, **used.nonlocals, **bound}.items()
    }
    return space, {"function": _identify(function), "uses": bound}


def claim_folder(folder, settings, overwrite):
    """Refuse a folder that holds another search, a damaged one, or something else.

    Args:
        folder: `pathlib.Path` of the search, which need not exist.
        settings: Dict of what identifies the search.
        overwrite: Whether a search in the folder may be another one.

    Raises:
        ValueError: If the folder is refused. The message says why, and the ways on.
    """
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not (folder / "search.json").exists():
        raise ValueError(
            f"{folder} holds files but no search.json: make_tuner() did not write it, and will "
            "neither go on there nor delete it. Give the search another name."
        )
    if overwrite:
        return
    there = _read(folder / "search.json")
    changes = list(_changes(there, json.loads(json.dumps(settings))))
    if changes:
        listed = "\n".join(f"  {change}" for change in changes)
        raise ValueError(f"{folder} holds another search:\n{listed}\n{_WAYS_ON}")
    tuners = [_read(path) for path in folder.glob("tuner*.json")]
    if tuners or (folder / "oracle.json").exists():
        for trial_id in _read(folder / "oracle.json")["start_order"]:
            _read(folder / f"trial_{trial_id}" / "trial.json")


def write(path, settings):
    """Write settings to a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(settings, indent=1) + "\n")
    os.replace(partial, path)


def _read(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(
            f"The file {path} of this search is damaged or missing ({error}). "
            f"What is left is kept. {_WAYS_ON}"
        ) from error


def _changes(there, here, name=""):
    if isinstance(there, dict) and isinstance(here, dict):
        for key in [*there, *(key for key in here if key not in there)]:
            yield from _changes(there.get(key), here.get(key), f"{name} {key}".strip())
    elif there != here:
        yield f"{name}: {there!r} there, {here!r} here"


def _identify(value):
    """Say in a text what a value is, the same text in every process."""
    if isinstance(value, types.FunctionType | types.MethodType):
        try:
            source = inspect.getsource(value)
        except OSError:  # typed into a plain `python`
            source = repr((value.__code__.co_code, value.__code__.co_names))
        return f"{value.__qualname__}, source {hashlib.sha256(source.encode()).hexdigest()[:12]}"
    if isinstance(value, types.ModuleType):
        return value.__name__
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def _check_model(model, objective):
    if not isinstance(model, keras.Model):
        raise TypeError(f"build must return a keras.Model. Received: {model!r}.")
    if not model.compiled:
        raise ValueError(
            f"build must return a compiled model. Received: {model.name!r}, not compiled."
        )
    if type(model).train_step is not keras.Model.train_step:
        return  # it reports what it likes
    config = model.get_compile_config()
    names = ["loss", *_metric_names([config.get("metrics"), config.get("weighted_metrics")])]
    # With several outputs, a metric's name comes after its output's.
    if not any(("_" + objective).endswith("_" + name) for name in names):
        known = [*names, *(f"val_{name}" for name in names)]
        raise ValueError(f"The model does not report {objective!r}. It reports: {known}.")


def _metric_names(metrics):
    if isinstance(metrics, str):
        yield metrics
    elif isinstance(metrics, dict) and "class_name" in metrics:
        config = metrics["config"]
        yield config if isinstance(config, str) else config["name"]
    elif metrics is not None:
        for metric in metrics.values() if isinstance(metrics, dict) else metrics:
            yield from _metric_names(metric)
