"""The tokeniser of the reviews as a layer, which is saved in a model."""

import collections

import keras
import tensorflow as tf

from gru_tf.checks import check_at_least, check_iterable, check_one_of
from gru_tf.text.vocabulary import FIRST_WORD, START, UNKNOWN

# TensorFlow's `lower` ends a text at a NUL, and goes by the language of the environment: Turkish
# has other small letters for I and for the first of these, Lithuanian for the rest.
_BEFORE_LOWER = {r"\x00": " ", **{letter: letter.lower() for letter in "\u0130\u00cc\u00cd\u0128"}}


@keras.saving.register_keras_serializable("gru_tf")
class TextToWordIds(keras.layers.Layer):
    """Turn texts into word ids inside a model, as the reviews were turned before training.

    The ids are the same in every language that a computer may be set to.

    Args:
        words: The vocabulary, a list of str: the first has id 4, the next id 5, and so on.
        maxlen: Number of ids kept of each text, at least 1.
        truncating: `"pre"` keeps the last maxlen ids of a longer text, `"post"` the first.

    Raises:
        TypeError: If words holds something that isn't a str.
        ValueError: If a word comes twice, maxlen is below 1, or truncating is another word.

    Call arguments:
        texts: str, (batch,) or (batch, 1).

    Returns:
        Word ids, int32 (batch, time), right-padded with 0 to the longest of the batch.

    Example:

    >>> layer = TextToWordIds(["a", "good", "film"], maxlen=5)
    >>> layer(tf.constant(["A GOOD film...", "awful"])).numpy().tolist()
    [[1, 4, 5, 6], [1, 2, 0, 0]]
    """

    def __init__(self, words, maxlen, truncating="pre", **kwargs):
        check_at_least("maxlen", maxlen, 1)
        check_one_of("truncating", truncating, ("pre", "post"))
        check_iterable("words", words, "a list of str")
        words = list(words)
        for word in words:
            if not isinstance(word, str):
                raise TypeError(f"words must be a list of str. Received in it: {word!r}.")
        twice = [word for word, n in collections.Counter(words).items() if n > 1]
        if twice:
            raise ValueError(f"Each of words must be there once. Received more often: {twice[:5]}.")
        super().__init__(**kwargs)
        self.words, self.maxlen, self.truncating = words, int(maxlen), truncating
        self.find = keras.layers.StringLookup(vocabulary=self.words)  # 0 is unknown, then words

    def build(self, texts_shape):
        pass

    def call(self, texts):
        # The steps of `tokenise`, written for TensorFlow's expressions, which can't look around.
        texts = tf.reshape(tf.convert_to_tensor(texts), [-1])
        for pattern, replacement in [("<br />", " "), ("\u2019", "'"), *_BEFORE_LOWER.items()]:
            texts = tf.strings.regex_replace(texts, pattern, replacement)
        texts = tf.strings.lower(tf.strings.lower(texts), "utf-8")  # ASCII first
        for pattern in (r"[^\pL\pN']+", "''+", "(^| )'", "'( |$)"):
            texts = tf.strings.regex_replace(texts, pattern, " ")
        found = tf.cast(self.find(tf.strings.split(texts)), "int32")  # (batch, words of each)
        ids = tf.where(found == 0, UNKNOWN, found + (FIRST_WORD - 1))
        start = tf.fill([ids.nrows(), 1], START)
        ids = tf.concat([start, ids], axis=1)
        ids = ids[:, -self.maxlen :] if self.truncating == "pre" else ids[:, : self.maxlen]
        return ids.to_tensor()

    def compute_output_spec(self, texts):
        return keras.KerasTensor((texts.shape[0], None), dtype="int32")

    def get_config(self):
        own = {"words": self.words, "maxlen": self.maxlen, "truncating": self.truncating}
        return {**super().get_config(), **own}


def read_texts(model, reviews):
    """Put the tokeniser of the reviews before a model, so that it takes texts.

    Saved as one `.keras` file, the result holds its vocabulary: who loads it, after
    `import gru_tf`, needs neither the reviews nor their word index.

    Args:
        model: A model of word ids, such as `build_sentiment_classifier` makes, trained.
        reviews: The `Reviews` that it was trained on.

    Returns:
        A `keras.Model` from texts, str (batch,), to what `model` says of them. Its
        `predict` takes `np.array(["A wonderful film!"], dtype=object)`.

    Raises:
        TypeError: If model isn't a Keras model, or reviews has no word index.
        ValueError: If the model isn't built, or the ids of the word index aren't the whole
            numbers from 4 on.

    Example:

    >>> reader = read_texts(model, load_imdb())  # doctest: +SKIP
    >>> reader.predict(np.array(["A wonderful film!"], dtype=object))  # doctest: +SKIP
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a keras.Model. Received: {type(model).__name__}.")
    if not isinstance(getattr(reviews, "word_index", None), dict):
        raise TypeError(f"reviews must be what load_imdb() returns. Received: {type(reviews)}.")
    if not model.built or not getattr(model, "inputs", None):
        raise ValueError(
            "model must be built: call it once, or begin it with a keras.Input. "
            f"Received: {model.name!r}, not built."
        )
    words = sorted(reviews.word_index, key=reviews.word_index.get)
    ids = [reviews.word_index[word] for word in words]
    if ids != list(range(FIRST_WORD, FIRST_WORD + len(ids))):
        raise ValueError(
            f"reviews.word_index must have the ids {FIRST_WORD}, {FIRST_WORD + 1}, ... without a "
            f"gap, as the layer counts them. Received: {ids[:3]} ... {ids[-1:]}."
        )
    texts = keras.Input((), dtype="string", name="texts")
    to_ids = TextToWordIds(words, reviews.x_train.shape[1], reviews.truncating, name="word_ids")
    bare = keras.Model(model.inputs, model.outputs)  # without its optimizer, of no use here
    return keras.Model(texts, bare(to_ids(texts)), name=f"{model.name}_of_texts")
