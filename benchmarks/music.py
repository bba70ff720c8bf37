"""Melodies of chorales: GRUs against n-grams, in three ways of writing a note down.

    python benchmarks/music.py          three splits by melody: about 12 minutes on 2 idle cores
    python benchmarks/music.py phrases  who ranks long notes above short ones: about 5 minutes

A row of the first table has the perplexity of a note, its length included, on the validation and
the test part. The n-grams and the GRU of two outputs have it once more with a memory of the piece
itself (`recall_earlier`), trusted as far as the validation part says.

The n-grams `mixed` are the strongest: of a pitch, counts of pitches, and of pitch, length, pitch,
length ...; of a length both of these, and lengths with their place in bars of 3, 4 and 8 quarters.
Each has four orders, and the validation part says how they are mixed.

A row of the second, `phrases`, has the area under the ROC curve of the probability that the next
note is long, on the test part, and the perplexity of its length. A GRU that hears lengths alone
reads the same pitch at every step; all else is as for the one that hears both.
"""

import argparse
import time

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

import gru_tf
from gru_tf.commands import run_command
from gru_tf.datasets import bucket_by_length, load_chorales, split_by_melody
from gru_tf.models import build_language_model, build_music_model
from gru_tf.text import (
    END,
    START,
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
ORDERS = range(1, 25)
MIXED = (2, 3, 5, 8)  # orders of the n-grams that are mixed
BARS = (1, 12, 16, 32)  # of how many sixteenths: with 1, all places are the same
EPOCHS = {"absolute": 30, "transposed": 6, "relative": 30}  # of twelve times as many pieces
AS_LONG = 12 * EPOCHS["transposed"]  # epochs of one key, with as many steps as those of twelve
LONG = 2  # quarters of a note on which a phrase may end


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
    parts = {"valid": valid, "test": test}
    model = NGrams(max(ORDERS), n_tokens, smoothing).fit(train)
    scores = {order: perplexity(model.log_probabilities(valid, order)) for order in ORDERS}
    order = min(scores, key=scores.get)
    logs = {name: model.log_probabilities(part, order) for name, part in parts.items()}
    row = {name: perplexity(found) for name, found in logs.items()}
    return row | of_whole_notes(parts, logs) | {"order": order}


def of_whole_notes(parts, logs):
    """Return the perplexities of one output with a memory of the piece."""
    p, recalled = {}, {}
    for name, rows in parts.items():
        p[name] = np.exp(np.concatenate(logs[name]))
        pairs = [recall_earlier(row) for row in rows]
        recalled[name] = [np.concatenate(arrays) for arrays in zip(*pairs, strict=True)]
    trust = fit_trust(p["valid"], *recalled["valid"])
    mixed = {
        name: np.log((1 - trust[lengths]) * p[name] + trust[lengths] * right)
        for name, (lengths, right) in recalled.items()
    }
    return {f"{name}_memory": perplexity([found]) for name, found in mixed.items()}


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


def ngrams_mixed(notation, seed, **_):
    """Return the perplexity of n-grams of several kinds, mixed as the validation part says."""
    found, logs = columns(notation, seed), {"valid": [], "test": []}
    (pitches, n_pitches), (lengths, n_lengths) = found
    both = [
        [interleave(*rows, n_pitches) for rows in zip(*part, strict=True)]
        for part in zip(pitches, lengths, strict=True)
    ]
    of_pitch = [(pitches, n_pitches, slice(None)), (both, n_pitches + n_lengths, slice(0, None, 2))]
    of_length = [*lengths_in_bars(notation, seed), (both, n_pitches + n_lengths, slice(1, None, 2))]
    for streams in (of_pitch, of_length):
        _, p = count(streams)
        weights = fit_mixture(p["valid"])
        for part, rows in logs.items():
            rows.append(np.log(weights @ p[part]))
    return score(found, logs)


def interleave(pitches, lengths, n_pitches):
    """Return the start, pitch, length, pitch, length, ...: the ids of lengths from n_pitches on."""
    pairs = zip(pitches[1:], lengths[1:], strict=True)
    return [pitches[0], *(token for p, n in pairs for token in (p, n_pitches + n))]


def lengths_in_bars(notation, seed):
    """Return streams for `count`: lengths, alone and with their places in bars."""
    parts, n_lengths = columns(notation, seed)[1]
    pieces, streams = read(notation, seed), []
    for bar in BARS:
        rows = [
            [in_bars(row, piece, bar, n_lengths) for row, piece in zip(*part, strict=True)]
            for part in zip(parts, pieces, strict=True)
        ]
        streams.append((rows, n_lengths * bar, slice(None)))
    return streams


def in_bars(lengths, piece, bar, n_lengths):
    """Return ids of a length and of where in a bar it ends, which follows from all before it."""
    ends = np.round(4 * np.cumsum([quarters for _, quarters in piece])).astype(int) % bar
    return [n + n_lengths * int(end) for n, end in zip(lengths, [0, *ends, 0], strict=False)]


def count(streams):
    """Fit n-grams to each stream.

    Returns:
        The n-grams, and for the validation and the test part what they give to the tokens that
        came, by each of their orders: arrays, (n_streams * n_orders, n_notes).
    """
    models, p = [], {"valid": [], "test": []}
    for (train, valid, test), n_tokens, which in streams:
        model = NGrams(max(MIXED), n_tokens).fit(train)
        models.append(model)
        for order in MIXED:
            for part, rows in (("valid", valid), ("test", test)):
                with np.errstate(divide="ignore"):  # one of them may give nothing
                    logs = model.log_probabilities(rows, order)
                p[part].append(np.exp(np.concatenate([found[which] for found in logs])))
    return models, {part: np.array(rows) for part, rows in p.items()}


def fit_mixture(p):
    """Return the weights of models, (n_models,), under which tokens are likeliest.

    Args:
        p: Array, (n_models, n_tokens): what each model gives to each token that came.
    """
    weights = np.full(len(p), 1 / len(p))
    for _ in range(300):  # expectation and maximisation
        shares = weights[:, None] * p
        weights = (shares / shares.sum(axis=0)).mean(axis=1)
    return weights


def one_output(notation, seed, **_):
    """Train a GRU whose token is a pitch with a length."""
    (train, valid, test), n_tokens = to_ids(read(notation, seed))
    model = build_language_model(n_tokens, 64, 128, 0.4, gru=gru_tf.GRU)
    schedule(model, EPOCHS[notation], len(train))
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
    model = build_two(found, EPOCHS[notation])
    (x_train, y_train), *others = [pad([ids[part] for ids, _ in found]) for part in range(3)]
    start = time.process_time()
    model.fit(x_train, y_train, batch_size=16, epochs=EPOCHS[notation], verbose=0)
    row = {"cpu_seconds": round(time.process_time() - start), "weights": model.count_params()}
    return score(found, logs_of_two(model, others)) | row


def as_many_steps(notation, seed, **_):
    """Train it for as many steps as in twelve keys, and keep the epoch best on validation."""
    found = columns(notation, seed)
    model = build_two(found, AS_LONG)
    train, *others = [pad([ids[part] for ids, _ in found]) for part in range(3)]
    keep = keras.callbacks.EarlyStopping("val_loss", patience=AS_LONG, restore_best_weights=True)
    options = {"batch_size": 16, "epochs": AS_LONG, "validation_data": others[0], "verbose": 0}
    start = time.process_time()
    losses = model.fit(*train, callbacks=[keep], **options).history["val_loss"]
    row = {"cpu_seconds": round(time.process_time() - start), "weights": model.count_params()}
    row |= {"steps": int(model.optimizer.iterations), "best_epoch": 1 + int(np.argmin(losses))}
    return score(found, logs_of_two(model, others)) | row


def build_two(found, epochs):
    (_, n_pitches), (_, n_lengths) = found
    model = build_music_model(n_pitches, n_lengths, gru=gru_tf.GRU)
    schedule(model, epochs, len(found[0][0][0]))
    return model


def logs_of_two(model, others):
    """Return the logs of the probabilities of pitch and of length, of the other two parts."""
    return {
        part: [
            np.log(np.take_along_axis(p, target[..., None], -1)[..., 0])[target > 0]
            for p, target in zip(model.predict(x, verbose=0), y, strict=True)
        ]
        for part, (x, y) in zip(("valid", "test"), others, strict=True)
    }


def pad(rows_of_columns):
    """Return two arrays x and two arrays y, right-padded with 0."""
    return [
        [
            keras.utils.pad_sequences([row[cut] for row in rows], padding="post")
            for rows in rows_of_columns
        ]
        for cut in (slice(None, -1), slice(1, None))
    ]


def schedule(model, epochs, n_pieces):
    steps = epochs * -(-n_pieces // 16)
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
            yield where | {"model": "n-grams, mixed", "smoothing": "kneser-ney"}, ngrams_mixed
            yield where | {"model": "GRU, one output"}, one_output
            yield where | {"model": "GRU, two outputs"}, two_outputs
    for seed in SEEDS:
        where = {"notation": "absolute", "seed": seed}
        yield where | {"model": "GRU, two outputs, as many steps"}, as_many_steps


def who_rests(seed, hears, says, **_):
    """Return how well a GRU, or n-grams of lengths, ranks the notes that are long."""
    found = columns("relative", seed)
    (train, valid, test), n_lengths = found[1]
    pieces = read("relative", seed)
    is_long = np.zeros(n_lengths, bool)
    for piece, row in zip(pieces[0], train, strict=True):
        is_long[row[1:-1]] = [quarters >= LONG for _, quarters in piece]
    truth = np.concatenate([[quarters >= LONG for _, quarters in piece] for piece in pieces[2]])
    if says == "counts":
        model = NGrams(max(ORDERS), n_lengths).fit(train)
        scores = {order: perplexity(model.log_probabilities(valid, order)) for order in ORDERS}
        order = min(scores, key=scores.get)
        p = [
            [model.distribution(row[:end], order) for end in range(1, len(row) - 1)] for row in test
        ]
        row = {"perplexity": perplexity(model.log_probabilities(test, order)), "order": order}
    else:
        model = build_two(found, EPOCHS["relative"])
        if says == "length":
            model.compile(model.optimizer, loss=model.loss, loss_weights=[0, 1])
        parts = [pad([ids[part] for ids, _ in found]) for part in range(3)]
        if hears == "length":
            for x, _ in parts:
                x[0] = np.where(x[0] > 0, START, 0)
        model.fit(*parts[0], batch_size=16, epochs=EPOCHS["relative"], verbose=0)
        row = {"perplexity": perplexity([logs_of_two(model, parts[1:])["test"][1]])}
        predicted = model.predict(parts[2][0], verbose=0)[1]
        p = [rows[: len(ids) - 2] for rows, ids in zip(predicted, test, strict=True)]
    ranked = np.concatenate(p) @ is_long.astype("float64")
    return {"auc": round(float(roc_auc_score(truth, ranked)), 4)} | row


def counts_in_bars(seed, **_):
    """Return how well mixed n-grams of lengths with their places in bars rank the long notes."""
    (train, _, test), n_lengths = columns("relative", seed)[1]
    pieces = read("relative", seed)
    models, p = count(lengths_in_bars("relative", seed))
    weights = fit_mixture(p["valid"])
    pairs = {
        (n, quarters)
        for row, piece in zip(train, pieces[0], strict=True)
        for n, (_, quarters) in zip(row[1:-1], piece, strict=True)
        if quarters >= LONG
    }
    said = []
    for model, bar in zip(models, BARS, strict=True):
        following = [
            in_bars([*row[:end], n], [*piece[: end - 1], (None, quarters)], bar, n_lengths)
            for row, piece in zip(test, pieces[2], strict=True)
            for end in range(1, len(row) - 1)
            for n, quarters in sorted(pairs)
        ]
        for order in MIXED:
            logs = model.log_probabilities([row[-max(MIXED) :] for row in following], order)
            said.append(np.exp([row[-1] for row in logs]))
    ranked = (weights @ said).reshape(-1, len(pairs)).sum(axis=1)
    truth = [quarters >= LONG for piece in pieces[2] for _, quarters in piece]
    auc = round(float(roc_auc_score(truth, ranked)), 4)
    return {"auc": auc, "perplexity": perplexity([np.log(weights @ p["test"])])}


def phrases():
    """Yield what tells each row of the table of phrases from the others, and what makes it."""
    for hears, says, run in (
        ("length", "counts", who_rests),
        ("length", "counts in bars", counts_in_bars),
        ("pitch and length", "both", who_rests),
        ("pitch and length", "length", who_rests),
        ("length", "both", who_rests),
        ("length", "length", who_rests),
    ):
        for seed in SEEDS:
            yield {"hears": hears, "says": says, "seed": seed}, run


def run_one(run, settings):
    """Run one row of the table, from its seed."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings["seed"])
    return settings | run(**settings)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", nargs="?", choices=("notations", "phrases"), default="notations")
    parser.add_argument("--model", help="only the rows of this model, such as: GRU, two outputs")
    parser.add_argument("--anew", action="store_true", help="do again what is not stale, too")
    options = parser.parse_args()
    if options.table == "phrases":
        run_table("music_phrases", list(phrases()), run_one, anew=options.anew)
    else:
        only = {"model": options.model} if options.model else None
        run_table("music", list(music()), run_one, only=only, anew=options.anew)


if __name__ == "__main__":
    run_command(main)
