"""Compare what a sentiment classifier is made of and trained with, over several seeds.

    python benchmarks/sentiment.py TABLE [TABLE ...] [--only KEY=VALUE ...] [--anew]

The tables are padding, read_out, layers, regularisation, recurrent_dropout, batch_size,
optimisers, transfer, transfer_pairs, best and word_order. Each is written to
data/results/imdb_TABLE.json after every run. A table that was stopped goes on where it was, and
does again what is older than its code; --anew does all again; --only leaves the other rows as they
are. Everything is chosen by validation accuracy. The held-out part is met once by each run of
`best`, `transfer` and `transfer_pairs`, and after each epoch by `regularisation`, which chooses
nothing by it.
"""

import argparse
import functools
import itertools
import json
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression

import gru_tf
from gru_tf import models
from gru_tf.commands import run_command
from gru_tf.datasets import (
    bucket_by_length,
    load_imdb,
    load_review_sentences,
    pad_left,
)
from gru_tf.text import learn_word_vectors
from results import run_table

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
    """RNN, LSTM and GRU of 32 units, three learning rates each: 8,000 reviews cut at 200 words."""
    one_way = models.build_sentiment_classifier
    two_ways = functools.partial(models.build_bidirectional_sentiment_classifier, units=16)
    kinds = {
        "SimpleRNN": (one_way, keras.layers.SimpleRNN),
        "LSTM": (one_way, keras.layers.LSTM),
        "GRU": (one_way, keras.layers.GRU),
        "gru_tf.GRU": (one_way, gru_tf.GRU),
        "Bidirectional(gru_tf.GRU), 2 x 16": (two_ways, gru_tf.GRU),
    }

    def run(layer, learning_rate, seed):
        reviews, x, y = load(8000, 200)
        build, gru = kinds[layer]
        settings = SMALL | {"gru": gru, "learning_rate": learning_rate}
        if build is two_ways:
            del settings["units"]
        model = build(**settings)
        found = fit(model, x, y, reviews.x_valid, reviews.y_valid, 3, seed)
        return {"weights": model.get_layer("gru").count_params(), **found}

    for name, rate, seed in itertools.product(kinds, (1e-3, 3e-3, 1e-2), SEEDS):
        yield {"layer": name, "learning_rate": rate, "seed": seed}, run


def regularisation():
    """Dropout, L2 and early stopping: 8,000 reviews cut at 200 words, four epochs."""

    def penalised(strength):
        l2 = keras.regularizers.L2(strength)
        return functools.partial(gru_tf.GRU, kernel_regularizer=l2, recurrent_regularizer=l2)

    kinds = {
        "nothing": {},
        "dropout of the read-out, 0.5": {"dropout": 0.5},
        "dropout of the words' coordinates, 0.4": {"word_dropout": 0.4},
        "both": {"dropout": 0.5, "word_dropout": 0.4},
        "L2 of the GRU's weights, 0.0001": {"gru": penalised(1e-4)},
        "L2 of the GRU's weights, 0.001": {"gru": penalised(1e-3)},
        "L2 of the GRU's weights, 0.01": {"gru": penalised(1e-2)},
    }

    def run(regularisation, seed):
        reviews, x, y = load(8000, 200)
        settings = SMALL | {"dropout": 0.0, "word_dropout": 0.0} | kinds[regularisation]
        model = models.build_peak_sentiment_classifier(**settings)
        found = {"validation_accuracy": [], "test_accuracy": [], "seconds": []}
        batches = bucket_by_length(x, y, 64, seed=seed)  # in a new order at each epoch
        for _ in range(4):
            start = time.perf_counter()
            model.fit(batches, shuffle=False, verbose=0)
            found["seconds"].append(round(time.perf_counter() - start, 1))
            valid = score(model, reviews.x_valid, reviews.y_valid)
            found["validation_accuracy"].append(round(valid, 4))
            # Stopping is chosen by validation, so it is judged here.
            test = score(model, reviews.x_test, reviews.y_test)
            found["test_accuracy"].append(round(test, 4))
        return found | {"training_accuracy": round(score(model, x, y), 4)}

    for name, seed in itertools.product(kinds, SEEDS):
        yield {"regularisation": name, "seed": seed}, run


