"""Perplexity against NumPy, over batches of different length, and saved with a model."""

import keras
import numpy as np
import pytest

import gru_tf
from gru_tf.models import build_language_model
from gru_tf.text import Perplexity, log_probabilities

RNG = np.random.default_rng(0)


def draw(batch, time, tokens=7):
    p = RNG.dirichlet(np.ones(tokens), (batch, time)).astype("float32")
    y = RNG.integers(1, tokens, (batch, time))
    y[0, time // 2 :] = 0
    return y, p


def test_is_over_tokens_and_not_over_batches():
    metric, logs = Perplexity(), []
    for batch, time in [(2, 3), (5, 40)]:
        y, p = draw(batch, time)
        metric.update_state(y, p)
        logs.append(np.log(np.take_along_axis(p, y[..., None], -1)[..., 0][y > 0]))
    assert float(metric.result()) == pytest.approx(np.exp(-np.concatenate(logs).mean()), rel=1e-5)


def test_weights_logits_and_no_ignored_class():
    y, p = draw(3, 6)
    weights = RNG.random((3, 6))
    at = -np.log(np.take_along_axis(p, y[..., None], -1)[..., 0])

    def expected(weights):
        return pytest.approx(np.exp((at * weights).sum() / weights.sum()), rel=1e-5)

    metric = Perplexity(ignore_class=None, from_logits=True)
    metric.update_state(y, np.log(p), weights)
    assert float(metric.result()) == pytest.approx(
        np.exp((at * weights).sum() / weights.sum()), 1e-5
    )
    metric.reset_state()
    metric.update_state(y, np.log(p), weights[:, 0])
    assert float(metric.result()) == expected(np.repeat(weights[:, :1], 6, axis=1))


@pytest.mark.parametrize("time", [(), (6,)])
def test_a_column_of_weights_is_one_weight_a_row(time):
    p = RNG.dirichlet(np.ones(5), (8, *time)).astype("float32")
    y, weights = RNG.integers(1, 5, (8, *time)), RNG.random((8, 1)).astype("float32")
    plain, column = Perplexity(), Perplexity()
    plain.update_state(y, p, weights[:, 0])
    column.update_state(y, p, weights)
    assert float(column.result()) == float(plain.result())
    # As the loss has it, for which Keras makes columns of both.
    inputs = keras.Input(p.shape[1:])
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    loss = "sparse_categorical_crossentropy"
    model.compile(loss=loss, weighted_metrics=[Perplexity(), loss])
    found = model.evaluate(p, y, sample_weight=weights, verbose=0, return_dict=True)
    assert found["perplexity"] == pytest.approx(float(plain.result()), rel=1e-5)
    assert found["perplexity"] == pytest.approx(np.exp(found[loss]), rel=1e-5)


def test_what_is_left_out_cannot_make_it_nan():
    metric = Perplexity()
    metric.update_state([[1, 0]], np.array([[[0.0, 1.0], [0.0, 1.0]]]))
    assert float(metric.result()) == pytest.approx(1.0, abs=1e-3)
    metric = Perplexity(from_logits=True)  # of which none is rounded up from 0
    metric.update_state([[1, 0]], np.array([[[0.0, np.log(3)], [-np.inf, 0.0]]]))
    assert float(metric.result()) == pytest.approx(4 / 3, rel=1e-5)


def test_is_trained_with_and_saved_with_a_model(tmp_path):
    keras.utils.set_random_seed(0)
    model = build_language_model(9, 4, 8, gru=gru_tf.GRU, metrics=[Perplexity()])
    x = RNG.integers(1, 9, (20, 10)) * (np.arange(10) < RNG.integers(2, 11, (20, 1)))
    y = np.where(x > 0, np.roll(x, -1, axis=1), 0)
    model.fit(x, y, batch_size=8, epochs=1, verbose=0)
    before = model.evaluate(x, y, verbose=0, return_dict=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    after = loaded.evaluate(x, y, verbose=0, return_dict=True)
    assert after["perplexity"] == pytest.approx(before["perplexity"], rel=1e-6)
    p = model.predict(x, verbose=0)
    at = np.log(np.take_along_axis(p, y[..., None], -1)[..., 0][y > 0])
    assert before["perplexity"] == pytest.approx(np.exp(-at.mean()), rel=1e-4)


def test_log_probabilities_are_those_of_each_sequence_alone():
    keras.utils.set_random_seed(0)
    model = build_language_model(9, 4, 8, gru=gru_tf.GRU)
    sequences = [[1, *RNG.integers(2, 9, n)] for n in (3, 1, 12, 0, 5)]
    found = log_probabilities(model, sequences, batch_size=2)
    assert [len(logs) for logs in found] == [3, 1, 12, 0, 5]
    for logs, sequence in zip(found, sequences, strict=True):
        if len(sequence) > 1:
            p = model.predict(np.array([sequence[:-1]]), verbose=0)[0]
            expected = np.log(p[np.arange(len(p)), sequence[1:]])
            np.testing.assert_allclose(logs, expected, rtol=1e-5)


def test_a_batch_of_first_tokens_alone_has_no_logarithms():
    model = build_language_model(9, 4, 8, gru=gru_tf.GRU)
    for sequences in ([[1]], [[1], [1], [1, 4]]):
        found = log_probabilities(model, sequences, batch_size=2)
        assert [logs.shape for logs in found] == [(len(row) - 1,) for row in sequences]


def test_ids_of_another_vocabulary_are_refused_before_work_starts():
    model = build_language_model(9, 4, 8)
    with pytest.raises(ValueError, match="sequences must hold ids .* below 9. Received: 1 to 9"):
        log_probabilities(model, [[1, 9]])


def test_a_model_of_other_outputs_is_refused():
    steps = keras.Input((None, 3))
    a, b = keras.layers.Dense(4)(steps), keras.layers.Dense(5)(steps)
    last = keras.layers.GRU(4)(steps)
    for outputs in ([a, b], {"a": a, "b": b}, [a, b, last], last):
        with pytest.raises(ValueError, match="one output, .*num_tokens.* Received a model of"):
            log_probabilities(keras.Model(steps, outputs), [[1, 2]])
