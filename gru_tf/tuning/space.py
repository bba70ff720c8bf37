"""The space of a builder: what it declares, how many settings that makes, and its model."""

import contextlib
import functools
import inspect
import math
import types

import keras
import keras_tuner as kt
from keras_tuner.engine.hyperparameters import Boolean, Choice, Fixed, Int

from gru_tf.checks import describe

MOST_VALUES = 20  # of a choice; one with more of them is taken for a number


def as_hypermodel(build):
    """Return a builder as a `keras_tuner.HyperModel`, with its `fit` if it has one.

    Raises:
        TypeError: If it is neither a function nor a HyperModel.
        ValueError: If it is a method of a HyperModel whose `fit` would be dropped.
    """
    if isinstance(build, kt.HyperModel):
        return build
    function = unwrap(build)[0]
    owner = getattr(function, "__self__", None)
    if not isinstance(function, types.FunctionType | types.MethodType):
        raise TypeError(f"build must be a function of hyperparameters. Received: {build!r}.")
    if isinstance(owner, kt.HyperModel):
        if function is build and function in (owner.build, owner._build):
            return owner
        if has_fit(owner):
            raise ValueError(
                f"{type(owner).__name__} has a fit() of its own, which a search with one of its "
                f"methods would drop. Give make_tuner() the object itself. Received: {build!r}."
            )
    hypermodel = kt.HyperModel()
    hypermodel.build = build
    return hypermodel


def unwrap(build):
    """Return the function inside partials, and the arguments bound to it by their names."""
    bound = {}
    while isinstance(build, functools.partial):
        positional = {f"argument {i}": value for i, value in enumerate(build.args)}
        bound = {**positional, **build.keywords, **bound}
        build = build.func
    return build, bound


def has_fit(hypermodel):
    """Return whether a HyperModel trains its models in its own way."""
    return type(hypermodel).fit is not kt.HyperModel.fit


def explore(hypermodel, oracle):
    """Tell an oracle of all hyperparameters that a builder declares.

    Keras Tuner builds the default alone, and those inside its `conditional_scope`. Here
    each value of a choice is built once, and the largest of each integer, so that what
    stands behind an `if` or in a loop is known before the search, and is priced.

    Returns:
        What the builder returns for the default values.

    Raises:
        ValueError: If a name is declared under two conditions.
    """
    hp = oracle.get_space()
    hypermodel.declare_hyperparameters(hp)
    model = hypermodel.build(hp)
    oracle.update_space(hp)
    found, tried = {}, set()  # a hyperparameter's name: the values under which it was found
    while new := [branch for branch in _branches(oracle.get_space().space) if branch not in tried]:
        for name, value, conditions in new:
            tried.add((name, value, conditions))
            values = {**dict(conditions), **found.get(name, {}), name: value}
            hp = oracle.get_space()
            known = {p.name for p in hp.space}
            hp.values.update(values)
            with contextlib.suppress(Exception):  # the search will say why it fails
                hypermodel.build(hp)
                oracle.update_space(hp)
            found |= {p.name: values for p in oracle.get_space().space if p.name not in known}
    names = [p.name for p in oracle.get_space().space]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(
            "Each hyperparameter needs a name of its own: of one that is declared under two "
            f"conditions, Keras Tuner loses the value or draws it unseeded. Received: {twice}."
        )
    return model


def _branches(space):
    for p in space:
        if isinstance(p, Choice | Boolean):
            others = list(p.values) if len(list(p.values)) <= MOST_VALUES else []
        else:
            others = [p.max_value] if isinstance(p, Int) else []
        conditions = tuple((c.name, c.values[0]) for c in p.conditions)
        yield from ((p.name, value, conditions) for value in others if value != p.default)


def describe_space(space):
    """Return hyperparameters, each with its configuration, as a dict that JSON can hold."""
    return {p.name: p.get_config() for p in space}


