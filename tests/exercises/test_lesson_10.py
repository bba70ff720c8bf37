"""The checks of lesson 10: right answers in several forms, and wrong ones."""

import numpy as np
import pytest

from gru_tf.datasets import load_chorales

CHORALES = load_chorales()


def test_sung_higher(is_right):
    is_right("10.1", 153, 0)
    is_right("10.1", np.int64(153), np.float32(0))


@pytest.mark.parametrize(
    ("n_absolute", "n_relative", "sentence"),
    [
        (0, 153, "wrong way round"),
        (154, 0, "counts the rest"),
        (152, 0, "one too small"),
        (9, 0, "count tokens"),
        (100, 0, "which notes have a pitch"),
        (153, 153, "the last note moves with the others"),
        (153, 1, "neither a rest nor the last note"),
        (153, 7, "n_relative is not 7"),
    ],
)
def test_sung_higher_refused(is_refused, n_absolute, n_relative, sentence):
    is_refused("10.1", sentence, n_absolute, n_relative)


SHARES = {0.3: 0.98, 1.5: 0.62}


def share_at_home(rows, home, most=150):
    return np.mean([row[-1] == home for row in rows if 0 < len(row) < most])


def by_counting(rows, home):
    n_home = n_ended = 0
    for row in rows:
        if row and len(row) <= 149:
            n_ended, n_home = n_ended + 1, n_home + (row[-1:] == [home])
    return n_home / n_ended


def in_float32(rows, home):
    return np.float32(share_at_home(rows, home))


@pytest.mark.parametrize("answer", [share_at_home, by_counting, in_float32])
def test_share_at_home(is_right, answer):
    is_right("10.2", answer, SHARES)
    is_right("10.2", answer, {1.5: np.float32(0.3), 0.3: 1})


def of(rule, keep=lambda row: 0 < len(row) < 150):
    return lambda rows, home: rule(np.array([rule_home(row, home) for row in rows if keep(row)]))


def rule_home(row, home):
    return bool(row) and row[-1] == home


def emptied(rows, home):
    share = share_at_home(rows, home)
    rows.clear()
    return share


@pytest.mark.parametrize(
    ("answer", "share", "sentence"),
    [
        (lambda rows, home: 1 - share_at_home(rows, home), SHARES, "misses home"),
        (of(np.sum), SHARES, "that is how many"),
        (lambda rows, home: 100 * share_at_home(rows, home), SHARES, "in %"),
        (of(np.mean, lambda row: len(row) <= 150), SHARES, "didn't end by itself, or has no note"),
        (lambda r, h: of(np.sum)(r, h) / len(r), SHARES, "divide by those that ended"),
        (lambda r, h: share_at_home([x[:1] for x in r if len(x) < 150], h), SHARES, "first note"),
        (lambda r, h: share_at_home([x[:-1] for x in r], h), SHARES, "note before the last"),
        (lambda rows, home: share_at_home(rows, home, 149), SHARES, "149 notes and END"),
        (lambda rows, home: share_at_home(rows, 5), SHARES, "another token"),
        (emptied, SHARES, "changed the rows"),
        (lambda rows, home: 0.1234, SHARES, "the share is not 0.12"),
        (share_at_home, (0.9, 0.6), "no dict"),
        (share_at_home, {0.3: 0.9, 1.5: None}, "fill in both"),
        (share_at_home, {0.3: 98, 1.5: 62}, "from 0 to 1"),
        (share_at_home, {0.3: 0, 1.5: 0}, "sing(0.3)[0]"),
        (share_at_home, {0.3: 0.62, 1.5: 0.98}, "mixed up"),
        (share_at_home, {0.3: 0.62, 1.5: 0.62}, "both shares are the same"),
        (share_at_home, {0.3: 0.2, 1.5: 0.1}, "token of the pitch 0"),
    ],
)
def test_share_at_home_refused(is_refused, answer, share, sentence):
    is_refused("10.2", sentence, answer, share)


