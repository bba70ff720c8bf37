"""Arguments are checked before any work is done.

Each check raises an error that names the argument, what is accepted, and what was received, and
returns nothing: a stored result doesn't depend on it, and benchmarks/results.py leaves it out.
"""

import argparse
import itertools
import math
import numbers
import reprlib
from collections.abc import Iterable

import numpy as np

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 100


def describe(value):
    """Return a value in few words: an array by type and shape, what is long cut in the middle."""
    if not isinstance(value, type) and getattr(value, "shape", ()) and hasattr(value, "dtype"):
        dtype = getattr(value.dtype, "name", value.dtype)
        return f"{type(value).__name__}, {dtype} {tuple(value.shape)}"
    return _SHORT.repr(value)


def check_one_of(name, value, accepted):
    """Raise a ValueError unless `value` is one of the texts that are accepted."""
    if not isinstance(value, str) or value not in accepted:
        texts = " or ".join(f'"{text}"' for text in accepted)
        raise ValueError(f"{name} must be {texts}. Received: {describe(value)}.")


def check_flag(name, value):
    """Raise a ValueError unless `value` is True or False: "no" would count as True."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False. Received: {describe(value)}.")


def check_at_least(name, value, least, most=None):
    """Raise a ValueError unless `value` is an integer of at least `least`, and at most `most`."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        upper = "" if most is None else f" and at most {most}"
        raise ValueError(
            f"{name} must be an int of at least {least}{upper}. Received: {describe(value)}."
        )


