"""Fixtures that tests of several wings use."""

import gc
import signal

import keras
import pytest
from tensorflow.python.framework import ops

from gru_tf import datasets, recurrence

# What a shell starts in the background ignores Ctrl-C, and under `nohup` a hangup as well; so
# would what the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)  # here it stays without effect


@pytest.fixture(scope="session")
def imdb():
    """The reviews, read once for all tests: they must leave them as they are."""
    return datasets.load_imdb()


def pytest_collection_finish():
    """Spare each garbage collection what was imported: two thirds of all objects."""
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def forget_traces():
    """Let go of what the tests of a module traced, or a process of tests grows by gigabytes."""
    yield
    recurrence._for_all_shapes.cache_clear()
    recurrence._for_these_shapes.cache_clear()
    keras.utils.clear_session()
    registered = ops.gradient_registry._registry  # which TensorFlow never empties
    for name in [name for name in registered if name.startswith("CustomGradient-")]:
        del registered[name]
