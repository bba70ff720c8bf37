"""A search of models so small that it takes a second, for the tests of searches.

The models are run eagerly, which saves the two seconds of tracing a trial: what is
tested is the search. Run as a program, it is a Hyperband search in a process of its own,
which a test can kill: `python small_search.py DIRECTORY`.
"""

import functools
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from gru_tf.tuning import leaderboard, make_tuner

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 3)).astype("float32")
Y = (X.sum(axis=1) + RNG.normal(size=32) > 0).astype("float32")[:, None]


def build(hp, largest=4):
    units = hp.Int("units", 1, largest)
    rate = hp.Choice("learning_rate", [0.3, 0.1, 0.03])
    layers = [keras.layers.Dense(units, "tanh"), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential([keras.Input((3,)), *layers])
    optimizer = keras.optimizers.SGD(rate, momentum=0.5)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return model


def build_without_input(hp):
    model = keras.Sequential([keras.layers.Dense(hp.Int("units", 1, 3), "tanh")])
    model.add(keras.layers.Dense(1, "sigmoid"))
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return model


few = functools.partial(build, largest=2)  # a space of six points
many = functools.partial(build, largest=100)


def in_four_dimensions(hp):
    """Build a model, in a space so large that a Bayesian search has many next points."""
    for i in range(2):
        hp.Float(f"unused_{i}", 0.0, 1.0)
    return build(hp)


class Count(keras.callbacks.Callback):
    """Counts fits and epochs, and interrupts the nth fit as Ctrl-C does.

    Keras Tuner copies callbacks for each trial, hence the lists of the class.
    """

    fits, epochs = [], []
    interrupt_at = None

    def on_train_begin(self, logs=None):
        self.fits.append(1)
        if len(self.fits) == self.interrupt_at:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(logs)

    @classmethod
    def start(cls, interrupt_at=None):
        cls.fits.clear(), cls.epochs.clear()
        cls.interrupt_at = interrupt_at
        return [cls()]


def search(tuner, interrupt_at=None, **options):
    callbacks = Count.start(interrupt_at)
    options = {"validation_split": 0.25, "verbose": 0, "callbacks": callbacks, **options}
    tuner.search(X, Y, **options)
    return leaderboard(tuner)


def make_large(directory, name="search"):
    """Make a search of 15 trials in three brackets."""
    budget = {"max_epochs": 4, "factor": 2}
    where = {"directory": directory, "name": name}
    return make_tuner("hyperband", many, **budget, objective="val_loss", **where)


def comparable(table):
    """Return what must be the same whenever and wherever the trials were run."""
    return table.drop(columns=["trial", "seconds"])


def main():
    tuner = make_large(sys.argv[1])
    print("ready", flush=True)
    search(tuner, verbose=1)


if __name__ == "__main__":
    main()
