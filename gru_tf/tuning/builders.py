"""Builders whose settings a search chooses."""

import keras

from gru_tf.models import build_sentiment_classifier


def build_tunable_sentiment_classifier(
    hp,
    num_words=10_000,
    embedding_dim=128,
    units_step=32,
    max_units=512,
    gru=keras.layers.GRU,
):
    """Build a sentiment classifier whose units, dropout and learning rate are searched.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        num_words: Size of the vocabulary.
        embedding_dim: Length of a word's vector.
        units_step: Smallest number of units, and the step between two numbers.
        max_units: Largest number of units.
        gru: A recurrent layer class with the signature of `keras.layers.GRU`.

    Returns:
        A compiled `keras.Model`, as `gru_tf.models.build_sentiment_classifier` gives.

    Example: a smaller space.

    >>> build = functools.partial(build_tunable_sentiment_classifier, max_units=128)
    >>> build(kt.HyperParameters()).output_shape
    (None, 1)
    """
    return build_sentiment_classifier(
        num_words=num_words,
        embedding_dim=embedding_dim,
        units=hp.Int("units", units_step, max_units, step=units_step),
        dropout=hp.Choice("dropout", [0.0, 0.25, 0.5]),
        learning_rate=hp.Choice("learning_rate", [1e-2, 1e-3, 1e-4], default=1e-3),
        gru=gru,
    )
