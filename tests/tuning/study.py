"""A search for the tests of searches in a database: its trials train nothing."""

import functools
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner as kt
import numpy as np

from gru_tf.tuning import make_tuner, storage

X = np.zeros((8, 1), "float32")
DATA = {"x": X, "y": X, "validation_split": 0.5}
WAIT = 600  # seconds: reached by what hangs, never by a machine that is busy
WORDS = (ImportError, OSError, RuntimeError, ValueError)  # what the command turns into a sentence


def wait_for(condition):
    end = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.05)


class Toy(kt.HyperModel):
    """Has every kind of hyperparameter; its losses are drawn, so they tell the seed."""

    hooks = []  # called at the start of each trial: no part of the identity

    def build(self, hp):
        kind = hp.Choice("kind", ["wide", "deep"])
        hp.Int("units", 8, 64, step=8)
        hp.Float("rate", 1e-4, 1e-1, sampling="log")
        hp.Float("dropout", 0.0, 0.5, step=0.1)
        hp.Int("width", 1, 100, sampling="log", step=10, parent_name="kind", parent_values=["wide"])
        with hp.conditional_scope("kind", ["deep"]):
            if kind == "deep":
                hp.Boolean("residual")
                hp.Int("layers", 1, 3)
        hp.Fixed("depth", 3)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Flatten()])
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    def fit(self, hp, model, x, y=None, callbacks=(), epochs=1, **options):
        for hook in self.hooks:
            hook()
        callbacks = keras.callbacks.CallbackList(callbacks, model=model, epochs=epochs)
        callbacks.on_train_begin()
        losses = []
        model.stop_training = False
        for epoch in range(epochs):
            losses.append(float(keras.random.uniform(())) / (epoch + 1))
            callbacks.on_epoch_end(epoch, {"val_loss": losses[-1]})
            if model.stop_training:
                break
        callbacks.on_train_end()
        return {"val_loss": min(losses)}


def make(directory, kind="random", build=None, **options):
    if kind == "random":
        options = {"max_trials": 6, **options}
    options = {"name": "study", "max_epochs": 3, "objective": "val_loss", **options}
    return make_tuner(kind, build or Toy(), directory=directory, **options)


def work(url, directory, said, patience, gate, options):
    """Be one process of a search, as the command is, and print into a file.

    Its trials begin, and wait until there is a file `gate`. Without one, the process dies in
    its first trial.
    """
    sys.stdout = sys.stderr = open(said, "w", buffering=1)  # noqa: SIM115
    Toy.hooks.append(functools.partial(wait_for, gate.exists) if gate else lambda: os._exit(7))
    try:
        last = storage.search(make(directory, **options), url, **DATA, patience=patience)
    except WORDS as error:
        sys.exit(str(error))
    print("last" if last else "not last")
