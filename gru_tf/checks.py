"""Arguments are checked before any work is done."""

import numpy as np


def check_at_least(name, value, least):
    """Raise a ValueError unless `value` is an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be an int of at least {least}. Received: {value!r}.")
