"""The ways over time of docs/parallel.md compute the same, and the page has each."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import parallel

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parallel.md"


def gradients(scan, a, b):
    def run():
        with tf.GradientTape() as tape:
            tape.watch([a, b])
            h = parallel.with_gradient(scan)(a, b)
            loss = tf.reduce_sum(h**2)
        return [h, *tape.gradient(loss, [a, b])]

    return tf.function(run, autograph=False)()


@pytest.mark.parametrize("name", parallel.WAYS)
def test_each_way_gives_the_states_and_gradients_of_the_loop(name):
    rng = np.random.default_rng(0)
    a, b = (tf.constant(rng.uniform(0.1, 1, (2, 19, 3)).astype("float32")) for _ in range(2))
    found = gradients(parallel.WAYS[name], a, b)
    for one, other in zip(found, gradients(parallel.one_step_a_turn, a, b), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_the_page_has_a_row_for_each_way_and_for_both_layers():
    rows = [line.split(" | ")[0] for line in PAGE.read_text(encoding="utf-8").splitlines()]
    for name in ["gru_tf.GRU", "gru_tf.MinGRU", *parallel.WAYS]:
        assert f"| {name}" in rows, name
