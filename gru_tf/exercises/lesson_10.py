"""Exercises of lesson 10: notations of a higher song, the way home, and intervals."""

import functools

import numpy as np

from gru_tf import datasets
from gru_tf.exercises.checking import Wrong, as_number, exercise, require

MOST = 150  # notes after which `sing` cuts a line
load_chorales = functools.cache(datasets.load_chorales)


@exercise("10.1", "write both notations of the piece as in section 3, before and after; compare.")
def sung_higher(n_absolute, n_relative):
    n_absolute = as_number(n_absolute, "n_absolute")
    n_relative = as_number(n_relative, "n_relative")
    midi = load_chorales().midi[0]
    n_notes, n_sung = len(midi), int((midi > 0).sum())
    require(
        (n_absolute, n_relative) not in ((0, n_sung), (0, n_notes)),
        "the two are the wrong way round: relative is the distance to the piece's last note.",
    )
    require(n_absolute != n_notes, "n_absolute counts the rest: a rest can't be sung higher.")
    require(
        n_absolute != n_sung - 1,
        "n_absolute is one too small: the last note is sung higher, like any other.",
    )
    require(
        n_absolute > 20,
        f"n_absolute is not {n_absolute:g}: count tokens, in their places, not "
        "how many different ones there are.",
    )
    require(n_absolute == n_sung, f"n_absolute is not {n_absolute:g}: which notes have a pitch?")
    require(
        n_relative not in (n_sung, n_notes),
        "n_relative is wrong: the last note moves with the others, so measure from the new one.",
    )
    require(
        n_relative not in (1, n_notes - n_sung),
        "n_relative is wrong: neither a rest nor the last note, which is 0, changes its token.",
    )
    require(n_relative == 0, f"n_absolute is right, and n_relative is not {n_relative:g}.")
    return "Transposed changes like absolute, but there the new tokens have been learnt, too."


@exercise(
    "10.2", "keep the rows with 0 < len(row) < 150, and take the mean of row[-1] == home over them."
)
def at_home(function, by_temperature):
    check_share(function)
    require(
        isinstance(by_temperature, dict) and {*by_temperature} == {0.3, 1.5},
        "share_at_home is right, and by_temperature is no dict with the keys 0.3 and 1.5.",
    )
    require(None not in by_temperature.values(), "by_temperature holds a None: fill in both.")
    cold, hot = (as_number(by_temperature[t], f"the share at {t}") for t in (0.3, 1.5))
    require(0 <= cold <= 1 and 0 <= hot <= 1, "share goes from 0 to 1, and one of yours doesn't.")
    require(
        (cold, hot) != (0, 0),
        "share_at_home is right, and both shares are 0: `sing` returns pitches and lengths, and "
        "the pitches are sing(0.3)[0]; home is index[0]['0'].",
    )
    require(cold != hot, "both shares are the same: was the second sampled at its temperature?")
    require(
        cold > hot,
        "the hot lines end at home oftener than the cold: are the two mixed up, or "
        "were END and home?",
    )
    require(
        cold > 0.5,
        "share_at_home is right, and yet few cold lines end at home: home is the token of the "
        "pitch 0, index[0]['0'].",
    )
    return "Heat flattens every choice, the last one too."


def check_share(function):
    home, other = 5, 7
    lines = {
        "of six lines that end, one at home": [
            [5, 3, 5],
            [5, 4, 7],
            [5, 5, 7],
            [5, 5, 3],
            [3, 4, 3],
            [3, 3, 7],
        ],
        "where a line has 150 notes": [[3, 5], [4, 3, 7], [9, 3, 5], [*[3] * (MOST - 1), 5]],
        "where a line is empty": [[], [6, 5], [5, 5, 5], [5, 7]],
        "where a line has 149 notes": [[*[5] * (MOST - 2), 7], [*[7] * (MOST - 2), 5], [4, 5]],
        "where home is another token": [[3, 7], [7, 5], [5, 7], [5, 5, 7]],
    }
    for where, rows in lines.items():
        wanted = other if "another" in where else home
        given = [list(row) for row in rows]
        try:
            found = as_number(function(given, wanted), "the share")
        except Wrong as error:
            raise Wrong(f"{where}, {error}") from None
        require(given == rows, f"{where}, the function changed the rows that it was given.")
        ended = [row for row in rows if 0 < len(row) < MOST]
        right = np.mean([row[-1] == wanted for row in ended])
        if np.isclose(found, right, atol=1e-3):
            continue
        n_home = sum(row[-1] == wanted for row in ended)
        at_end = [bool(row) and row[-1] == wanted for row in rows]
        for value, sentence in (
            (1 - right, "that is the share that misses home."),
            (n_home, "that is how many, and not the share."),
            (100 * right, "that is in %: a share goes from 0 to 1."),
            (np.mean(at_end), "a line counts that didn't end by itself, or has no note."),
            (n_home / len(rows), "the share is of all lines: divide by those that ended."),
            (np.mean([row[0] == wanted for row in ended]), "that is the first note, not the last."),
            (
                np.mean([row[-2:-1] == [wanted] for row in ended]),
                "that is the note before the last: `sing` has left out END already.",
            ),
        ):
            require(not np.isclose(found, value, atol=1e-3), f"{where}, {sentence}")
        short = [row for row in ended if len(row) < MOST - 1]
        if len(short) < len(ended) and np.isclose(found, np.mean([r[-1] == wanted for r in short])):
            raise Wrong(f"{where}, it was left out: 149 notes and END are not more than 150.")
        raise Wrong(f"{where}, the share is not {found:.2f}, but {right:.2f}.")


