"""The tokeniser inside a model against the one in Python, on every review and on odd texts."""

import dataclasses
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import gru_tf
from gru_tf import datasets
from gru_tf.datasets import reviews
from gru_tf.models import build_sentiment_classifier
from gru_tf.text import TextToWordIds, read_texts

ODD = [
    "",
    " ",
    "'",
    "<br />",
    "I DON'T like it!<br /><br />Not\u2014at all; 'zyzzyvas' isn\u2019t caf\u00e9...",
    "a''b ''c'' d'e'f ' g' 'h i' 'j",
    "\u00c7A \u0130 \u03a3\u03bf\u03c6\u03cc\u03c2 e\u0301 \u4e2d\u6587",
    "snake_case 1/2 \u00bd 3\u00b2 \u0661 \U0001d7d8",
    "tabs\tand\nlines\u00a0and\u2003spaces",
    "good\0 film 'a\0' b\0c",
    "wonderful " * 700,
]


@pytest.fixture(scope="module")
def raw_texts():
    return reviews._read_table("imdb").text.tolist()


def make_layer(data, maxlen=500, truncating="pre"):
    words = sorted(data.word_index, key=data.word_index.get)
    return TextToWordIds(words, maxlen, truncating)


def padded(ids, maxlen):
    ids = np.asarray(ids)
    return np.pad(ids, ((0, 0), (0, maxlen - ids.shape[1])))


@pytest.mark.slow
def test_ids_of_every_review_are_those_of_training(imdb, raw_texts):
    layer = make_layer(imdb)
    for i in range(0, len(raw_texts), 1000):
        texts = raw_texts[i : i + 1000]
        np.testing.assert_array_equal(padded(layer(tf.constant(texts)), 500), imdb.encode(texts))


def test_ids_of_odd_texts(imdb):
    # With a vocabulary of their own, so that each word counts.
    words = sorted({word for text in ODD for word in reviews.tokenise(text)})
    ids = {word: i for i, word in enumerate(words, 4)}
    expected = [[1] + [ids[word] for word in reviews.tokenise(text)] for text in ODD]
    layer = TextToWordIds(words, maxlen=1000)
    found = layer(tf.constant(ODD)).numpy()
    assert [row[row > 0].tolist() for row in found] == expected


@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_long_texts_are_cut_as_in_training(truncating, imdb):
    data = datasets.load_imdb(maxlen=7, truncating=truncating)
    ids = make_layer(data, 7, truncating)(tf.constant(["one two three four five six seven eight"]))
    np.testing.assert_array_equal(ids, data.encode(["one two three four five six seven eight"]))


@pytest.mark.slow
def test_a_loaded_model_takes_texts(imdb, tmp_path):
    keras.utils.set_random_seed(0)
    model = build_sentiment_classifier(embedding_dim=4, units=4, gru=gru_tf.GRU)
    reader = read_texts(model, imdb)
    texts = np.array(ODD, dtype=object)
    expected = model.predict(imdb.encode(ODD), verbose=0)
    assert np.ptp(expected) > 1e-4
    np.testing.assert_allclose(reader.predict(texts, verbose=0), expected, rtol=1e-5)
    reader.save(tmp_path / "reader.keras")
    np.save(tmp_path / "expected.npy", expected)
    # In another process, which has neither the reviews nor the word index.
    code = (
        "import gru_tf, keras, numpy as np; "
        "model = keras.models.load_model('reader.keras'); "
        f"found = model.predict(np.array({ODD!r}, dtype=object), verbose=0); "
        "np.testing.assert_allclose(found, np.load('expected.npy'), rtol=1e-5)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "Skipping variable" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("locale", ["tr_TR.UTF-8", "lt_LT.UTF-8"])
def test_ids_are_the_same_in_every_language_of_the_environment(locale):
    texts = [*ODD, "I FILM It Ire \u0130stanbul", "J\u0301 \u00ccN \u00cdN \u0128N \u012eN"]
    words = sorted({word for text in texts for word in reviews.tokenise(text)})
    ids = {word: i for i, word in enumerate(words, 4)}
    expected = [[1] + [ids[word] for word in reviews.tokenise(text)] for text in texts]
    code = (
        "import tensorflow as tf; from gru_tf.text import TextToWordIds; "
        f"found = TextToWordIds({words!a}, 1000)(tf.constant({texts!a})).numpy(); "
        f"assert [row[row > 0].tolist() for row in found] == {expected}, found.tolist()"
    )
    env = os.environ | {"LANG": locale, "LC_ALL": locale}  # which need not be installed
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_read_texts_refuses_what_is_no_model_or_no_reviews(imdb):
    with pytest.raises(TypeError, match="keras.Model. Received: str"):
        read_texts("model", imdb)
    with pytest.raises(TypeError, match="load_imdb"):
        read_texts(build_sentiment_classifier(units=2), imdb.x_train)


def test_read_texts_refuses_a_model_without_inputs_and_an_index_with_gaps(imdb):
    unbuilt = keras.Sequential([keras.layers.Embedding(10_000, 2), keras.layers.GRU(2)])
    with pytest.raises(ValueError, match="model must be built"):
        read_texts(unbuilt, imdb)
    gap = dataclasses.replace(imdb, word_index={"a": 4, "film": 6})
    with pytest.raises(ValueError, match=r"without a gap.* Received: \[4, 6\]"):
        read_texts(build_sentiment_classifier(units=2), gap)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["a", "b", "a"], 5), ValueError, r"more often: \['a'\]"),
        ((["a", 3], 5), TypeError, "Received in it: 3"),
        ((["a"], 0), ValueError, "maxlen must be .* Received: 0"),
        ((["a"], 2.5), ValueError, "maxlen must be .* Received: 2.5"),
        ((["a"], 5, "middle"), ValueError, 'truncating must be "pre" or "post"'),
    ],
)
def test_the_layer_refuses_what_would_give_other_ids(arguments, error, message):
    with pytest.raises(error, match=message):
        TextToWordIds(*arguments)
