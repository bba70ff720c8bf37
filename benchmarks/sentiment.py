"""Compare what a sentiment classifier is made of and trained with, over several seeds.

    python benchmarks/sentiment.py TABLE [TABLE ...] [--anew]

The tables are padding, read_out, layers, regularisation, optimisers, transfer and best.
Each is written to data/results/imdb_TABLE.json after every run, and a table that was
stopped goes on where it was; --anew starts it again. Everything is chosen by validation
accuracy; the held-out part is looked at by `best` and `transfer` alone, once a run.
"""

import argparse
import functools
import itertools
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import gru_tf
from gru_tf import models
from gru_tf.datasets import (
    bucket_by_length,
    load_imdb,
    load_results,
    load_review_sentences,
    pad_left,
)
from gru_tf.text import learn_word_vectors
from results import write_results

SEEDS = (0, 1, 2)
SMALL = {"embedding_dim": 32, "units": 32, "learning_rate": 3e-3, "gru": gru_tf.GRU}


@functools.cache
def load(n=None, maxlen=500):
    """Return the reviews with n of their training part, chosen once for all."""
    reviews = load_imdb(maxlen=maxlen)
    return reviews, reviews.x_train[:n], reviews.y_train[:n]


def score(model, x, y):
    return float(model.evaluate(bucket_by_length(x, y, 250, shuffle=False), verbose=0)[1])


def fit(model, x, y, x_valid, y_valid, epochs, seed, batch_size=64):
    """Train on batches by length; return validation accuracy and seconds, by epoch."""
    batches = bucket_by_length(x, y, batch_size, seed=seed)
    curve, seconds = [], []
    for _ in range(epochs):
        start = time.perf_counter()
        model.fit(batches, shuffle=False, verbose=0)
        seconds.append(round(time.perf_counter() - start, 1))
        curve.append(round(score(model, x_valid, y_valid), 4))
    return {"validation_accuracy": curve, "seconds": seconds}


def padding():
    """Both sides, with a mask and without, in three layers: 4,000 reviews, cut at 300 words."""
    layers = {
        "keras.layers.GRU": lambda: keras.layers.GRU(32),
        "gru_tf.GRU": lambda: gru_tf.GRU(32),
        "Bidirectional": lambda: keras.layers.Bidirectional(gru_tf.GRU(16)),
    }

    def run(layer, side, mask, seed):
        reviews, x, y = load(4000, 300)
        pad = pad_left if side == "left" else np.copy
        model = keras.Sequential(
            [
                keras.layers.Embedding(10_000, 32, mask_zero=mask),
                layers[layer](),
                keras.layers.Dense(1, activation="sigmoid"),
            ]
        )
        model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
        valid = (pad(reviews.x_valid), reviews.y_valid)
        history = model.fit(
            pad(x), y, batch_size=64, epochs=3, validation_data=valid, verbose=0
        ).history
        return {"validation_accuracy": np.round(history["val_accuracy"], 4).tolist()}

    for layer, side, mask, seed in itertools.product(
        layers, ("left", "right"), (False, True), SEEDS
    ):
        yield {"layer": layer, "side": side, "mask": mask, "seed": seed}, run


def read_out():
    """What the verdict is read from, measured after every 4,000 reviews of a pass and a half."""
    builders = {
        "last state": models.build_sentiment_classifier,
        "mean of the states": models.build_pooled_sentiment_classifier,
        "last state and peaks": functools.partial(
            models.build_peak_sentiment_classifier, dropout=0.0, word_dropout=0.0
        ),
    }

    def run(read_out, seed):
        reviews, x, y = load()
        model = builders[read_out](**SMALL | {"embedding_dim": 64, "learning_rate": 2e-3})
        order = np.random.default_rng(seed).permutation(len(x))
        curve = []
        for turn in range(7):
            rows = np.take(order, range(4000 * turn, 4000 * (turn + 1)), mode="wrap")
            model.fit(bucket_by_length(x[rows], y[rows], 32, seed=turn), shuffle=False, verbose=0)
            curve.append(round(score(model, reviews.x_valid, reviews.y_valid), 4))
        return {"reviews_a_turn": 4000, "validation_accuracy": curve}

    for name, seed in itertools.product(builders, SEEDS):
        yield {"read_out": name, "seed": seed}, run


