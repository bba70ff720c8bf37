"""What all checks do alike: unsolved, errors, hints."""

import keras
import numpy as np
import pytest

from gru_tf.exercises import check
from gru_tf.exercises.checking import Wrong, as_array, as_number


def fail(*arguments):
    raise NotImplementedError


def broken(*arguments):
    return 1 / 0


@pytest.mark.parametrize("answer", [None, lambda *_: None, fail], ids=["None", "returns", "raises"])
def test_an_unsolved_exercise_is_no_error(verdict, answer):
    assert "not solved yet" in verdict("07.2", answer)


def test_one_answer_of_two_is_unsolved(verdict):
    assert "not solved yet" in verdict("07.1", 2002, None)


def test_an_error_of_the_reader_is_one_sentence(verdict):
    said = verdict("07.2", broken)
    assert said == "07.2: broken raised ZeroDivisionError: division by zero."


def test_too_many_answers_are_one_sentence(verdict):
    said = verdict("09.1", 368, 368)
    assert said.startswith("09.1: the answer can't be tested: ")
    assert "\n" not in said


def test_a_value_in_place_of_a_function_is_one_sentence(verdict):
    for answer in ("text", 3, [1], np.ones(3)):
        said = verdict("07.2", answer)
        assert said.startswith("07.2: the answer is no function, but ")
        assert "right." not in said
        assert "\n" not in said


def test_a_model_in_place_of_the_function_that_builds_it(verdict):
    assert "no function, but Sequential" in verdict("04.3", keras.Sequential())


def test_the_hint_comes_with_the_second_failure(capsys):
    said = []
    for answer in (7, 7, 368, 7):
        check("09.1", answer)
        said.append("Hint:" in capsys.readouterr().out)
    assert said == [False, True, False, False]


@pytest.mark.parametrize("number", ["7.2", "99.1", "07.9", 7.2, None])
def test_an_unknown_exercise(number):
    with pytest.raises(ValueError, match="number must be.*Received"):
        check(number, 1)


def test_numbers_of_any_kind():
    for value in (3, 3.0, np.float32(3), np.array([3.0]), [3]):
        assert as_number(value, "n") == 3
    with pytest.raises(Wrong, match="n is 2 numbers"):
        as_number([1, 2], "n")
    with pytest.raises(Wrong, match="n is nan"):
        as_number(np.nan, "n")
    with pytest.raises(Wrong, match="no array of numbers, but str"):
        as_array("text", "n")
    with pytest.raises(Wrong, match=r"\(2,\), not \(3,\)"):
        as_array([1, 2], "n", (3,))
