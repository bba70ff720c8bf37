"""What TensorFlow keeps, or says, when many models are built in a row: that is a search."""

import contextlib
import gc
import logging


@contextlib.contextmanager
def without_leak():
    """Let TensorFlow forget the gradients that it has registered inside.

    Each `tf.custom_gradient` that is traced into a graph, and Keras' optimizers and the
    recurrent layers have some, adds an entry to a registry that nothing ever empties.
    The entry holds the graph, and so everything that the model was: some 9 MB a trial.
    """
    from tensorflow.python.framework import ops

    entries = getattr(ops.gradient_registry, "_registry", {})
    before = set(entries)
    try:
        yield
    finally:
        for name in entries.keys() - before:
            if name.startswith("CustomGradient-"):
                del entries[name]


@contextlib.contextmanager
def without_warnings():
    """Silence TensorFlow, which warns of many models traced in a row."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextlib.contextmanager
def with_less_to_collect():
    """Spare the garbage collection that Keras Tuner does before each trial half a second.

    What was there before the search, it need not go through every time.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
