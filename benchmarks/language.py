"""Language models of review sentences, by characters and by words: GRUs against n-grams.

    python benchmarks/language.py               all of it: about an hour on 2 idle cores
    python benchmarks/language.py --level words one of the two

Training, validation and test parts are those of `load_review_texts`. A row of a GRU has the
cross-entropy in nats a token on the validation and the test part, and that of the mixture with
the best n-grams of order 8 or less, whose weight is chosen on the validation part. A row of people
says how long runs of real sentences stand in the training part.
"""

import argparse
import functools
import time

import keras
import numpy as np

import gru_tf
from gru_tf.commands import run_command
from gru_tf.datasets import bucket_by_length, load_review_texts
from gru_tf.models import build_language_model
from gru_tf.text import (
    END,
    UNKNOWN,
    NGrams,
    ids_to_words,
    index_words,
    log_probabilities,
    longest_copy,
    sample_texts,
    words_to_ids,
)
from results import run_table

SEEDS = (0, 1, 2)
ORDERS = {"characters": range(1, 17), "words": range(1, 6)}
MOST_MIXED = 8  # the highest order that a GRU is mixed with
SETTINGS = {
    "characters": {"embedding_dim": 64, "units": 384, "dropout": 0.1, "learning_rate": 3e-3},
    "words": {"embedding_dim": 128, "units": 128, "dropout": 0.5, "learning_rate": 4e-3},
}
BATCH_SIZE = {"characters": 8, "words": 16}
EPOCHS = {"characters": 8, "words": 12}
NUM_WORDS = 5000
WINDOW = {"words": 23}  # steps of a stream's window: as many as a sentence has on average


@functools.cache
def read(level):
    """Return the ids of the three parts, and the index of their tokens."""
    texts = load_review_texts()
    cut = list if level == "characters" else str.split
    tokens = [list(map(cut, part)) for part in (texts.x_train, texts.x_valid, texts.x_test)]
    index = index_words(tokens[0], 1000 if level == "characters" else NUM_WORDS)
    return [[[*row, END] for row in words_to_ids(part, index)] for part in tokens], index


@functools.cache
def count(level, smoothing):
    (train, _, _), index = read(level)
    return NGrams(max(ORDERS[level]), max(index.values()) + 1, smoothing).fit(train)


def nats(logs):
    return round(float(-np.concatenate(logs).mean()), 4)


def ngrams(level, smoothing, order, **_):
    """Return the cross-entropy of n-grams."""
    model, (_, valid, test) = count(level, smoothing), read(level)[0]
    found = [nats(model.log_probabilities(part, order)) for part in (valid, test)]
    return {"valid": found[0], "test": found[1]}


def best_ngrams(level):
    """Return the n-grams of up to MOST_MIXED that are best on the validation part."""
    found = []
    for smoothing in ("kneser-ney", "witten-bell"):
        for order in [order for order in ORDERS[level] if order <= MOST_MIXED]:
            score = ngrams(level, smoothing, order)["valid"]
            found.append((score, smoothing, order))
    _, smoothing, order = min(found)
    return functools.partial(count(level, smoothing).log_probabilities, order=order)


