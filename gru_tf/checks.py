"""Arguments are checked before any work is done."""

import argparse

import numpy as np


def check_one_of(name, value, accepted):
    """Raise a ValueError unless `value` is one of the texts that are accepted."""
    if not isinstance(value, str) or value not in accepted:
        texts = " or ".join(f'"{text}"' for text in accepted)
        raise ValueError(f"{name} must be {texts}. Received: {value!r}.")


def check_at_least(name, value, least):
    """Raise a ValueError unless `value` is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be an int of at least {least}. Received: {value!r}.")


def number_from(least, kind=int):
    """Return a `type` for an argument of a command line: a number of at least `least`.

    Args:
        least: The smallest number that is accepted.
        kind: `int` or `float`.

    Returns:
        A function of a text, whose error argparse shows as a sentence.
    """
    what = {int: "a whole number", float: "a number"}[kind]

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not value >= least:  # NaN is refused, too
            raise argparse.ArgumentTypeError(f"must be {what} from {least} on. Received: {text}")
        return value

    return parse
