"""Fixtures that tests of several wings use."""

import signal

import pytest

from gru_tf import datasets

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
