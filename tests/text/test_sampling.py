"""Sampling: distributions worked by hand, draws against a reading of the whole text."""

import collections

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.models import build_language_model
from gru_tf.text import longest_copy, narrow, one_step, sample_texts

P = np.array([0.4, 0.1, 0.3, 0.2])


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    model = build_language_model(9, 4, 8, gru=gru_tf.GRU)
    model.set_weights([3 * w for w in model.get_weights()])  # so that tokens differ
    return model


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, P),
        ({"temperature": 0.5}, P**2 / (P**2).sum()),
        ({"temperature": 1e-3}, [1, 0, 0, 0]),
        ({"temperature": 1e6}, [0.25] * 4),
        ({"top_k": 2}, [4 / 7, 0, 3 / 7, 0]),
        ({"top_k": 9}, P),
        ({"top_p": 0.4}, [1, 0, 0, 0]),
        ({"top_p": 0.41}, [4 / 7, 0, 3 / 7, 0]),
        ({"top_p": 1.0}, P),
        ({"top_k": 3, "top_p": 0.7}, [4 / 7, 0, 3 / 7, 0]),  # of .9, .7 are .78
    ],
)
def test_narrow_by_hand(settings, expected):
    np.testing.assert_allclose(narrow(P, **settings), expected, atol=1e-5)
    np.testing.assert_allclose(narrow([P, P[::-1]], **settings)[1], expected[::-1], atol=1e-5)


def test_narrow_keeps_the_fewest_whose_sum_is_exactly_what_was_asked_for():
    p = [0.5, 0.25, 0.125, 0.125]  # which have no rounding
    for top_p, kept in ((0.5, [1, 0, 0, 0]), (0.75, [2 / 3, 1 / 3, 0, 0])):
        np.testing.assert_allclose(narrow(p, top_p=top_p), kept)


def test_narrow_keeps_what_is_impossible_impossible():
    np.testing.assert_array_equal(narrow([0.0, 0.5, 0.5], temperature=100.0)[0], 0.0)


@pytest.mark.parametrize("gru", [gru_tf.GRU, keras.layers.GRU])
def test_step_by_step_equals_the_whole(gru):
    keras.utils.set_random_seed(0)
    model = build_language_model(9, 4, 8, gru=gru)
    x = np.random.default_rng(0).integers(1, 9, (3, 6))
    whole, step, state = model.predict(x, verbose=0), one_step(model), np.zeros((3, 8), "float32")
    for t in range(6):
        p, state = step(x[:, t].astype("int32"), state)
        np.testing.assert_allclose(p, whole[:, t], atol=1e-6)


def test_draws_as_often_as_the_model_says(model):
    first = collections.Counter(text[0] if text else 3 for text in sample_texts(model, 4000))
    expected = model.predict(np.array([[1]]), verbose=0)[0, 0]
    expected[[0, 1]] = 0
    expected /= expected.sum()
    for token in range(9):
        spread = 5 * np.sqrt(expected[token] * (1 - expected[token]) / 4000)
        assert first[token] / 4000 == pytest.approx(expected[token], abs=float(spread) + 1e-9)


def test_ends_repeats_and_leaves_out(model):
    texts = sample_texts(model, 50, max_length=30, never=[2, 5], seed=1)
    assert texts == sample_texts(model, 50, max_length=30, never=[2, 5], seed=1)
    assert texts != sample_texts(model, 50, max_length=30, never=[2, 5], seed=2)
    assert len({len(text) for text in texts}) > 3  # they end by themselves
    assert not {0, 1, 2, 3, 5} & {token for text in texts for token in text}
    assert max(map(len, sample_texts(model, 50, max_length=3))) == 3


@pytest.mark.parametrize("layer", [keras.layers.LSTM, keras.layers.SimpleRNN, gru_tf.MinGRU])
def test_any_recurrent_layer_writes(layer):
    keras.utils.set_random_seed(0)
    model = build_language_model(9, 4, 8, gru=layer)
    model.set_weights([3 * w for w in model.get_weights()])
    (text,) = sample_texts(model, 1, max_length=6, top_k=1)
    read = [1]
    for token in text:
        p = model.predict(np.array([read]), verbose=0)[0, -1]
        p[[0, 1]] = 0
        assert token == p.argmax()
        read.append(token)


def test_ids_of_another_vocabulary(model):
    texts = sample_texts(model, 300, max_length=12, start=8, end=5)
    drawn = set().union(*texts)
    assert drawn == {1, 2, 3, 4, 6, 7}
    assert min(map(len, texts)) < 12
    with pytest.raises(ValueError, match="end must be an int of at least 0 and at most 8"):
        sample_texts(model, end=9)


def test_the_likeliest_is_the_one_of_the_whole_text(model):
    (text,) = sample_texts(model, 1, max_length=8, top_k=1)
    read = [1]
    for token in text:
        p = model.predict(np.array([read]), verbose=0)[0, -1]
        p[[0, 1]] = 0
        assert p.argmax() == token
        read.append(token)


def test_longest_copy():
    assert longest_copy([4, 5, 6, 7], [[9, 5, 6], [6, 7, 5]]) == [5, 6]
    assert longest_copy([4, 5], [[5], [4]]) == [4]  # not across the end of a sequence
    assert longest_copy([4], [[5]]) == []
    rng = np.random.default_rng(0)
    corpus = [rng.integers(0, 4, 40).tolist() for _ in range(5)]
    for _ in range(20):
        sample = rng.integers(0, 4, 15).tolist()
        runs = {tuple(s[i : i + k]) for s in corpus for k in range(16) for i in range(40 - k + 1)}
        found = [sample[i:j] for i in range(15) for j in range(i, 16) if tuple(sample[i:j]) in runs]
        assert longest_copy(sample, corpus) == max(found, key=len)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0}, "temperature must be a finite number above 0. Received: 0"),
        ({"temperature": float("nan")}, "temperature must be a finite number above 0"),
        ({"top_k": 0}, "top_k must be an int of at least 1. Received: 0"),
        ({"top_p": 1.5}, "top_p must be .* above 0 and of at most 1. Received: 1.5"),
        ({"n": 0}, "n must be an int of at least 1"),
        ({"max_length": 0}, "max_length must be an int of at least 1"),
        ({"never": range(2, 9)}, "never must leave a token .* Received: range.2, 9., of 9 tokens"),
    ],
)
def test_refuses(model, settings, message):
    with pytest.raises(ValueError, match=message):
        sample_texts(model, **settings)
