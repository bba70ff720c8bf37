"""Real data for the lessons: checked against its checksum at every load, and offline.

Numbers lie in the folder `data`, beside the package in a clone and inside it once
installed. Text is read, as a file, from an installed package that carries it. Each
`load_*` returns a small frozen dataclass of arrays; `make_windows`, `pad_left` and
`bucket_by_length` turn arrays into what a GRU is trained on.
"""

from gru_tf.datasets.batches import bucket_by_length, pad_left
from gru_tf.datasets.music import Chorales, load_chorales, split_by_melody
from gru_tf.datasets.results import load_results
from gru_tf.datasets.reviews import (
    Reviews,
    ReviewTexts,
    load_imdb,
    load_review_sentences,
    load_review_texts,
)
from gru_tf.datasets.series import Ecg, Stocks, Weather, load_ecg, load_stocks, load_weather
from gru_tf.datasets.signals import Signals, load_basic_motions, load_japanese_vowels
from gru_tf.datasets.swings import NextValue, load_next_value
from gru_tf.datasets.tables import Table, load_boston_housing
from gru_tf.datasets.translation import (
    DATE_FORMS,
    TextPairs,
    load_date_pairs,
    load_english_french,
)
from gru_tf.datasets.windows import make_windows

__all__ = [
    "DATE_FORMS",
    "Chorales",
    "Ecg",
    "NextValue",
    "ReviewTexts",
    "Reviews",
    "Signals",
    "Stocks",
    "Table",
    "TextPairs",
    "Weather",
    "bucket_by_length",
    "load_basic_motions",
    "load_boston_housing",
    "load_chorales",
    "load_date_pairs",
    "load_ecg",
    "load_english_french",
    "load_imdb",
    "load_japanese_vowels",
    "load_next_value",
    "load_results",
    "load_review_sentences",
    "load_review_texts",
    "load_stocks",
    "load_weather",
    "make_windows",
    "pad_left",
    "split_by_melody",
]