def layers():
    """RNN, LSTM and GRU of 32 units: 8,000 reviews cut at 200 words, three epochs."""
    one_way = models.build_sentiment_classifier
    two_ways = functools.partial(models.build_bidirectional_sentiment_classifier, units=16)
    kinds = {
        "SimpleRNN": (one_way, keras.layers.SimpleRNN),
        "LSTM": (one_way, keras.layers.LSTM),
        "GRU": (one_way, keras.layers.GRU),
        "gru_tf.GRU": (one_way, gru_tf.GRU),
        "Bidirectional(gru_tf.GRU), 2 x 16": (two_ways, gru_tf.GRU),
    }

    def run(layer, seed):
        reviews, x, y = load(8000, 200)
        build, gru = kinds[layer]
        settings = SMALL | {"gru": gru}
        if build is two_ways:
            del settings["units"]
        model = build(**settings)
        found = fit(model, x, y, reviews.x_valid, reviews.y_valid, 3, seed)
        return {"weights": model.get_layer("gru").count_params(), **found}

    for name, seed in itertools.product(kinds, SEEDS):
        yield {"layer": name, "seed": seed}, run


def regularisation():
    """Dropout, L2 and early stopping: 8,000 reviews cut at 200 words, four epochs."""
    l2 = keras.regularizers.L2
    penalised = functools.partial(
        gru_tf.GRU, kernel_regularizer=l2(1e-3), recurrent_regularizer=l2(1e-3)
    )
    kinds = {
        "nothing": {},
        "dropout of the read-out, 0.5": {"dropout": 0.5},
        "dropout of the words' coordinates, 0.4": {"word_dropout": 0.4},
        "both": {"dropout": 0.5, "word_dropout": 0.4},
        "L2 of the GRU's weights, 0.001": {"gru": penalised},
    }

    def run(regularisation, seed):
        reviews, x, y = load(8000, 200)
        settings = SMALL | {"dropout": 0.0, "word_dropout": 0.0} | kinds[regularisation]
        model = models.build_peak_sentiment_classifier(**settings)
        found = fit(model, x, y, reviews.x_valid, reviews.y_valid, 4, seed)
        return found | {"training_accuracy": round(score(model, x, y), 4)}

    for name, seed in itertools.product(kinds, SEEDS):
        yield {"regularisation": name, "seed": seed}, run


def optimisers():
    """Three optimisers, three learning rates each: 6,000 reviews cut at 200 words, three epochs."""
    kinds = {
        "Adam": (keras.optimizers.Adam, (1e-3, 4e-3, 1.6e-2)),
        "RMSprop": (keras.optimizers.RMSprop, (1e-3, 4e-3, 1.6e-2)),
        "SGD, momentum 0.9": (
            functools.partial(keras.optimizers.SGD, momentum=0.9),
            (0.1, 0.4, 1.6),
        ),
    }

    def run(optimiser, learning_rate, seed):
        reviews, x, y = load(6000, 200)
        model = models.build_peak_sentiment_classifier(**SMALL)
        make = kinds[optimiser][0]
        model.compile(make(learning_rate), "binary_crossentropy", metrics=["accuracy"])
        return fit(model, x, y, reviews.x_valid, reviews.y_valid, 3, seed)

    for name, (_, rates) in kinds.items():
        for rate, seed in itertools.product(rates, SEEDS):
            yield {"optimiser": name, "learning_rate": rate, "seed": seed}, run