def steps_of(midi):
    before = [0, *midi[:-1]]
    return [b - a if a and b else "?" for a, b in zip(before, midi, strict=True)]


def intervals(number, rule=steps_of):
    midi, quarters = CHORALES.midi[number].tolist(), CHORALES.quarters[number]
    return [f"{step} {q:g}" for step, q in zip(rule(midi), quarters, strict=True)]


def by_numpy(number):
    midi, quarters = CHORALES.midi[number], CHORALES.quarters[number]
    steps = np.diff(midi, prepend=0).astype(str).astype(object)
    steps[(midi == 0) | (np.roll(midi, 1) == 0)] = "?"
    steps[0] = "?"
    return tuple(f"{step} {q}" for step, q in zip(steps, quarters, strict=True))


def with_plus(number):
    return intervals(number, lambda midi: [s if s == "?" else f"{s:+}" for s in steps_of(midi)])


@pytest.mark.parametrize("answer", [intervals, by_numpy, with_plus])
def test_intervals(is_right, answer):
    is_right("10.3", answer)


def by_rule(rule):
    return lambda number: intervals(number, rule)


def each(rule):
    """Return an answer from a rule for a note, which gets the pitches and the note's place."""
    return by_rule(lambda midi: [rule(midi, i) for i in range(len(midi))])


def changed(change):
    return by_rule(lambda midi: [s if s == "?" else change(s) for s in steps_of(midi)])


def to_next(midi):
    return [*steps_of(midi)[1:], "?"]


def over_rests(midi):
    steps, last = [], 0
    for pitch in midi:
        steps.append(pitch - last if pitch and last else "?")
        last = pitch or last
    return steps


def rest_is_zero(midi):
    return ["?", *(b - a for a, b in zip(midi[:-1], midi[1:], strict=True))]


def wrong_lengths(number):
    steps = [token.split()[0] for token in intervals(number)]
    return [
        f"{step} {q:g}"
        for step, q in zip(steps, np.roll(CHORALES.quarters[number], 1), strict=True)
    ]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (changed(lambda step: -step), "the steps have the wrong sign"),
        (changed(abs), "lost their sign"),
        (by_rule(to_next), "a step is to the note after"),
        (by_rule(lambda midi: [s if s == "?" else -s for s in to_next(midi)]), "from the note "),
        (by_rule(lambda midi: midi), "these are the pitches"),
        (each(lambda m, i: m[i] - m[-1] if m[i] else "?"), "distances to the last note"),
        (each(lambda m, i: m[i] - m[0] if i and m[i] else "?"), "distances to the first note"),
        (by_rule(over_rests), "goes over a rest"),
        (by_rule(rest_is_zero), "a rest was taken for the pitch 0"),
        (each(lambda m, i: m[i] - m[i - 1] if m[i] and m[i - 1] else "?"), "the first note has"),
        (by_rule(lambda midi: [0, *steps_of(midi)[1:]]), "the first note is 0"),
        (by_rule(lambda m: [0 if s == "?" else s for s in steps_of(m)]), "the first note is 0"),
        (lambda number: intervals(number)[1:], "there are 41 tokens"),
        (lambda number: " ".join(intervals(number)), "not a list of texts"),
        (lambda number: [token.split() for token in intervals(number)], "is no token"),
        (lambda number: [token.split()[0] for token in intervals(number)], "is no token"),
        (lambda number: [" ".join(t.split()[::-1]) for t in intervals(number)], "is no token"),
        (wrong_lengths, "length of its neighbour"),
        (lambda number: [t.split()[0] + " 1" for t in intervals(number)], "lengths are not those"),
        (changed(lambda step: step + 1), "the step of note 1 is -3, not -2"),
    ],
)
def test_intervals_refused(is_refused, answer, sentence):
    is_refused("10.3", sentence, answer)
