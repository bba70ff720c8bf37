"""Arguments are checked before any work is done."""

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
