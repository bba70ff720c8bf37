"""Fixtures that tests of several wings use."""

import pytest

from gru_tf import datasets


@pytest.fixture(scope="session")
def imdb():
    """The reviews, read once for all tests: they must leave them as they are."""
    return datasets.load_imdb()