def recurrent_dropout():
    """Dropout between one state and the next: 4,000 reviews cut at 200 words, three epochs."""

    def run(recurrent_dropout, seed):
        reviews, x, y = load(4000, 200)
        gru = functools.partial(gru_tf.GRU, recurrent_dropout=recurrent_dropout)
        model = models.build_sentiment_classifier(**SMALL | {"gru": gru})
        return fit(model, x, y, reviews.x_valid, reviews.y_valid, 3, seed)

    for rate, seed in itertools.product((0.0, 0.25, 0.5), SEEDS):
        yield {"recurrent_dropout": rate, "seed": seed}, run


def batch_size():
    """Four sizes of mini-batch, three rates each: 6,000 reviews cut at 200 words, three epochs."""

    def run(batch_size, learning_rate, seed):
        reviews, x, y = load(6000, 200)
        settings = SMALL | {"learning_rate": learning_rate}
        model = models.build_peak_sentiment_classifier(**settings)
        return fit(model, x, y, reviews.x_valid, reviews.y_valid, 3, seed, batch_size)

    for size, rate, seed in itertools.product((16, 32, 64, 256), (1e-3, 4e-3, 1.6e-2), SEEDS):
        yield {"batch_size": size, "learning_rate": rate, "seed": seed}, run


def optimisers():
    """Three optimisers at several rates: 6,000 reviews cut at 200 words, three epochs."""
    kinds = {
        "Adam": (keras.optimizers.Adam, (1e-3, 4e-3, 1.6e-2, 6.4e-2)),
        "RMSprop": (keras.optimizers.RMSprop, (1e-3, 4e-3, 1.6e-2, 6.4e-2)),
        "SGD, momentum 0.9": (
            functools.partial(keras.optimizers.SGD, momentum=0.9),
            (0.1, 0.2, 0.4, 0.8, 1.6),
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
    """The best models from all reviews; each meets the held-out films once."""

    def run(model, seed):
        reviews, x, y = load()
        seeds = range(seed, seed + 5) if model == "mean of five GRUs" else [seed]
        trained = [train_best(member) for member in seeds]
        inputs = keras.Input((None,), dtype="int32")
        verdicts = []
        for member, (trained_model, _) in zip(seeds, trained, strict=True):
            trained_model.name = f"member_{member}"
            verdicts.append(trained_model(inputs))
        whole = keras.Model(inputs, sum(verdicts) / len(verdicts))
        parts = (reviews.x_valid, reviews.y_valid), (reviews.x_test, reviews.y_test)
        verdicts = [predict(whole, x) for x, _ in parts]
        seconds = sum(seconds for _, seconds in trained)
        if model == "a GRU and pairs, mean":
            bag, _, fitted_in = fit_bag("words and pairs, naive Bayes")
            verdicts = [(p + bag(x)) / 2 for p, (x, _) in zip(verdicts, parts, strict=True)]
            seconds += fitted_in
        valid, test = (share_right(p, y) for p, (_, y) in zip(verdicts, parts, strict=True))
        return {
            "seconds": round(seconds, 1),
            "validation_accuracy": round(valid, 4),
            "test_accuracy": round(test, 4),
        }

    def run_bag(model, seed):
        reviews, *_ = load()
        bag, c, seconds = fit_bag(model)
        return {
            "c": c,
            "seconds": round(seconds, 1),  # of the one fit, as for the GRU
            "validation_accuracy": round(share_right(bag(reviews.x_valid), reviews.y_valid), 4),
            "test_accuracy": round(share_right(bag(reviews.x_test), reviews.y_test), 4),
        }

    for name in BAGS:
        yield {"model": name, "seed": 0}, run_bag
    for name, seed in itertools.product(("single GRU", "a GRU and pairs, mean"), SEEDS):
        yield {"model": name, "seed": seed}, run
    yield {"model": "mean of five GRUs", "seed": 0}, run


BAGS = {  # settings, and the strengths C that validation chooses from
    "words": ({}, (0.5, 1, 2, 4, 8)),
    "words and pairs": ({"pairs": True}, (4, 8, 16, 32, 64)),
    "words and pairs, naive Bayes": (
        {"pairs": True, "naive_bayes": True},
        (0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
    ),
}


@functools.cache
def fit_bag(name):
    """Return the best of a kind by validation, its C, and the seconds of its fit."""
    reviews, x, y = load()
    settings, strengths = BAGS[name]
    fitted = {}
    for c in strengths:
        start = time.perf_counter()
        bag = bag_of_words(x, y, c=c, **settings)
        seconds = time.perf_counter() - start
        fitted[c] = share_right(bag(reviews.x_valid), reviews.y_valid), bag, seconds
    c = max(fitted, key=lambda c: fitted[c][0])
    return fitted[c][1], c, fitted[c][2]


def share_right(probability, y):
    return float(np.mean((probability > 0.5) == y))


def predict(model, x):
    """Return the probability of each review, in batches by length."""
    order, found = np.argsort((x > 0).sum(axis=1)), np.empty(len(x))
    for rows in np.array_split(order, -(-len(x) // 250)):
        found[rows] = model(x[rows, : (x[rows] > 0).sum(axis=1).max()]).numpy()[:, 0]
    return found


def count_terms(x, terms=None, pairs=False):
    """Count words in reviews, and pairs of neighbours if asked; return counts and terms.

    A term is a word's id, or for a pair 10,000 times the first id plus the second. Without
    `terms` they are those of x, pairs seen three times or more.
    """
    reviews, words = np.nonzero(x > 3)
    found = x[reviews, words].astype("int64")
    if pairs:
        rows, firsts = np.nonzero((x[:, :-1] > 3) & (x[:, 1:] > 3))
        both = x[rows, firsts].astype("int64") * 10_000 + x[rows, firsts + 1]
        reviews, found = np.append(reviews, rows), np.append(found, both)
    if terms is None:
        terms, times = np.unique(found, return_counts=True)
        terms = terms[(terms < 10_000) | (times >= 3)]
    columns = np.minimum(np.searchsorted(terms, found), len(terms) - 1)
    known = terms[columns] == found
    where = reviews[known], columns[known]
    return csr_matrix((np.ones(known.sum()), where), shape=(len(x), len(terms))), terms


def bag_of_words(x, y, pairs=False, naive_bayes=False, c=4):
    """Return a function of x: the probabilities by a logistic regression on words.

    Each review's counts are weighted by tf-idf with a sublinear count; or, with naive_bayes,
    what occurs is weighted by how much oftener positive reviews have it than negative ones
    (Wang and Manning 2012, Baselines and bigrams).

    Args:
        x, y: Reviews and labels to fit it on.
        pairs: Whether pairs of neighbouring words count besides the single ones.
        naive_bayes: Whether to weight by naive Bayes in the place of tf-idf.
        c: The inverse of the strength of the L2 penalty.
    """
    counts, terms = count_terms(x, pairs=pairs)
    tf_idf = TfidfTransformer(sublinear_tf=True).fit(counts)
    if naive_bayes:
        # One is added, so that no term is impossible in either class.
        positive, negative = (1 + (counts[y == label] > 0).sum(axis=0).A1 for label in (1, 0))
        weight = np.log(positive / positive.sum()) - np.log(negative / negative.sum())

    def features(x):
        counts, _ = count_terms(x, terms, pairs)
        return (counts > 0).multiply(weight).tocsr() if naive_bayes else tf_idf.transform(counts)

    model = LogisticRegression(C=c, max_iter=300).fit(features(x), y)
    return lambda x: model.predict_proba(features(x))[:, 1]


@functools.cache
def encoder(seed):
    return train_best(seed)[0]


def transfer():
    """Short sentences with few labels: the GRU trained on reviews, used again, or a new one."""

    def run(start, labels, seed):
        reviews, *_ = load()
        data = load_review_sentences(reviews.word_index, seed=seed)
        x, y = data.x_train[:labels], data.y_train[:labels]
        if start.startswith("bag of words"):
            if start != "bag of words":  # it gets what the GRU gets
                n = reviews.x_train.shape[1] - x.shape[1]
                x = np.concatenate([reviews.x_train, np.pad(x, [(0, 0), (0, n)])])
                y = np.concatenate([reviews.y_train, y])
            verdicts = bag_of_words(x, y)(data.x_test)
            return {"test_accuracy": round(share_right(verdicts, data.y_test), 4)}
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
        for labels in (0, 100, 500, 2000):
            yield {"start": "bag of words, reviews too", "labels": labels, "seed": seed}, run
        for start in ("bag of words", "nothing", "reviews", "reviews, read-out alone trained"):
            for labels in (100, 500, 2000):
                yield {"start": start, "labels": labels, "seed": seed}, run


def transfer_pairs():
    """The sentences of `transfer`, by words and pairs fitted on the reviews and these together."""

    def run(labels, seed):
        reviews, *_ = load()
        data = load_review_sentences(reviews.word_index, seed=seed)
        x, y = data.x_train[:labels], data.y_train[:labels]
        x = np.concatenate([reviews.x_train, np.pad(x, [(0, 0), (0, 500 - x.shape[1])])])
        y, found = np.concatenate([reviews.y_train, y]), {}
        for c in (1, 2, 4, 8, 16, 32):
            bag = bag_of_words(x, y, pairs=True, c=c)
            found[c] = share_right(bag(data.x_valid), data.y_valid), bag
        c = max(found, key=lambda c: found[c][0])
        return {
            "c": c,
            "validation_accuracy": round(found[c][0], 4),
            "test_accuracy": round(share_right(found[c][1](data.x_test), data.y_test), 4),
        }

    yield {"labels": 0, "seed": 0}, run
    for labels, seed in itertools.product((100, 500, 2000), SEEDS):
        yield {"labels": labels, "seed": seed}, run


WORD_ORDER = [  # the same words in two orders: the first praises, the second blames
    ("This film is not bad, it is good.", "This film is not good, it is bad."),
    ("I expected a bad film and saw a good one.", "I expected a good film and saw a bad one."),
    ("It begins badly but ends well.", "It begins well but ends badly."),
    ("The critics hated it but I loved it.", "The critics loved it but I hated it."),
    ("The book is awful, the film is great.", "The book is great, the film is awful."),
    ("It is not boring, it is funny.", "It is not funny, it is boring."),
    ("It could be terrible, but it is wonderful.", "It could be wonderful, but it is terrible."),
    ("I laughed, nobody slept.", "Nobody laughed, I slept."),
    ("Don't skip it: see it.", "Don't see it: skip it."),
    ("They called it a waste, I call it a gem.", "They called it a gem, I call it a waste."),
    (
        "I thought it would be dull and it was brilliant.",
        "I thought it would be brilliant and it was dull.",
    ),
    (
        "My friends found it horrible, I found it excellent.",
        "My friends found it excellent, I found it horrible.",
    ),
    (
        "Other films of its kind are stupid, this is clever.",
        "Other films of its kind are clever, this is stupid.",
    ),
    (
        "I came to laugh at it and stayed to admire it.",
        "I came to admire it and stayed to laugh at it.",
    ),
    ("The trailer was poor, the film is superb.", "The trailer was superb, the film is poor."),
    (
        "I wanted to leave, and then I wanted to stay.",
        "I wanted to stay, and then I wanted to leave.",
    ),
    (
        "There is nothing to hate and everything to love.",
        "There is nothing to love and everything to hate.",
    ),
    ("Never was I bored, always was I amused.", "Never was I amused, always was I bored."),
    ("No scene is wasted, every scene works.", "No scene works, every scene is wasted."),
    ("Everyone will like it, no one will hate it.", "Everyone will hate it, no one will like it."),
    ("It is more funny than stupid.", "It is more stupid than funny."),
    (
        "I would rather watch it again than forget it.",
        "I would rather forget it than watch it again.",
    ),
    ("What seemed a mess became a masterpiece.", "What seemed a masterpiece became a mess."),
    (
        "The original fails where this remake succeeds.",
        "The original succeeds where this remake fails.",
    ),
    (
        "Those who dislike it are wrong, those who enjoy it are right.",
        "Those who enjoy it are wrong, those who dislike it are right.",
    ),
    ("Far from awful, it is perfect.", "Far from perfect, it is awful."),
    ("It deserves praise instead of contempt.", "It deserves contempt instead of praise."),
    (
        "Forget the bad reviews, believe the good ones.",
        "Forget the good reviews, believe the bad ones.",
    ),
    (
        "I was wrong to doubt it and right to see it.",
        "I was right to doubt it and wrong to see it.",
    ),
    (
        "This is how to make a film, not how to ruin one.",
        "This is how to ruin a film, not how to make one.",
    ),
    (
        "He used to make bad films, now he makes good ones.",
        "He used to make good films, now he makes bad ones.",
    ),
    (
        "Where I looked for a disaster I found a delight.",
        "Where I looked for a delight I found a disaster.",
    ),
    (
        "It started as the worst film of the year and ended as the best.",
        "It started as the best film of the year and ended as the worst.",
    ),
    (
        "The poster is ugly but the film is beautiful.",
        "The poster is beautiful but the film is ugly.",
    ),
    ("Nothing in it is fake, all of it is real.", "Nothing in it is real, all of it is fake."),
    (
        "He said it was rubbish and was wrong, she said it was great and was right.",
        "He said it was great and was wrong, she said it was rubbish and was right.",
    ),
    ("I do not regret it, I recommend it.", "I do not recommend it, I regret it."),
    (
        "It is hardly ever dull and almost always exciting.",
        "It is hardly ever exciting and almost always dull.",
    ),
    (
        "It has few weak scenes and many strong ones.",
        "It has few strong scenes and many weak ones.",
    ),
    (
        "As it went on I hated it less and loved it more.",
        "As it went on I loved it less and hated it more.",
    ),
]


def word_order():
    """Pairs of sentences of the same words, the first of which praises: the GRUs of `best`."""

    def run(reader, praise, blame, seed):
        reviews, *_ = load()
        model = encoder(seed) if reader == "single GRU" else None
        read = fit_bag(reader)[0] if model is None else functools.partial(predict, model)
        said = read(reviews.encode([praise, blame]))
        return dict(zip(("p_praise", "p_blame"), np.round(said, 4).tolist(), strict=True))

    for seed in SEEDS:
        for praise, blame in WORD_ORDER:
            yield {"reader": "single GRU", "praise": praise, "blame": blame, "seed": seed}, run
    for praise, blame in WORD_ORDER:
        reader = "words and pairs, naive Bayes"
        yield {"reader": reader, "praise": praise, "blame": blame, "seed": 0}, run


TABLES = {
    table.__name__: table
    for table in (
        padding,
        read_out,
        layers,
        regularisation,
        recurrent_dropout,
        batch_size,
        optimisers,
        transfer,
        transfer_pairs,
        best,
        word_order,
    )
}


def run_one(run, settings):
    """Run one row of a table, from its seed."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings["seed"])
    return settings | run(**settings)


def key_and_value(text):
    """Return what `layer=GRU` or `seed=0` says, numbers as numbers."""
    key, value = text.split("=", 1)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", choices=TABLES, metavar="TABLE")
    parser.add_argument("--only", nargs="+", type=key_and_value, default=[], metavar="KEY=VALUE")
    parser.add_argument("--anew", action="store_true", help="do again what is not stale, too")
    options = parser.parse_args()
    for name in options.tables:
        plan = list(TABLES[name]())
        run_table(f"imdb_{name}", plan, run_one, dict(options.only), options.anew)


if __name__ == "__main__":
    run_command(main)