@exercise(
    "10.3", 'a step is midi[i] - midi[i - 1]; it is "?" for i = 0, or where one of the two is 0.'
)
def intervals(function):
    chorales = load_chorales()
    for number in (chorales.names.index("bwv287"), 0, 17, 39, 120, 141):
        midi, quarters = chorales.midi[number].tolist(), chorales.quarters[number].tolist()
        name = chorales.names[number]
        found = function(number)
        require(
            hasattr(found, "__len__") and not isinstance(found, str),
            f"the result is {type(found).__name__}, not a list of texts.",
        )
        if len(found) != len(midi):
            raise Wrong(f"of {name}, which has {len(midi)} notes, there are {len(found)} tokens.")
        pairs = [read_token(token) for token in found]
        compare_lengths([length for _, length in pairs], quarters, name)
        compare_steps([step for step, _ in pairs], midi, name)
    return "It needs no key: sung higher, a piece has the same tokens."


def read_token(token):
    """Return step, None for "?", and length of a token."""
    parts = str(token).split()
    try:
        require(isinstance(token, str) and len(parts) == 2, "")
        return None if parts[0] == "?" else float(parts[0]), float(parts[1])
    except (ValueError, Wrong):
        raise Wrong(
            f'{token!r} is no token: a text of step and length, such as "-3 1" or "? 0.5".'
        ) from None


def compare_lengths(lengths, quarters, name):
    if np.allclose(lengths, quarters):
        return
    moved = any(np.allclose(np.roll(lengths, k)[1:-1], quarters[1:-1]) for k in (1, -1))
    require(not moved, f"in {name} each note has the length of its neighbour.")
    raise Wrong(f"in {name} the lengths are not those of the notes, in quarters.")


def compare_steps(steps, midi, name):
    def by(rule):
        return [rule(i) for i in range(len(midi))]

    def step(a, b):
        return midi[b] - midi[a] if midi[a] and midi[b] else None

    right = by(lambda i: step(i - 1, i) if i else None)
    if steps == right:
        return
    last = [pitch for pitch in midi if pitch][-1]
    before = by(lambda i: next((p for p in reversed(midi[:i]) if p), 0))
    nexts = by(lambda i: step(i, i + 1) if i + 1 < len(midi) else None)
    wrong = {
        "the steps have the wrong sign: up is above 0.": by(
            lambda i: -right[i] if right[i] else right[i]
        ),
        "a step is to the note after: take the note before.": nexts,
        "these are steps from the note after: take the note before.": by(
            lambda i: -nexts[i] if nexts[i] else nexts[i]
        ),
        "these are the pitches, not the steps between them.": midi,
        "these are distances to the last note: take the note before.": by(
            lambda i: midi[i] - last if midi[i] else None
        ),
        "these are distances to the first note: take the note before.": by(
            lambda i: step(0, i) if i else None
        ),
        "a rest was taken for the pitch 0: a step to it or from it is `?`.": by(
            lambda i: midi[i] - midi[i - 1] if i else None
        ),
        "a step goes over a rest: after a rest stands `?`.": by(
            lambda i: midi[i] - before[i] if midi[i] and before[i] else None
        ),
        "the first note has the last one before it, and must have `?`.": by(
            lambda i: step(i - 1, i)
        ),
        "the steps have lost their sign.": by(lambda i: abs(right[i]) if right[i] else right[i]),
        "the first note is 0, and must be `?`.": [0, *right[1:]],
        "where there is no step stands 0: it must be `?`.": by(lambda i: right[i] or 0),
    }
    for sentence, of_a_rule in wrong.items():
        require(steps != of_a_rule, f"in {name} {sentence}")
    i = next(i for i, pair in enumerate(zip(steps, right, strict=True)) if pair[0] != pair[1])
    said, true = ("?" if value is None else f"{value:g}" for value in (steps[i], right[i]))
    raise Wrong(f"in {name} the step of note {i} is {true}, not {said}.")
