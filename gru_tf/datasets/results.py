"""Results of comparisons that are too long for a lesson."""

import json

from gru_tf.datasets.files import data_folder


def load_results(name):
    """Load what a comparison too long for a lesson has measured, and how.

    Args:
        name: Name of a file in `data/results`, without `.json`.

    Returns:
        A dict: `"command"`, which runs the comparison again and writes the file anew;
        `"date"`; `"machine"`, with its cores, its processor and the versions of what ran;
        and `"rows"`, a list of dicts, one a run.

    Raises:
        FileNotFoundError: If there are no results of that name; those there are get named.
        ValueError: If the file is damaged.

    Example:

    >>> sorted(load_results("imdb_layers"))
    ['command', 'date', 'machine', 'rows']
    """
    folder = data_folder() / "results"
    names = sorted(path.stem for path in folder.glob("*.json"))
    if name not in names:
        raise FileNotFoundError(f"No results named {name!r} in {folder}. There are: {names}.")
    path = folder / f"{name}.json"
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"The results {path} are damaged: {error}.") from error
    missing = {"command", "date", "machine", "rows"} - set(results)
    if missing:
        raise ValueError(f"The results {path} are damaged: they lack {sorted(missing)}.")
    return results
