"""Checks of the exercises in the lessons.

A check tests the reader's own function or value, and says in one sentence that it is right, or
what is wrong. It never compares the text of code, and never raises. Each lesson has its module.
"""

from gru_tf.exercises.checking import check

__all__ = ["check"]