def train_best(seed, epochs=3):
    """Train the best single GRU that validation has found; return it, and how it went."""
    reviews, x, y = load()
    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    vectors = learn_word_vectors(x)
    before = time.perf_counter() - start
    # Evenly down to nothing: what is learnt in big steps is set right in small ones.
    rate = keras.optimizers.schedules.PolynomialDecay(3e-3, epochs * -(-len(x) // 64), 0.0)
    model = models.build_peak_sentiment_classifier(learning_rate=rate, gru=gru_tf.GRU)
    model.get_layer("words").set_weights([vectors])
    found = fit(model, x, y, reviews.x_valid, reviews.y_valid, epochs, seed)
    return model, round(before + sum(found["seconds"]), 1)


def best():
    """The best models, from all reviews, with one look at the held-out films."""

    def run(model, seed):
        reviews, x, y = load()
        seeds = [seed] if model == "single GRU" else range(seed, seed + 5)
        trained = [train_best(member) for member in seeds]
        inputs = keras.Input((None,), dtype="int32")
        verdicts = []
        for member, (trained_model, _) in zip(seeds, trained, strict=True):
            trained_model.name = f"member_{member}"
            verdicts.append(trained_model(inputs))
        whole = keras.Model(inputs, sum(verdicts) / len(verdicts))
        whole.compile(loss="binary_crossentropy", metrics=["accuracy"])
        return {
            "seconds": round(sum(seconds for _, seconds in trained), 1),
            "validation_accuracy": round(score(whole, reviews.x_valid, reviews.y_valid), 4),
            "test_accuracy": round(score(whole, reviews.x_test, reviews.y_test), 4),
        }

    def run_bag(model, seed):
        reviews, x, y = load()
        start = time.perf_counter()
        bag = bag_of_words(x, y)
        seconds = round(time.perf_counter() - start, 1)
        return {
            "seconds": seconds,
            "validation_accuracy": round(bag(reviews.x_valid, reviews.y_valid), 4),
            "test_accuracy": round(bag(reviews.x_test, reviews.y_test), 4),
        }

    yield {"model": "bag of words", "seed": 0}, run_bag
    for seed in SEEDS:
        yield {"model": "single GRU", "seed": seed}, run
    yield {"model": "mean of five GRUs", "seed": 0}, run


def bag_of_words(x, y):
    """Return a function of x and y: the accuracy of a logistic regression on tf-idf."""
    from scipy.sparse import csr_matrix

    def count(x):
        rows = np.repeat(np.arange(len(x)), (x > 3).sum(axis=1))
        return csr_matrix((np.ones(len(rows)), (rows, x[x > 3])), shape=(len(x), 10_000))

    bag = make_pipeline(TfidfTransformer(sublinear_tf=True), LogisticRegression(C=4, max_iter=300))
    bag.fit(count(x), y)
    return lambda x, y: float(bag.score(count(x), y))


@functools.cache
def encoder(seed):
    return train_best(seed)[0]


def transfer():
    """Short sentences with few labels: the GRU trained on reviews, used again, or a new one."""

    def run(start, labels, seed):
        reviews, *_ = load()
        data = load_review_sentences(reviews.word_index, seed=seed)
        x, y = data.x_train[:labels], data.y_train[:labels]
        if start == "bag of words":
            return {"test_accuracy": round(bag_of_words(x, y)(data.x_test, data.y_test), 4)}
        keras.utils.set_random_seed(seed)
        model = models.build_peak_sentiment_classifier(gru=gru_tf.GRU, learning_rate=2e-3)
        if start != "nothing":
            model.set_weights(encoder(seed).get_weights())
        if start == "reviews, read-out alone trained":
            model.get_layer("words").trainable = model.get_layer("gru").trainable = False
            model.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy", metrics=["accuracy"])
        if labels:
            model.fit(bucket_by_length(x, y, 32, seed=seed), epochs=8, shuffle=False, verbose=0)
        return {"test_accuracy": round(score(model, data.x_test, data.y_test), 4)}

    for seed in SEEDS:
        yield {"start": "reviews", "labels": 0, "seed": seed}, run
        for start in ("bag of words", "nothing", "reviews", "reviews, read-out alone trained"):
            for labels in (100, 500, 2000):
                yield {"start": start, "labels": labels, "seed": seed}, run


TABLES = {
    table.__name__: table
    for table in (padding, read_out, layers, regularisation, optimisers, transfer, best)
}


def run_one(run, settings):
    """Run one row of a table, from its seed."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings["seed"])
    return settings | run(**settings)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", choices=TABLES, metavar="TABLE")
    parser.add_argument("--anew", action="store_true", help="forget the runs done before")
    options = parser.parse_args()
    for name in options.tables:
        try:
            rows = [] if options.anew else load_results(f"imdb_{name}")["rows"]
        except FileNotFoundError:
            rows = []
        for settings, run in TABLES[name]():
            if any(settings.items() <= row.items() for row in rows):
                continue
            rows.append(run_one(run, settings))
            print(name, rows[-1], flush=True)
            write_results(f"imdb_{name}", f"python benchmarks/sentiment.py {name}", rows)


if __name__ == "__main__":
    main()