def train_on_sentences(level, seed):
    """Train on whole sentences under a mask."""
    (train, valid, _), index = read(level)
    size = BATCH_SIZE[level]
    model = build_language_model(max(index.values()) + 1, **SETTINGS[level], gru=gru_tf.GRU)
    schedule(model, level, -(-len(train) // size))
    x, y = [row[:-1] for row in train], [row[1:] for row in train]
    batches = bucket_by_length(x, y, size, seed=seed, every_step=True)
    return fit(model, batches, level, valid)


def train_tied(level, seed):
    """Train on whole sentences, with one table of vectors for what is read and what is said."""
    (train, valid, _), index = read(level)
    size, settings = BATCH_SIZE[level], SETTINGS[level]
    table = keras.layers.ReversibleEmbedding(
        max(index.values()) + 1, settings["units"], mask_zero=True, name="embedding"
    )
    tokens = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Dropout(settings["dropout"])(table(tokens))
    states = gru_tf.GRU(settings["units"], return_sequences=True, name="gru")(vectors)
    states = keras.layers.Dropout(settings["dropout"])(states)
    outputs = keras.layers.Softmax(name="next_token")(table(states, reverse=True))
    model = keras.Model(tokens, outputs)
    model.compile(keras.optimizers.Adam(clipnorm=1.0), "sparse_categorical_crossentropy")
    schedule(model, level, -(-len(train) // size))
    x, y = [row[:-1] for row in train], [row[1:] for row in train]
    batches = bucket_by_length(x, y, size, seed=seed, every_step=True)
    return fit(model, batches, level, valid)


def train_on_a_stream(level, seed):
    """Train by truncated backpropagation: one long text in windows, the state carried on.

    The sentences stand one after the other, in an order drawn anew each epoch. A batch holds as
    many lanes as the other trainings have sentences; a window is as long as a sentence is on
    average: as many steps of the optimizer, of as many tokens.
    """
    (train, valid, _), index = read(level)
    size, window, settings = BATCH_SIZE[level], WINDOW[level], SETTINGS[level]
    n_tokens = max(index.values()) + 1
    model = build_language_model(n_tokens, **settings, gru=gru_tf.GRU)
    tokens = keras.Input(batch_shape=(size, window), dtype="int32")
    vectors = model.get_layer("dropout")(model.get_layer("embedding")(tokens))
    gru = gru_tf.GRU(settings["units"], return_sequences=True, stateful=True)
    states = model.get_layer("state_dropout")(gru(vectors))
    stream = keras.Model(tokens, model.get_layer("next_token")(states))
    stream.compile(keras.optimizers.Adam(clipnorm=1.0), "sparse_categorical_crossentropy")
    n_windows = sum(map(len, train)) // (size * window)
    schedule(stream, level, n_windows)
    rng, curve = np.random.default_rng(seed), []
    start = time.process_time()
    for _ in range(EPOCHS[level]):
        text = np.concatenate([train[row] for row in rng.permutation(len(train))])
        lanes = text[: n_windows * size * window].reshape(size, -1)  # (size, n_windows * window)
        follow = np.roll(lanes, -1, axis=1)  # its last column, one in thousands, is wrong
        gru.reset_states()
        for begin in range(0, lanes.shape[1], window):
            part = slice(begin, begin + window)
            stream.train_on_batch(lanes[:, part], follow[:, part])
        model.get_layer("gru").set_weights(gru.get_weights()[: len(model.get_layer("gru").weights)])
        curve.append(nats(log_probabilities(model, valid)))
    return model, curve, time.process_time() - start


def schedule(model, level, steps):
    rate = SETTINGS[level]["learning_rate"]
    model.optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(
        rate, EPOCHS[level] * steps, alpha=0.05
    )


def fit(model, batches, level, valid):
    """Return the model, its cross-entropy on the validation part by epoch, and CPU seconds."""
    curve, start = [], time.process_time()
    for _ in range(EPOCHS[level]):
        model.fit(batches, shuffle=False, verbose=0)
        curve.append(nats(log_probabilities(model, valid)))
    return model, curve, time.process_time() - start


def neural(level, training, seed):
    """Train a GRU, and judge it alone and mixed with the best n-grams."""
    keras.utils.set_random_seed(seed)
    model, curve, seconds = TRAININGS[training](level, seed)
    (_, valid, test), _ = read(level)
    counted, row = best_ngrams(level), {"valid": curve[-1], "curve": curve}
    logs = [np.concatenate(log_probabilities(model, part)) for part in (valid, test)]
    others = [np.concatenate(counted(part)) for part in (valid, test)]
    weights = np.linspace(0, 1, 21)
    mixed = [[mix(a, b, w) for w in weights] for a, b in zip(logs, others, strict=True)]
    best = int(np.argmin(mixed[0]))
    row |= {
        "test": round(float(-logs[1].mean()), 4),
        "weight_of_gru": round(float(weights[best]), 2),
    }
    row |= {"mixture_test": round(mixed[1][best], 4), "weights": model.count_params()}
    if training == "sentences":
        row |= samples(model, level)
    return row | {"cpu_seconds": round(seconds)}


def mix(logs, others, weight):
    """Return the cross-entropy of weight parts of one model and 1 - weight of another."""
    return float(-np.log(weight * np.exp(logs) + (1 - weight) * np.exp(others)).mean())


def samples(model, level):
    """Return two texts at each of three temperatures, and how much of a text is copied."""
    (train, _, _), index = read(level)
    limit, gap = (250, "") if level == "characters" else (60, " ")
    found = {}
    for temperature in (0.5, 0.8, 1.0):
        drawn = sample_texts(model, 100, limit, temperature, never=[UNKNOWN])
        texts = [gap.join(ids_to_words(text, index)) for text in drawn]
        found[f"samples_{temperature}"] = texts[:3]
        found[f"copied_{temperature}"] = round(copied(drawn, train), 2)
    return found


def people(level, **_):
    """Return how much of a real sentence stands in the training part."""
    train, valid, _ = read(level)[0]
    return {"copied": round(copied([row[1:-1] for row in valid[:100]], train), 2)}


def copied(texts, train):
    """Return the mean length of the longest run of tokens that stands in the training part.

    `UNKNOWN` is no word, but many: it matches nothing.
    """
    nothing = 1 + max(map(max, train))
    texts = [[nothing if token == UNKNOWN else token for token in text] for text in texts]
    return float(np.mean([len(longest_copy(text, train)) for text in texts]))


TRAININGS = {"sentences": train_on_sentences, "tied": train_tied, "stream": train_on_a_stream}


def language():
    """Yield what tells each row of the table from the others, and what makes it."""
    for level in ("words", "characters"):
        for smoothing in ("kneser-ney", "witten-bell"):
            for order in ORDERS[level]:
                settings = {"model": "n-grams", "smoothing": smoothing, "order": order}
                yield {"level": level} | settings, ngrams
        for training in TRAININGS if level == "words" else ["sentences"]:
            for seed in SEEDS:
                settings = {"model": "GRU", "training": training, "seed": seed}
                yield {"level": level} | settings, neural
        yield {"level": level, "model": "people"}, people


def run_one(run, settings):
    """Run one row of the table."""
    keras.backend.clear_session()
    return settings | run(**{key: value for key, value in settings.items() if key != "model"})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--level", choices=ORDERS, help="only this one")
    parser.add_argument("--seed", type=int, choices=SEEDS, help="of the GRUs, only this one")
    parser.add_argument("--anew", action="store_true", help="do again what is not stale, too")
    options = parser.parse_args()
    only = {key: getattr(options, key) for key in ("level", "seed")}
    only = {key: value for key, value in only.items() if value is not None}
    run_table("language", list(language()), run_one, only=only, anew=options.anew)


if __name__ == "__main__":
    run_command(main)
