"""Translators: one step at a time against all at once, and attention and loss by hand."""

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.models import (
    build_attention_translator,
    build_translator,
    decode_step,
    encode,
    teacher_inputs,
)

BUILDERS = [build_translator, build_attention_translator]
LAYERS = [keras.layers.GRU, gru_tf.GRU, keras.layers.LSTM]
START, END = 1, 3
RNG = np.random.default_rng(0)
SOURCE = np.array([[5, 6, 7, 8, 9], [9, 5, 0, 0, 0], [4, 4, 8, 0, 0]])
TARGET = np.array([[7, 8, END, 0], [5, 6, 9, END], [END, 0, 0, 0]])
BEFORE = np.array([[START, 7, 8, 0], [START, 5, 6, 9], [START, 0, 0, 0]])


def new_model(build, gru=keras.layers.GRU, **options):
    keras.utils.set_random_seed(1)
    model = build(10, 10, units=6, gru=gru, **options)
    # Larger weights than those at the start, so that words and positions tell.
    model.set_weights([RNG.normal(size=w.shape) for w in model.get_weights()])
    return model


def test_teacher_inputs_tell_the_words_before_and_no_end():
    np.testing.assert_array_equal(teacher_inputs(TARGET, START, END), BEFORE)
    assert TARGET[0, 2] == END  # the argument is left alone


def test_one_id_may_start_and_end_a_text():
    before = np.where(BEFORE == START, END, BEFORE)
    np.testing.assert_array_equal(teacher_inputs(TARGET, END, END), before)
    with pytest.raises(ValueError, match="start must be an int of at least 1. Received: 0"):
        teacher_inputs(TARGET, 0, END)


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("gru", LAYERS)
def test_step_by_step_is_all_at_once(build, gru):
    model = new_model(build, gru)
    expected = model.predict([SOURCE, BEFORE], verbose=0)
    states = encode(model, SOURCE)
    for t in range(BEFORE.shape[1]):
        p, states, weights = decode_step(model, BEFORE[:, t], states)
        real = BEFORE[:, t] != 0
        np.testing.assert_allclose(np.asarray(p)[real], expected[real, t], atol=1e-5)
        assert (weights is None) == (build is build_translator)


@pytest.mark.parametrize("build", BUILDERS)
def test_a_model_of_another_name_is_told_by_its_layers(build):
    model = new_model(build)
    other = keras.Model(model.inputs, model.outputs, name="other")
    (p, _, weights), (expected, _, expected_weights) = (
        decode_step(one, BEFORE[:, 0], encode(one, SOURCE)) for one in (other, model)
    )
    np.testing.assert_array_equal(p, expected)
    assert (weights is None) == (expected_weights is None) == (build is build_translator)


def test_ids_of_another_vocabulary_are_refused():
    model = new_model(build_translator)
    states = encode(model, SOURCE)
    with pytest.raises(ValueError, match="source must hold ids .* below 10. Received: 5 to 10"):
        encode(model, [[5, 10]])
    with pytest.raises(ValueError, match="words must hold ids .* below 10. Received: 1 to 10"):
        decode_step(model, np.array([1, 1, 10]), states)


@pytest.mark.parametrize("build", BUILDERS)
def test_padding_of_the_source_changes_nothing(build):
    model = new_model(build)
    short = model.predict([SOURCE[1:], BEFORE[1:]], verbose=0)
    padded = model.predict([np.pad(SOURCE[1:], ((0, 0), (0, 4))), BEFORE[1:]], verbose=0)
    np.testing.assert_allclose(padded, short, atol=1e-6)


@pytest.mark.parametrize("build", BUILDERS)
def test_loss_and_accuracy_are_of_the_words_and_the_end_alone(build):
    model = new_model(build)
    p = model.predict([SOURCE, BEFORE], verbose=0)
    real = TARGET != 0
    of_target = np.take_along_axis(p, TARGET[:, :, None], axis=2)[:, :, 0][real]
    expected = (
        -np.log(np.clip(of_target, 1e-7, 1)).mean(),
        (p.argmax(axis=2) == TARGET)[real].mean(),
    )
    found = model.evaluate([SOURCE, BEFORE], TARGET, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_attention_is_a_softmax_of_what_the_layers_say():
    model = new_model(build_attention_translator)
    states = encode(model, SOURCE)
    memory = np.asarray(states[-2])
    _, after, weights = decode_step(model, BEFORE[:, 0], states)
    (W,), (U,), (v,) = (
        model.get_layer(name).get_weights() for name in ("queries", "keys", "attention")
    )
    for i, n in enumerate((5, 2, 3)):  # real words
        energies = np.tanh(np.asarray(after[0])[i] @ W + memory[i, :n] @ U) @ v
        expected = np.exp(energies) / np.exp(energies).sum()
        np.testing.assert_allclose(weights[i, :n], expected, atol=1e-5)
        np.testing.assert_allclose(weights[i, n:], 0, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("build", BUILDERS)
def test_it_learns_to_write_a_text_backwards(build):
    rng = np.random.default_rng(0)
    texts = rng.integers(4, 8, (600, 4))
    source, target = texts, np.hstack([texts[:, ::-1], np.full((600, 1), END)])
    keras.utils.set_random_seed(0)
    model = build(8, 8, units=32, learning_rate=0.01, gru=gru_tf.GRU)
    model.fit([source, teacher_inputs(target, START, END)], target, epochs=15, verbose=0)
    assert model.evaluate([source, teacher_inputs(target, START, END)], target, verbose=0)[1] > 0.95
