"""A search knows what it is: its settings, in a file, beside its results.

Keras Tuner goes on with whatever it finds in a folder, and ignores without a word
that the space, the budget, the seed or the objective have changed since.
`gru_tf.tuning` has them written down and compared here first.
"""

import functools
import hashlib
import inspect
import json
import os
import shutil
import types

import keras
import keras_tuner as kt


def describe_builder(build, objective):
    """Build a model once, and say what identifies its builder.

    Args:
        build: A function of a `keras_tuner.HyperParameters`, or a partial of one.
        objective: Name of the metric that the search goes by.

    Returns:
        A dict that JSON can hold: the hyperparameters, the builder's name, a hash of
        its source, and the values that it takes from elsewhere.

    Raises:
        TypeError: If it isn't a function or doesn't return a `keras.Model`.
        ValueError: If it declares nothing to search, or if its model isn't compiled or
            doesn't report the objective.
    """
    function, values = build, {}
    while isinstance(function, functools.partial):
        values = {**dict(enumerate(function.args)), **function.keywords, **values}
        function = function.func
    if not isinstance(function, types.FunctionType | types.MethodType):
        raise TypeError(f"build must be a function of hyperparameters. Received: {build!r}.")
    hp = kt.HyperParameters()
    _check_model(build(hp), build, objective)
    space = {p.name: p.get_config() for p in hp.space if not isinstance(p, kt.engine...Fixed)}
