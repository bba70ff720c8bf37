"""Fixtures that several test modules use."""

import pytest


@pytest.fixture
def make(tmp_path):
    """Return a function that makes a tuner of a small search, in a folder of the test."""
    import small_search
    from gru_tf.tuning import make_tuner

    def make(kind="hyperband", build=small_search.build, **options):
        options = {"max_epochs": 3, "directory": tmp_path, "name": "search", **options}
        return make_tuner(kind, build, **options)

    return make


@pytest.fixture(scope="session")
def large(tmp_path_factory):
    """Return the tuner of a search of 15 trials that ran through, in this process."""
    import small_search

    tuner = small_search.make_large(tmp_path_factory.mktemp("large"))
    small_search.search(tuner)
    return tuner
