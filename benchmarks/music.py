"""Melodies of chorales: GRUs against n-grams, in three ways of writing a note down.

    python benchmarks/music.py          three splits by melody: about 8 minutes on 2 idle cores

A row has the perplexity of a note, its length included, on the validation and the test part. Of
two outputs it has them once more with a memory of the piece itself (`recall_earlier`), which both
the n-grams and the GRU get, trusted as far as the validation part says.
"""

import argparse
import time

import keras
import numpy as np

import gru_tf
from gru_tf.commands import run_command
from gru_tf.datasets import bucket_by_length, load_chorales, split_by_melody
from gru_tf.models import build_language_model, build_music_model
from gru_tf.text import (
    END,
    NGrams,
    fit_trust,
    index_words,
    log_probabilities,
    recall_earlier,
    words_to_ids,
)
from results import run_table

SEEDS = (0, 1, 2)  # of the split and of the start
NOTATIONS = ("absolute", "transposed", "relative")
ORDERS = range(1, 13)
EPOCHS = {"absolute": 30, "transposed": 6, "relative": 30}  # of twelve times as many pieces


def notes(chorales, number, notation, shift=0):
    """Return a list of (pitch, length), the pitch of a rest None."""
    midi, quarters = chorales.midi[number], chorales.quarters[number].tolist()
    zero = midi[midi > 0][-1] if notation == "relative" else -shift
    pitches = [int(pitch - zero) if pitch else None for pitch in midi]
    return list(zip(pitches, quarters, strict=True))


def read(notation, seed):
    """Return the notes of the three parts."""
    chorales = load_chorales()
    shifts = range(-5, 7) if notation == "transposed" else [0]
    train, valid, test = split_by_melody(chorales, seed=seed)
    return [
        [notes(chorales, n, notation, shift) for n in train for shift in shifts],
        *([notes(chorales, n, notation) for n in part] for part in (valid, test)),
    ]


def to_ids(parts):
    """Return the ids of the three parts, and how many there are: one for each (pitch, length)."""
    index = index_words([[str(note) for note in piece] for piece in parts[0]], 10_000)
    ids = [
        [[*row, END] for row in words_to_ids([[*map(str, piece)] for piece in part], index)]
        for part in parts
    ]
    return ids, max(index.values()) + 1


def perplexity(logs):
    return round(float(np.exp(-np.concatenate(logs).mean())), 3)


def columns(notation, seed):
    """Return, of pitch and of length, the ids of the three parts and how many there are."""
    parts = read(notation, seed)
    return [
        to_ids([[[note[i] for note in piece] for piece in part] for part in parts]) for i in (0, 1)
    ]


def ngrams(notation, seed, smoothing, **_):
    """Return the perplexity of n-grams of notes, the order chosen on the validation part."""
    (train, valid, test), n_tokens = to_ids(read(notation, seed))
    model = NGrams(max(ORDERS), n_tokens, smoothing).fit(train)
    scores = {order: perplexity(model.log_probabilities(valid, order)) for order in ORDERS}
    order = min(scores, key=scores.get)
    row = {"valid": scores[order], "test": perplexity(model.log_probabilities(test, order))}
    return row | {"order": order}


def ngrams_apart(notation, seed, smoothing, **_):
    """Return the perplexity of n-grams of pitches times n-grams of lengths."""
    found, logs, orders = columns(notation, seed), {"valid": [], "test": []}, []
    for (train, valid, test), n_tokens in found:
        model = NGrams(max(ORDERS), n_tokens, smoothing).fit(train)
        scores = {order: perplexity(model.log_probabilities(valid, order)) for order in ORDERS}
        orders.append(min(scores, key=scores.get))
        for part, rows in (("valid", valid), ("test", test)):
            logs[part].append(np.concatenate(model.log_probabilities(rows, orders[-1])))
    return score(found, logs) | {"orders": orders}


