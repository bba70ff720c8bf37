"""Japanese vowels: GRUs and their opponents, over seeds.

    python benchmarks/signals.py [--anew]

writes data/results/signals.json: the accuracy on the test part of nine speakers, after 270
training utterances, and which test utterances each run gets wrong.
The GRU has the first setting that was tried, on 72 of the training utterances: no search. The
linear opponents choose their penalty by cross-validation on the training utterances. Which of the
four GRUs stands for them all is for the rows of the part "valid" to say: they learn from 198 of
the training utterances, and are judged on the other 72. So are two linear discriminants: one reads
mean and spread, the other the means of the three thirds as well.
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegressionCV, RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import gru_tf
from gru_tf.commands import run_command
from gru_tf.datasets import load_japanese_vowels
from gru_tf.models import build_sequence_classifier
from results import run_table

SEEDS = range(5)
EPOCHS = 40


def both_ways(units, **options):
    """Return a GRU that reads forwards and backwards."""
    return keras.layers.Bidirectional(gru_tf.GRU(units), **options)


def standardise(x, lengths, mean, deviation):
    """Return sequences with standard channels, and zeros after their ends."""
    inside = np.arange(x.shape[1]) < lengths[:, None]
    return np.where(inside[..., None], (x - mean) / deviation, 0).astype("float32")


def load():
    """Return the data, and the utterances of both parts in standard units."""
    data = load_japanese_vowels()
    frames = data.x_train[np.arange(29) < data.lengths_train[:, None]]
    scale = frames.mean(axis=0), frames.std(axis=0)
    x_train = standardise(data.x_train, data.lengths_train, *scale)
    return data, x_train, standardise(data.x_test, data.lengths_test, *scale)


def warp(x, lengths, rng, strength=0.2):
    """Return sequences in which time runs faster and slower, of the same lengths."""
    warped = np.zeros_like(x)
    for i, n in enumerate(lengths):
        bends = np.exp(strength * rng.normal(size=4))
        speed = np.interp(np.arange(n - 1), np.linspace(0, n - 2, 4), bends)
        clock = np.concatenate([[0], np.cumsum(speed)])
        clock *= (n - 1) / clock[-1]
        left = np.minimum(clock.astype(int), n - 2)
        part = (clock - left)[:, None]
        warped[i, :n] = (1 - part) * x[i, left] + part * x[i, left + 1]
    return warped


def mean_and_spread(x, lengths):
    """Return the mean and standard deviation of each channel, without the padding."""
    return np.stack([np.r_[s[:n].mean(0), s[:n].std(0)] for s, n in zip(x, lengths, strict=True)])


def and_thirds(x, lengths):
    """Return the same, and the means of the three thirds."""
    thirds = [np.array_split(s[:n], 3) for s, n in zip(x, lengths, strict=True)]
    means = [np.concatenate([third.mean(0) for third in three]) for three in thirds]
    return np.hstack([mean_and_spread(x, lengths), means])


def warped_distance(a, a_lengths, b, b_lengths):
    """Return the distances of all pairs under dynamic time warping, (len(a), len(b))."""
    found = np.zeros((len(a), len(b)), "float32")
    before = np.full((b.shape[1] + 1, *found.shape), np.inf, "float32")
    before[0] = 0  # ahead of both first steps
    for i in range(a.shape[1]):
        row = np.full_like(before, np.inf)
        for j in range(b.shape[1]):
            apart = (a[:, i] ** 2).sum(1)[:, None] + (b[:, j] ** 2).sum(1) - 2 * a[:, i] @ b[:, j].T
            row[j + 1] = apart + np.minimum(np.minimum(before[j], before[j + 1]), row[j])
            ends = np.ix_(a_lengths == i + 1, b_lengths == j + 1)
            found[ends] = row[j + 1][ends]
        before = row
    return found


def kernel_features(x, lengths, n_kernels=1000, seed=0):
    """Return the peak, and the share above zero, of random convolutions (n, 2 n_kernels)."""
    rng, features = np.random.default_rng(seed), []
    n, time_steps, channels = x.shape
    inside = np.arange(time_steps) < lengths[:, None]
    padded = np.pad(x, ((0, 0), (12, 12), (0, 0)))
    for _ in range(n_kernels):
        size, dilation = rng.choice([3, 5, 7]), rng.choice([1, 2, 4])
        some = rng.choice(channels, rng.integers(1, channels + 1), replace=False)
        weights = rng.normal(size=(size, len(some))).astype("float32")
        weights -= weights.mean(axis=0)
        starts = 12 + (np.arange(size) - size // 2) * dilation
        answer = np.float32(rng.uniform(-1, 1))
        for start, w in zip(starts, weights, strict=True):
            answer = answer + padded[:, start : start + time_steps, some] @ w
        features.append(np.where(inside, answer, -np.inf).max(axis=1))
        features.append(((answer > 0) & inside).sum(axis=1) / lengths)
    return np.stack(features, axis=1)


def last_of_each(labels, n=8):
    """Return whether an utterance is among the last n of its speaker."""
    rank = np.array([np.sum(labels[i + 1 :] == label) for i, label in enumerate(labels)])
    return rank < n


def signals():
    """Yield what tells each row of the table from the others, and what makes it."""
    data, x_train, x_test = load()
    held_out = last_of_each(data.y_train)

    def score(predicted):
        wrong = np.flatnonzero(predicted != data.y_test).tolist()
        return {"accuracy": round(1 - len(wrong) / len(data.y_test), 4), "wrong": wrong}

    def statistics(**_):
        model = make_pipeline(
            StandardScaler(), LogisticRegressionCV(Cs=np.logspace(-3, 3, 7), cv=5, max_iter=2000)
        )
        model.fit(mean_and_spread(x_train, data.lengths_train), data.y_train)
        return score(model.predict(mean_and_spread(x_test, data.lengths_test)))

    def discriminant(model, part, **_):
        features = and_thirds if model == "discriminant, thirds" else mean_and_spread
        known = features(x_train, data.lengths_train)
        shrunk = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        if part == "valid":
            shrunk.fit(known[~held_out], data.y_train[~held_out])
            right = shrunk.score(known[held_out], data.y_train[held_out])
            return {"accuracy": round(right, 4)}
        shrunk.fit(known, data.y_train)
        return score(shrunk.predict(features(x_test, data.lengths_test)))

    def warping(**_):
        raw = (data.x_test, data.lengths_test, data.x_train, data.lengths_train)
        return score(data.y_train[warped_distance(*raw).argmin(axis=1)])

    def kernels(seed, **_):
        model = make_pipeline(StandardScaler(), RidgeClassifierCV(np.logspace(-1, 5, 13)))
        model.fit(kernel_features(x_train, data.lengths_train, seed=seed), data.y_train)
        found = score(model.predict(kernel_features(x_test, data.lengths_test, seed=seed)))
        return found | {"penalty": round(float(model[-1].alpha_), 2)}

    def train(seed, model, augmented, some):
        layer = both_ways if model == "GRU both ways" else gru_tf.GRU
        network = build_sequence_classifier(dropout=0.3, learning_rate=5e-3, gru=layer)
        rng = np.random.default_rng(seed)
        for _ in range(EPOCHS):
            x, lengths = x_train[some], data.lengths_train[some]
            x = warp(x, lengths, rng) if augmented else x
            network.fit(x, data.y_train[some], batch_size=32, verbose=0)
        return network

    def gru(seed, model, augmented, **_):
        network = train(seed, model, augmented, np.full(len(x_train), True))
        return score(network.predict(x_test, batch_size=370, verbose=0).argmax(axis=1))

    def gru_held_out(seed, model, augmented, **_):
        network = train(seed, model, augmented, ~held_out)
        said = network.predict(x_train[held_out], batch_size=72, verbose=0).argmax(axis=1)
        return {"accuracy": round(float(np.mean(said == data.y_train[held_out])), 4)}

    test = {"part": "test"}
    yield {"model": "mean and spread", "augmented": False, "seed": 0} | test, statistics
    for part in ("test", "valid"):
        for model in ("discriminant", "discriminant, thirds"):
            yield {"model": model, "augmented": False, "seed": 0, "part": part}, discriminant
    yield {"model": "dynamic time warping", "augmented": False, "seed": 0} | test, warping
    for seed in SEEDS:
        yield {"model": "random kernels", "augmented": False, "seed": seed} | test, kernels
    for part, run, seeds in (("test", gru, SEEDS), ("valid", gru_held_out, SEEDS[:3])):
        for seed in seeds:
            for model in ("GRU both ways", "GRU"):
                for augmented in (False, True):
                    yield (
                        {"model": model, "augmented": augmented, "seed": seed, "part": part},
                        run,
                    )


def run_one(run, settings):
    """Run one row of the table, from its seed."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings["seed"])
    start = time.perf_counter()
    return settings | run(**settings) | {"seconds": round(time.perf_counter() - start, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--anew", action="store_true", help="do again what is not stale, too")
    run_table("signals", list(signals()), run_one, anew=parser.parse_args().anew)


if __name__ == "__main__":
    run_command(main)
