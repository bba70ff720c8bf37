"""Fixtures that tests of several wings use."""

import signal

import pytest

from gru_tf import datasets

# What a shell starts in the background ignores Ctrl-C, and so would what the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def imdb():
    """The reviews, read once for all tests: they must leave them as they are."""
    return datasets.load_imdb()
