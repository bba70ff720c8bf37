"""Searches for hyperparameters that can be priced, stopped, resumed and read.

Thin over Keras Tuner, whose tuner objects `make_tuner` returns: what its
documentation says of them still holds. Added are a price before the search, trials
that score the same whenever they are run, a search that refuses to go on under
other settings, progress that one can read, and a table.

Source: https://keras.io/keras_tuner/
"""

from gru_tf.tuning.builders import build_tunable_sentiment_classifier
from gru_tf.tuning.make import make_tuner
from gru_tf.tuning.pricing import Price, price
from gru_tf.tuning.results import best_model, leaderboard

__all__ = [
    "Price",
    "best_model",
    "build_tunable_sentiment_classifier",
    "leaderboard",
    "make_tuner",
    "price",
]