def check_number(name, value, *, least=None, above=None, most=None, below=None):
    """Raise a ValueError unless `value` is a finite number within the limits that are given."""
    limits = {"of at least": least, "above": above, "of at most": most, "below": below}
    right = isinstance(value, numbers.Real) and not isinstance(value, bool)
    right = (
        right
        and _is_finite(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
        and (below is None or value < below)
    )
    if not right:
        texts = [f"{word} {limit}" for word, limit in limits.items() if limit is not None]
        accepted = " ".join(["a finite number", " and ".join(texts)]).strip()
        raise ValueError(f"{name} must be {accepted}. Received: {describe(value)}.")


def _is_finite(value):
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer or a fraction that no float can hold
        return False


def check_instance(name, value, kinds, accepted):
    """Raise a TypeError unless `value` is of one of the classes, which `accepted` says in words."""
    if not isinstance(value, kinds):
        raise TypeError(f"{name} must be {accepted}. Received: {describe(value)}.")


def check_each(name, values, kinds, accepted):
    """Raise a TypeError unless `values` are one or more, each of one of the classes."""
    values = list(values) if isinstance(values, Iterable) else [values]
    if not values or not all(isinstance(value, kinds) for value in values):
        raise TypeError(f"{name} must be {accepted}. Received: {describe(values)}.")


def check_iterable(name, values, accepted):
    """Raise a TypeError unless `values` has an order: no text, no dict, no set."""
    if not isinstance(values, Iterable) or isinstance(values, str | bytes | dict | set | frozenset):
        raise TypeError(f"{name} must be {accepted}. Received: {describe(values)}.")


def check_list(name, values, accepted, least=1):
    """Raise a TypeError unless `values` has a length and an order, a ValueError if it's short."""
    if not isinstance(values, list | tuple | range) and not (
        hasattr(values, "__len__") and hasattr(values, "__array__") and np.ndim(values)
    ):
        raise TypeError(f"{name} must be {accepted}. Received: {describe(values)}.")
    if len(values) < least:
        raise ValueError(f"{name} must hold {least} or more. Received: {describe(values)}.")


def check_words(name, texts, letters=True):
    """Raise a TypeError unless `texts` are lists of words, or texts, whose words are characters.

    Of a generator nothing is looked at. Without `letters` a text that isn't split is refused.
    """
    accepted = "lists of words, str" if letters else "lists of words, each text split"
    check_iterable(name, texts, accepted)
    if hasattr(texts, "columns"):
        raise TypeError(f"{name} must be {accepted}. Received a table: {describe(texts)}.")
    if not letters and hasattr(texts, "__len__"):
        for words in texts:
            if isinstance(words, str):
                raise TypeError(f"{name} must be {accepted}. Received in it: {describe(words)}.")
    for words in texts if isinstance(texts, list | tuple) else ():
        if not isinstance(words, list | tuple | str):
            raise TypeError(f"{name} must be {accepted}. Received in it: {describe(words)}.")
        if not all(issubclass(kind, str) for kind in set(map(type, words))):
            wrong = next(word for word in words if not isinstance(word, str))
            raise TypeError(f"{name} must be {accepted}. Received in it: {describe(wrong)}.")


def check_array(name, values, ndim=None, shape=None, *, kinds="biuf", rows=None, finite=True):
    """Raise an error unless `values` are an array, or lists, of real numbers.

    Args:
        name: Name of the argument.
        values: What was given for it.
        ndim: Number of dimensions, or several that will do, or None for any.
        shape: Those dimensions in words.
        kinds: NumPy's kinds that are accepted: "b" Booleans, "iu" integers, "f" floats.
        rows: Number of rows, or None for any.
        finite: Whether NaN and infinity are refused.

    Raises:
        TypeError: If they are no numbers of these kinds.
        ValueError: If they are ragged, masked, not finite, or of another shape.
    """
    _checked_array(name, values, ndim, shape, kinds, rows, finite)


def check_ids(
    name,
    values,
    ndim=1,
    shape="ids of one sequence, (time,)",
    *,
    below=None,
    least=0,
    lists=True,
):
    """Raise an error unless `values` are ids: integers from 0, below `below`.

    Args:
        name: Name of the argument.
        values: An array, or lists.
        ndim: Number of dimensions.
        shape: Those dimensions in words.
        below: Number that the ids are below, or None for any.
        least: Least number of them.
        lists: Whether lists will do, in place of an array.
    """
    if not lists:
        check_instance(name, values, np.ndarray, shape)
    ids = _checked_array(name, values, ndim, shape, kinds="iu")
    if ids is None:
        return
    if ids.size < least:
        raise ValueError(f"{name} must hold {least} or more ids. Received: {describe(values)}.")
    if ids.size and (ids.min() < 0 or (below is not None and ids.max() >= below)):
        limit = "" if below is None else f" and below {below}"
        raise ValueError(
            f"{name} must hold ids of at least 0{limit}. Received: {ids.min()} to {ids.max()}."
        )


def check_id_lists(name, sequences, below=None, least=1):
    """Raise an error unless `sequences` is a list, not empty, of lists of `least` ids or more."""
    accepted = "a list of lists of ids"
    check_list(name, sequences, accepted)
    for ids in sequences:
        check_list(name, ids, accepted, least)
    check_ids(name, list(itertools.chain.from_iterable(sequences)), below=below)


def check_probabilities(name, values, whole=True):
    """Raise an error unless `values` are from 0 on; if `whole`, with more than 0 in each row.

    Those that aren't whole distributions are at most 1, but for rounding.
    """
    check_array(name, values)
    p = np.asarray(values)
    if not whole and p.size and p.max() > 1 + 1e-4:
        raise ValueError(
            f"{name} must be numbers from 0 to 1. Received: {describe(values)}, up to {p.max():g}."
        )
    if p.size == 0 or p.min() < 0 or (whole and (p.ndim == 0 or not p.sum(axis=-1).all())):
        more = ", of which each row has one above 0" if whole else ""
        raise ValueError(
            f"{name} must be one or more numbers of at least 0{more}. Received: {describe(values)}."
        )


def check_unmasked(name, values):
    """Raise a ValueError if `values` are a masked array, whose mask would be lost."""
    if np.ma.is_masked(values):
        raise ValueError(
            f"{name} must have no masked values: fill the gaps or cut them out. "
            f"Received: {describe(values)}."
        )


def check_backend():
    """Raise a RuntimeError unless Keras computes in TensorFlow, as the layers do."""
    import keras

    if (found := keras.backend.backend()) != "tensorflow":
        raise RuntimeError(
            "The layers of gru_tf compute in TensorFlow: under another backend of Keras they would "
            "not learn. Set the environment variable KERAS_BACKEND to tensorflow before Keras is "
            f"imported. Received: keras.backend.backend() = {found!r}."
        )


def check_model(name, model, layers=()):
    """Raise a TypeError unless `model` is Keras', a ValueError if it lacks one of these layers."""
    import keras

    check_instance(name, model, keras.Model, "a keras.Model")
    found = [layer.name for layer in model.layers]
    if not set(layers) <= set(found):
        raise ValueError(
            f"{name} must have layers of the names {', '.join(layers)}. Received one with: {found}."
        )


def check_function(name, value, accepted="a function"):
    """Raise a TypeError unless `value` can be called."""
    if not callable(value):
        raise TypeError(f"{name} must be {accepted}. Received: {describe(value)}.")


def check_states(name, states):
    """Raise an error unless `states` are a list of arrays, each with as many rows."""
    accepted = "a list of arrays, each with one row a text"
    check_instance(name, states, list | tuple, accepted)
    shapes = [tuple(np.shape(state)) for state in states]
    if not shapes or not all(shapes) or len({shape[0] for shape in shapes}) > 1 or not shapes[0][0]:
        raise ValueError(f"{name} must be {accepted}. Received shapes: {shapes}.")


def number_from(least, kind=int):
    """Return a `type` for an argument of a command line: a number of at least `least`.

    Args:
        least: The smallest number that is accepted.
        kind: `int` or `float`.

    Returns:
        A function of a text, whose error argparse shows as a sentence.
    """
    what = {int: "a whole number", float: "a number"}[kind]

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not value >= least:  # NaN is refused, too
            raise argparse.ArgumentTypeError(f"must be {what} from {least} on. Received: {text}")
        return value

    return parse


def _checked_array(name, values, ndim, shape, kinds, rows=None, finite=True):
    """Check as `check_array` does; return the array, or None of a tensor inside a graph."""
    what = {"iu": "integers", "b": "True or False"}.get(kinds, "real numbers")
    array = _as_array(name, values)
    if array is None:
        return None
    if array.dtype.kind not in kinds and (array.size or array.dtype.kind != "f" or not array.ndim):
        raise TypeError(f"{name} must hold {what}. Received: {describe(values)}.")
    ranks = (ndim,) if isinstance(ndim, int) else ndim
    if ranks and array.ndim not in ranks:
        raise ValueError(f"{name} must be {shape}. Received shape: {array.shape}.")
    if rows is not None and len(array) != rows:
        raise ValueError(f"{name} must have {rows} rows. Received shape: {array.shape}.")
    if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers. Received: NaN or infinity.")
    return array


def _as_array(name, values):
    """Return `values` as an array; None of a tensor inside a graph, which holds no numbers yet."""
    check_unmasked(name, values)
    try:
        return np.asarray(values)
    except NotImplementedError:
        return None
    except ValueError:
        raise ValueError(
            f"{name} must have rows of one length. Received: {describe(values)}."
        ) from None
