"""What all checks share: the register, the helpers, and `check`, which prints a verdict."""

import contextlib
import importlib
import importlib.util
import inspect
import re

import numpy as np

EXERCISES = {}  # number: (function, hint)
FAILURES = {}  # number: how often it was wrong since it was last right
UNSOLVED = "not solved yet. Fill in the cell above, run it, then run this one again."


class Wrong(Exception):
    """The answer is wrong; the text says what is wrong. See `hinting` for a hint of its own."""


class Unsolved(Exception):
    """There is no answer yet."""


def exercise(number, hint):
    """Register a function as the check of an exercise.

    The function takes the reader's values, and may return a remark for who has solved it. Its
    parameter for a function of the reader's is named `function`; that function reaches it wrapped,
    so that a result of `None` counts as not solved.
    """

    def register(function):
        EXERCISES[number] = function, hint
        return function

    return register


def require(condition, sentence):
    """Stop the check with a sentence that says what is wrong, unless a condition holds."""
    if not condition:
        raise Wrong(sentence)


@contextlib.contextmanager
def hinting(text):
    """Give what is found wrong inside a hint of its own, in the place of the exercise's."""
    try:
        yield
    except Wrong as error:
        error.hint = text
        raise


def as_array(value, name, shape=None):
    """Return numbers of any kind (list, NumPy, tensor) in float64, of a shape if one is asked."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
    try:
        array = np.asarray(value).astype("float64")
    except (TypeError, ValueError):
        raise Wrong(f"{name} is no array of numbers, but {type(value).__name__}.") from None
    if shape is not None:
        require(array.shape == shape, f"{name} has the shape {array.shape}, not {shape}.")
    return array


def as_number(value, name):
    """Return one number of any kind as a float."""
    array = as_array(value, name)
    require(array.size == 1, f"{name} is {array.size} numbers in place of one.")
    number = array.item()
    require(np.isfinite(number), f"{name} is {number}.")
    return number


def close(a, b, tolerance=1e-4):
    """Return whether numbers agree to what float32 can give."""
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=tolerance, atol=tolerance))


def check(number, *answers):
    """Print whether the answer to an exercise is right, or what is wrong with it.

    From the second wrong answer on a hint is added. An answer that is not there yet (`None`, or a
    function that returns `None` or raises `NotImplementedError`) is no error.

    Args:
        number: the exercise, such as `"07.2"`: lesson, then exercise.
        *answers: the reader's values or functions, in the order that the exercise names.

    Raises:
        ValueError: if there is no such exercise.

    Example:

    ```python
    exercises.check("07.2", min_p)
    ```
    """
    function, hint = find(number)
    if any(answer is None for answer in answers):
        print(f"{number}: {UNSOLVED}")
        return
    try:
        for name, answer in zip(inspect.signature(function).parameters, answers, strict=False):
            kind = type(answer).__name__
            text = f"the answer is no function, but {kind}: pass its name, without brackets."
            is_function = callable(answer) and not hasattr(answer, "fit")  # a model has a fit
            require(name != "function" or is_function, text)
        remark = function(*map(guarded, answers))
    except Unsolved:
        print(f"{number}: {UNSOLVED}")
        return
    except Exception as error:
        wrong = error if isinstance(error, Wrong) else f"the answer can't be tested: {error!r}."
        hint = getattr(wrong, "hint", hint)
        FAILURES[number] = FAILURES.get(number, 0) + 1
        print(f"{number}: {wrong}" + f" Hint: {hint}" * (FAILURES[number] > 1))
        return
    FAILURES.pop(number, None)
    print(f"{number}: right." + f" {remark}" * bool(remark))


def find(number):
    """Return check and hint of an exercise."""
    if isinstance(number, str) and re.fullmatch(r"\d\d\.\d", number):
        name = f"gru_tf.exercises.lesson_{number[:2]}"
        if importlib.util.find_spec(name):
            importlib.import_module(name)
    if not isinstance(number, str) or number not in EXERCISES:
        raise ValueError(
            f'number must be lesson and exercise of a check, such as "07.2". Received: {number!r}.'
        )
    return EXERCISES[number]


def guarded(answer):
    """Return a value as it is, and a function so that its errors and its `None` are sentences."""
    if not callable(answer):
        return answer

    def called(*arguments):
        try:
            result = answer(*arguments)
        except (Wrong, Unsolved):
            raise
        except NotImplementedError:
            raise Unsolved from None
        except Exception as error:
            name = getattr(answer, "__name__", "the function")
            text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
            raise Wrong(f"{name} raised {text}.") from error
        if result is None:
            raise Unsolved
        return result

    return called
