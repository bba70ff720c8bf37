"""Data files: found, missing and damaged."""

import pytest

from gru_tf import datasets
from gru_tf.datasets import files


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-1], lambda data: data.replace(b"24.7", b"24.8"), lambda data: b""],
)
def test_a_damaged_file_is_refused(other_data, damage):
    path = other_data / "boston_housing.csv"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="damaged") as error:
        datasets.load_boston_housing()
    for part in (str(path), files.CHECKSUMS[path.name], "found", "git checkout -- data"):
        assert part in str(error.value)


def test_a_missing_file_is_named(other_data):
    (other_data / "boston_housing.csv").unlink()
    with pytest.raises(FileNotFoundError, match="boston_housing.csv"):
        datasets.load_boston_housing()


def test_an_installed_copy_comes_first(other_data, monkeypatch):
    monkeypatch.setattr(files, "FOLDERS", (other_data, other_data / "nowhere"))
    assert len(datasets.load_boston_housing().y) == 506


def test_readme_gives_the_checksum_of_every_file():
    text = (files.FOLDERS[1] / "README.md").read_text()
    for path in files.FOLDERS[1].iterdir():
        if path.is_file() and path.name != "README.md":
            assert f"## {path.name}" in text
            assert files.CHECKSUMS[path.name] in text
