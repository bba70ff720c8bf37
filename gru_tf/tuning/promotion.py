"""Promotion: a trial that goes on is the model that one longer fit would have given.

Keras Tuner lets it go on from the weights of its *best* epoch, with an optimizer that
starts anew. Here the state after the *last* epoch is kept: weights, optimizer, and the
streams of random numbers that Keras' layers hold, such as dropout's. Data made by a
function go on in their own order too. Two streams can't be had, as TensorFlow doesn't
hand them out: that in which `fit` itself shuffles (give it `shuffle=False` and a function
that makes a dataset), and random operations of a layer that hold no `SeedGenerator`.
"""

import zipfile

import keras
import keras_tuner as kt
import numpy as np

from gru_tf.atomic import replacing

CURVES = "curves.json"  # in a trial's folder: what each epoch measured


class Recorder(keras.callbacks.Callback):
    """Counts what a trial costs, starts it from a state, and saves the state after its last epoch.

    Args:
        start: File of the state to start from, or None.
        end: File for the state after the last epoch, or None.
        epochs_before: Epochs that the model has seen up to that state.
    """

    def __init__(self, start=None, end=None, epochs_before=0):
        super().__init__()
        self.start, self.end, self.epochs_before = start, end, epochs_before
        self.steps = self.parameters = self.iterations = 0
        self.curves = []  # of each fit: each metric's values, an epoch each
        self.asked, self.ran = [], []  # of each fit: the epoch to end after, and how many it ran

    def __deepcopy__(self, memo):
        return self  # Keras Tuner copies the callbacks for each execution: this one counts them all

    def begin(self):
        """Return a callback that starts the fit, to stand before all others."""
        return _Begin(self)

    def on_epoch_end(self, epoch, logs=None):
        """Count the epoch, note its metrics, and save the state if it is the last."""
        self.ran[-1] += 1
        for name, value in (logs or {}).items():
            if np.ndim(value) == 0:
                self.curves[-1].setdefault(name, []).append(float(value))
        self.iterations = _iterations(self.model)
        # Now, as early stopping may bring back the best weights once training has ended.
        if self.end and (epoch + 1 >= self.params["epochs"] or self.model.stop_training):
            save_state(self.model, self.end)

    def on_train_end(self, logs=None):
        """Note how large the model is, and how many steps it has made here."""
        self.steps += self.iterations - self.first
        self.parameters = self.model.count_params()

    def check(self, first, last):
        """Refuse fits that didn't run from epoch `first` to `last`, or till they were stopped.

        A trial may have several fits, as cross-validation has, of which some may end earlier, or
        phases that share its epochs. No more than the callbacks see can be refused.

        Raises:
            keras_tuner.errors.FailedTrialError: If none was asked for all epochs, or one had more.
        """
        ends = max(self.asked, default=0), sum(self.asked)  # of one fit, of all phases
        if any(self.asked) and (last not in ends or max(self.ran) > last - first):
            raise kt.errors.FailedTrialError(
                "ValueError: HyperModel.fit() must leave `epochs` and `initial_epoch` of "
                f"model.fit() as it gets them, here {last} and {first}. Received: epochs="
                f"{max(self.asked)}, of which {max(self.ran)} were run."
            )

    def cost(self, seconds):
        """Return what the trial cost. `epochs` are all that its model has seen, by its steps."""
        seen = self.iterations / self.steps if self.steps else 1
        return {
            "epochs": round(seen * sum(self.ran)),
            "epochs_run": sum(self.ran),
            "seconds": seconds,
            "parameters": self.parameters,
        }


class _Begin(keras.callbacks.Callback):
    """Starts the fit of a recorder: before all other callbacks, which may look at the model."""

    def __init__(self, recorder):
        super().__init__()
        self.recorder = recorder

    def __deepcopy__(self, memo):
        return self

    def on_train_begin(self, logs=None):
        if self.recorder.start:
            load_state(self.model, self.recorder.start)
        self.recorder.first = _iterations(self.model)
        self.recorder.curves.append({})
        self.recorder.ran.append(0)
        self.recorder.asked.append((self.params or {}).get("epochs", 0))  # a loop may not say


def save_state(model, file):
    """Save what the next epoch of a model depends on, whole or not at all."""
    with replacing(file) as unfinished, open(unfinished, "wb") as stream:
        # A zip file, with a checksum of each array.
        np.savez(stream, *[_as_array(variable) for variable in _state(model)])


def load_state(model, file):
    """Put a model where the fit ended that saved the file.

    Raises:
        ValueError: If the builder gave a model of other variables.
    """
    with np.load(file) as arrays:
        arrays = list(arrays.values())
    state = _state(model)
    shapes = [[tuple(thing.shape) for thing in things] for things in (arrays, state)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"The builder must give the same variables each time: a promoted model lacks those of "
            f"the trial that it goes on from. Received: {shapes[1]}, expected {shapes[0]}."
        )
    for variable, array in zip(state, arrays, strict=True):
        variable.assign(array)


def is_whole(file):
    """Return whether a file of a state is there and undamaged."""
    try:
        with zipfile.ZipFile(file) as arrays:
            return arrays.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def skip_epochs(dataset, n):
    """Take a dataset that was just made to where it is after n epochs.

    A `tf.data.Dataset` draws its order when a pass begins, a `keras.utils.PyDataset` at
    the end of an epoch.
    """
    for _ in range(n):
        if isinstance(dataset, keras.utils.PyDataset):
            dataset.on_epoch_end()
        elif hasattr(dataset, "element_spec"):
            next(iter(dataset), None)


def _iterations(model):
    return int(_as_array(model.optimizer.iterations))


def _as_array(variable):  # which under a distribution strategy is one of several copies
    return keras.ops.convert_to_numpy(keras.ops.convert_to_tensor(variable))


def _state(model):
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    seeds = [v for v in model.variables if v.name == "seed_generator_state"]
    return [*model.weights, *model.optimizer.variables, *seeds]
