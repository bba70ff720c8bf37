"""Greedy and beam search against the search of every text of a tiny vocabulary."""

import itertools

import numpy as np
import pytest

from gru_tf.text import beam_search, greedy_search

START, END, N_WORDS, MAX_STEPS = 1, 2, 5, 4


def log_p_after(seed, text):
    """Return the logarithm of the probability of each next word, which depends on all before."""
    logits = np.random.default_rng([seed, *text]).normal(0, 1.5, N_WORDS)
    return logits - np.log(np.exp(logits).sum())


def step(words, states):
    seeds, told = states  # told: the words so far, right-padded with 0
    n_told = (told != 0).sum(axis=1)
    told = told.copy()
    told[np.arange(len(told)), n_told] = words
    after = [log_p_after(seed, row[row != 0]) for seed, row in zip(seeds, told, strict=True)]
    return np.array(after), [seeds, told]


def first_states(n_texts):
    return [np.arange(n_texts), np.zeros((n_texts, MAX_STEPS + 2), int)]


def all_texts(seed):
    """Yield each text, without its end, its probability's logarithm, and its number of steps."""
    others = [word for word in range(N_WORDS) if word not in (0, END)]
    for n in range(MAX_STEPS + 1):
        for text in itertools.product(others, repeat=n):
            whole = [*text, END] if n < MAX_STEPS else text
            told = [START, *whole]
            terms = [log_p_after(seed, told[: i + 1])[word] for i, word in enumerate(whole)]
            yield list(text), sum(terms), len(whole)


@pytest.fixture(autouse=True)
def no_padding(monkeypatch):
    """Let the id 0 be written never, as it is by no trained translator."""
    plain = log_p_after

    def without(seed, text):
        log_p = plain(seed, text)
        log_p[0] = -np.inf
        return log_p

    monkeypatch.setitem(globals(), "log_p_after", without)


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 2.0, 5.0])
def test_a_wide_beam_finds_what_an_exhaustive_search_finds(length_penalty):
    found, scores = beam_search(
        step, first_states(6), START, END, MAX_STEPS, beam=81, length_penalty=length_penalty
    )
    for seed in range(6):
        score_of = {
            tuple(text): total / ((5 + n) / 6) ** length_penalty
            for text, total, n in all_texts(seed)
        }
        best = max(score_of, key=score_of.get)
        assert found[seed] == list(best)
        assert scores[seed] == pytest.approx(score_of[best])
        states = [state[seed : seed + 1] for state in first_states(6)]  # nobody else to wait for
        alone, _ = beam_search(step, states, START, END, MAX_STEPS, 81, length_penalty)
        assert alone == [list(best)]


def test_a_penalty_makes_texts_longer():
    lengths = [
        sum(map(len, beam_search(step, first_states(9), START, END, MAX_STEPS, 81, penalty)[0]))
        for penalty in (0.0, 1.0, 5.0)
    ]
    assert lengths[0] < lengths[1] < lengths[2]


def test_a_narrow_beam_scores_what_it_returns_and_a_wider_one_no_worse_in_all():
    total = []
    for beam in (1, 2, 4, 81):
        found, scores = beam_search(step, first_states(30), START, END, MAX_STEPS, beam)
        total.append(scores.sum())
        for seed in range(6):
            score_of = {tuple(text): total for text, total, _ in all_texts(seed)}
            assert scores[seed] == pytest.approx(score_of[tuple(found[seed])])
    assert total == sorted(total)
    assert total[0] < total[-1]


def test_greedy_search_takes_the_best_word_at_each_step():
    found = greedy_search(step, first_states(20), START, END, MAX_STEPS)
    cut = 0
    for seed, text in enumerate(found):
        told = [START]
        while len(told) <= MAX_STEPS:
            word = int(np.argmax(log_p_after(seed, told)))
            if word == END:
                break
            told.append(word)
        assert text == told[1:]
        cut += len(text) == MAX_STEPS
    assert 0 < cut < 20  # some were stopped, others ended


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_steps": 0}, "max_steps must be .* Received: 0"),
        ({"beam": 0}, "beam must be .* Received: 0"),
        ({"length_penalty": -1}, "length_penalty must be .* Received: -1"),
        ({"length_penalty": float("nan")}, "length_penalty must be .* Received: nan"),
        ({"end": N_WORDS}, f"end must be .* at most {N_WORDS - 1}. Received: {N_WORDS}"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        beam_search(step, first_states(1), START, **{"end": END, "max_steps": 3} | arguments)


def test_an_end_that_no_step_can_write_is_refused_by_a_greedy_search():
    with pytest.raises(ValueError, match=f"end must be .* at most 4. Received: {N_WORDS}"):
        greedy_search(step, first_states(1), START, N_WORDS, MAX_STEPS)