def count_settings(space):
    """Return how many settings a space has at most, each of its branches counted apart."""
    parents = {condition.name for p in space for condition in p.conditions}

    def count(rest, values):
        if not rest:
            return 1
        p, *rest = rest
        if not all(condition.is_active(values) for condition in p.conditions):
            return count(rest, values)
        if p.name not in parents:
            return _size(p) * count(rest, values)
        if _size(p) == math.inf:
            return math.inf
        return sum(count(rest, {**values, p.name: value}) for value in p.values)

    return count(list(space), {})


def _size(p):
    if is_fixed(p):
        return 1
    if getattr(p, "step", 1) is not None:
        return len(list(p.values))
    # Keras Tuner draws from the whole range
    return p.max_value - p.min_value + 1 if isinstance(p.default, int) else math.inf


def is_fixed(p):
    """Return whether a hyperparameter has a single value."""
    return isinstance(p, Fixed)


def check_model(model, objective, own_fit=False):
    """Refuse what can't be trained, or doesn't report what a search ranks its trials by.

    Args:
        model: What a builder returned.
        objective: As `make_tuner` takes it. One that is a text must be reported by the
            model; a `keras_tuner.Objective` may be logged by a callback.
        own_fit: Whether a HyperModel trains the model in its own way.

    Raises:
        TypeError: If it is no `keras.Model`.
        ValueError: If it isn't compiled, or doesn't report the objective.
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"build must return a keras.Model. Received: {model!r}.")
    if not model.compiled and not own_fit:
        raise ValueError(
            f"build must return a compiled model. Received: {model.name!r}, not compiled."
        )
    if own_fit or type(model).train_step is not keras.Model.train_step:
        return  # it reports what it likes
    config = model.get_compile_config()
    names = ["loss", *_metric_names([config.get("metrics"), config.get("weighted_metrics")])]
    parts = objective if isinstance(objective, list) else [objective]
    for objective in (part for part in parts if isinstance(part, str)):
        # With several outputs, a metric's name comes after its output's.
        if not any(("_" + objective).endswith("_" + name) for name in names):
            known = [*names, *(f"val_{name}" for name in names)]
            raise ValueError(
                f"The model does not report the objective. Received: {objective!r}, and it "
                f"reports: {known}. If a callback logs it, give keras_tuner.Objective(name, "
                "direction)."
            )


def objective_names(goal):
    """Return the names of the metrics that an objective, or several of them, consist of."""
    return [part.name for part in getattr(goal, "objectives", [goal])]


def _metric_names(metrics):
    if isinstance(metrics, str):
        yield metrics
    elif isinstance(metrics, dict) and "class_name" in metrics:
        config = metrics["config"]
        yield config if isinstance(config, str) else config["name"]
    elif metrics is not None:
        for metric in metrics.values() if isinstance(metrics, dict) else metrics:
            yield from _metric_names(metric)


def fit_arguments(hypermodel, args, kwargs):
    """Return what is given to a `fit`, by the names of its arguments."""
    given = inspect.signature(keras.Model.fit).bind_partial
    if not has_fit(hypermodel):
        return {k: v for k, v in given(None, *args, **kwargs).arguments.items() if k != "self"}
    return {**{f"argument {i}": value for i, value in enumerate(args)}, **kwargs}


def list_callbacks(callbacks):
    """Return callbacks as a new list: `fit` also takes a single one, or None.

    Raises:
        TypeError: If one of them is none of Keras'.
    """
    listed = [] if callbacks is None else keras.tree.flatten(callbacks)
    if not all(isinstance(callback, keras.callbacks.Callback) for callback in listed):
        raise TypeError(
            "callbacks must be a keras.callbacks.Callback, a list of them, or None. "
            f"Received: {describe(callbacks)}."
        )
    return listed


def check_validated(goal, validation_data, validation_split):
    """Raise a ValueError if an objective needs validation data, and there are none."""
    names = objective_names(goal)
    validated = validation_data is not None or validation_split
    if not validated and any(name.startswith("val_") for name in names):
        raise ValueError(
            f"The objective {names} needs validation_data or validation_split. Received: "
            f"validation_data=None, validation_split={validation_split}."
        )