def score(found, logs):
    """Return perplexities from the logs of pitch and of length, without and with a memory."""
    row = {part: perplexity([sum(both)]) for part, both in logs.items()}
    total = {"valid": 0, "test": 0}
    for column in (0, 1):
        best = None
        for joint in (False, True):  # is pitch compared alone, or with its length?
            recalled = {}
            for number, part in enumerate(("valid", "test"), start=1):
                rows = found[column][0][number], found[1 - column][0][number]
                pairs = [
                    recall_earlier(row, list(zip(row, other, strict=True)) if joint else None)
                    for row, other in zip(*rows, strict=True)
                ]
                recalled[part] = [np.concatenate(arrays) for arrays in zip(*pairs, strict=True)]
            trust = fit_trust(np.exp(logs["valid"][column]), *recalled["valid"])
            mixed = {}
            for part, (lengths, right) in recalled.items():
                weight = trust[lengths]
                mixed[part] = np.log((1 - weight) * np.exp(logs[part][column]) + weight * right)
            if best is None or mixed["valid"].mean() > best["valid"].mean():
                best = mixed
        total = {part: total[part] + best[part] for part in total}
    return row | {f"{part}_memory": perplexity([found]) for part, found in total.items()}


def one_output(notation, seed, **_):
    """Train a GRU whose token is a pitch with a length."""
    (train, valid, test), n_tokens = to_ids(read(notation, seed))
    model = build_language_model(n_tokens, 64, 128, 0.4, gru=gru_tf.GRU)
    schedule(model, notation, len(train))
    x, y = [row[:-1] for row in train], [row[1:] for row in train]
    batches = bucket_by_length(x, y, 16, seed=seed, every_step=True)
    start = time.process_time()
    model.fit(batches, epochs=EPOCHS[notation], shuffle=False, verbose=0)
    seconds = round(time.process_time() - start)
    scores = {"valid": valid, "test": test}
    scores = {part: perplexity(log_probabilities(model, rows)) for part, rows in scores.items()}
    return scores | {"weights": model.count_params(), "cpu_seconds": seconds}


def two_outputs(notation, seed, **_):
    """Train a GRU that says the pitch and the length of a note apart."""
    found = columns(notation, seed)
    (_, n_pitches), (_, n_lengths) = found
    model = build_music_model(n_pitches, n_lengths, gru=gru_tf.GRU)
    schedule(model, notation, len(found[0][0][0]))
    (x_train, y_train), *others = [pad([ids[part] for ids, _ in found]) for part in range(3)]
    start = time.process_time()
    model.fit(x_train, y_train, batch_size=16, epochs=EPOCHS[notation], verbose=0)
    row = {"cpu_seconds": round(time.process_time() - start), "weights": model.count_params()}
    logs = {
        part: [
            np.log(np.take_along_axis(p, target[..., None], -1)[..., 0])[target > 0]
            for p, target in zip(model.predict(x, verbose=0), y, strict=True)
        ]
        for part, (x, y) in zip(("valid", "test"), others, strict=True)
    }
    return score(found, logs) | row


def pad(rows_of_columns):
    """Return two arrays x and two arrays y, right-padded with 0."""
    return [
        [
            keras.utils.pad_sequences([row[cut] for row in rows], padding="post")
            for rows in rows_of_columns
        ]
        for cut in (slice(None, -1), slice(1, None))
    ]


def schedule(model, notation, n_pieces):
    steps = EPOCHS[notation] * -(-n_pieces // 16)
    model.optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(4e-3, steps, alpha=0.05)


def music():
    """Yield what tells each row of the table from the others, and what makes it."""
    for notation in NOTATIONS:
        for seed in SEEDS:
            where = {"notation": notation, "seed": seed}
            for smoothing in ("kneser-ney", "witten-bell"):
                yield where | {"model": "n-grams, one output", "smoothing": smoothing}, ngrams
                yield (
                    where | {"model": "n-grams, two outputs", "smoothing": smoothing},
                    ngrams_apart,
                )
            yield where | {"model": "GRU, one output"}, one_output
            yield where | {"model": "GRU, two outputs"}, two_outputs


def run_one(run, settings):
    """Run one row of the table, from its seed."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings["seed"])
    return settings | run(**settings)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--anew", action="store_true", help="do again what is not stale, too")
    run_table("music", list(music()), run_one, anew=parser.parse_args().anew)


if __name__ == "__main__":
    run_command(main)
