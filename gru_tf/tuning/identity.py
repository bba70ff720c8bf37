"""What identifies a builder, its space, and the data: texts that are the same in every process."""

import ast
import functools
import hashlib
import inspect
import math
import re
import textwrap
import types

import keras
import keras_tuner as kt
import numpy as np


def describe_builder(build, objective):
    """Build one model, and say what identifies the builder and its space.

    Args:
        build: A function of a `keras_tuner.HyperParameters`, or a partial of one.
        objective: Name of the metric that ranks the trials.

    Returns:
        Two dicts that JSON can hold: the hyperparameters, each with its configuration,
        and the builder's name, source and the values bound to it; and how many settings
        the space has at most.

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
    return space, {"function": _identify(function), "uses": bound}, _count_settings(hp)


def _count_settings(hp):
    sizes = [1]
    for p in hp.space:
        if hasattr(p, "value"):
            continue
        if getattr(p, "step", 1) is not None:
            sizes.append(len(list(p.values)))
        else:  # Keras Tuner draws from the whole range
            sizes.append(p.max_value - p.min_value + 1 if isinstance(p.default, int) else math.inf)
    return math.prod(sizes)


def describe_data(data):
    """Say what identifies data: what they are, their shapes, and a checksum.

    Args:
        data: Anything that `fit` takes. Of a dataset, and of a function that makes one,
            the first batch is looked at, and its numbers count if it is the same twice.

    Returns:
        A text, or a list or a dict of such.
    """
    if isinstance(data, dict):
        return {str(name): describe_data(value) for name, value in data.items()}
    if isinstance(data, tuple) or (isinstance(data, list) and _holds_arrays(data)):
        return [describe_data(part) for part in data]
    if isinstance(data, keras.callbacks.Callback):
        names = inspect.signature(type(data).__init__).parameters
        known = {name: _identify(getattr(data, name)) for name in names if hasattr(data, name)}
        return {"callback": type(data).__name__, **known}
    if isinstance(data, list) or hasattr(data, "__array__"):
        array = np.asarray(data)
        content = repr(array.tolist()).encode() if array.dtype.hasobject else array.tobytes()
        return f"{array.dtype} {array.shape}, checksum {hashlib.sha256(content).hexdigest()[:12]}"
    if callable(data) or hasattr(data, "element_spec") or isinstance(data, keras.utils.PyDataset):
        once, again = (describe_data(_first_batch(data)) for _ in range(2))
        return once if once == again else "batches in random order"
    return _identify(data)


def _first_batch(data):
    data = data() if callable(data) else data
    return data[0] if hasattr(data, "__getitem__") else tuple(next(iter(data)))


def _holds_arrays(parts):
    return any(hasattr(part, "__array__") or isinstance(part, dict) for part in parts)


def _identify(value):
    """Say what a value is, the same in every process: a text, or a list or a dict of such."""
    if isinstance(value, dict):
        return {str(name): _identify(part) for name, part in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if isinstance(value, list | tuple):
        return [_identify(part) for part in value]
    if hasattr(value, "__array__") and not isinstance(value, type | np.generic):
        return describe_data(value)
    if isinstance(value, types.FunctionType | types.MethodType):
        try:
            source = _without_comments(inspect.getsource(value))
        except OSError:  # typed into a plain `python`
            source = repr((value.__code__.co_code, value.__code__.co_names))
        return f"{value.__qualname__}, source {hashlib.sha256(source.encode()).hexdigest()[:12]}"
    if isinstance(value, types.ModuleType):
        return value.__name__
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def _without_comments(source):
    """Return what a function does, without its docstring, comments and line breaks."""
    try:
        tree = ast.parse(textwrap.dedent(source))
    except SyntaxError:  # a lambda, from the middle of a statement
        return source
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) and len(node.body) > 1:
            del node.body[0]
    return ast.unparse(tree)


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
