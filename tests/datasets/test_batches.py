"""Batches by length: every sequence once, hardly any padding."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from gru_tf import datasets, models


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
    # And in any order, short ones not first.
    dataset = datasets.bucket_by_length(x, batch_size=16, seed=1)
    widths = [batch.shape[1] for batch in dataset.as_numpy_iterator()]
    assert widths != sorted(widths)


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
        ([[1, 2]], [np.nan], "y must hold finite numbers, .* Received NaN"),
        ([[1, 2]], [0, 1], r"\(1,\) or \(1, size\). Received shape: \(2,\)"),
        ([], None, "Received none"),
        ([[1, np.nan]], None, "Received 1 NaN"),
        ([[1, -4]], None, "Received: -4"),
        (np.ones((2, 3, 4, 5)), None, r"\(2, 3, 4, 5\)"),
        ([[[1, 2]], [1]], None, r"\(1, 2\)"),
        ([np.ones((2, 3)), np.ones((2, 4))], None, r"\(2, 3\), \(2, 4\)"),
        ([np.full((2, 3), np.inf)], None, "infinity"),
        ([np.full((2, 3), 1e300)], None, "within float32"),
        ([[1, 2]], [1e300], "y must hold finite numbers, within float32"),
        ([[1, 2], [3]], [0, 2**40], "y must hold integers.* Received: 0 to 1099511627776"),
        (np.ones((2, 0), int), None, r"one time step.*\(2, 0\)"),
        ([[1, 2**31]], None, "below 2.*Received: 2147483648"),
        ([[1, 2], [0, 3]], None, "right-padded.* row 1"),
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
    for x in (None, 3, 3.5):
        with pytest.raises(TypeError, match=f"list of sequences. Received: {x}"):
            datasets.bucket_by_length(x)


def test_buckets_of_vectors_with_any_labels_and_weights():
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(length, 3)) for length in rng.integers(1, 9, 20)]
    labels, weights = np.arange(20), np.arange(20) / 10
    seen = {}
    dataset = datasets.bucket_by_length(x, labels, 8, sample_weight=weights)
    for x_batch, y_batch, w_batch in dataset.as_numpy_iterator():
        assert x_batch.dtype == w_batch.dtype == "float32"
        for row, label, weight in zip(x_batch, y_batch, w_batch, strict=True):
            assert weight == pytest.approx(label / 10)
            seen[int(label)] = row
    assert sorted(seen) == list(range(20))
    for label, row in seen.items():
        np.testing.assert_allclose(row[: len(x[label])], x[label], rtol=1e-6)
        assert not row[len(x[label]) :].any()
    ((_, y),) = datasets.bucket_by_length(x[:2], [[0.5, 1], [2, 3]]).as_numpy_iterator()
    assert sorted(y.tolist()) == [[0.5, 1.0], [2.0, 3.0]]


def test_targets_of_every_step_are_padded_and_weighed():
    """Padding counts in no loss: the same as sequence by sequence."""
    x, y = [[3, 4, 5], [6]], [[4, 5, 1], [1]]
    dataset = datasets.bucket_by_length(x, y, shuffle=False, every_step=True)
    ((x_batch, y_batch, w_batch),) = dataset.as_numpy_iterator()
    assert x_batch.tolist() == [[3, 4, 5], [6, 0, 0]]
    assert y_batch.tolist() == [[4, 5, 1], [1, 0, 0]]
    assert w_batch.tolist() == [[1, 1, 1], [1, 0, 0]]
    options = {"shuffle": False, "every_step": True, "sample_weight": [2, 0.5]}
    ((*_, w_batch),) = datasets.bucket_by_length(x, y, **options).as_numpy_iterator()
    assert w_batch.tolist() == [[2, 2, 2], [0.5, 0, 0]]
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Embedding(9, 4), keras.layers.GRU(5, return_sequences=True)]
    model = keras.Sequential([*layers, keras.layers.Dense(9)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", loss, weighted_metrics=["accuracy"])
    together = model.evaluate(dataset, verbose=0)[0]
    alone = [loss(np.array([b]), model(np.array([a]))) for a, b in zip(x, y, strict=True)]
    # Keras divides by the number of targets, padding included.
    assert together * 6 == pytest.approx(float(3 * alone[0] + alone[1]), rel=1e-5)
    with pytest.raises(ValueError, match="targets of one size"):
        datasets.bucket_by_length([[1], [2]], [[1], [[1, 2]]], every_step=True)
    with pytest.raises(ValueError, match=r"every step.*\[3, 2\]"):
        datasets.bucket_by_length(x, [[1, 2, 3], [4, 5]], every_step=True)


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0]])
def test_targets_of_every_step_keep_their_fractions_in_any_order(batch_size, order):
    x, y = [[], [1, 7], [1, 7, 8]], [[], [1, 2], [0.5, 0.25, 0]]
    x, y = [x[i] for i in order], [y[i] for i in order]
    dataset = datasets.bucket_by_length(x, y, batch_size, shuffle=False, every_step=True)
    found = [row for _, y_batch, _ in dataset.as_numpy_iterator() for row in y_batch]
    for row, targets in zip(found, y, strict=True):
        assert row.dtype == "float32"
        assert row[: len(targets)].tolist() == targets
        assert not row[len(targets) :].any()
