"""Results of comparisons that are too long for a lesson."""

import hashlib
import json

from gru_tf.checks import describe
from gru_tf.datasets.files import REMEDY, data_folder, read


def load_results(name):
    """Load what a comparison too long for a lesson has measured, and how.

    Args:
        name: Name of a file in `data/results`, without `.json`.

    Returns:
        A dict: `"command"`, which runs the comparison again and writes the file anew;
        `"date"`; `"machine"`, with its cores, its processor and the versions of what ran;
        `"rows"`, a list of dicts, one a run; and `"origins"`, which command made which rows,
        from which code.

    Raises:
        FileNotFoundError: If there are no results of that name; those there are get named.
        OSError: If the file can't be read.
        ValueError: If the file is damaged.

    Example:

    >>> sorted(load_results("imdb_layers"))
    ['command', 'date', 'machine', 'origins', 'rows']
    """
    folder = data_folder() / "results"
    names = sorted(path.stem for path in folder.glob("*.json"))
    if name not in names:
        raise FileNotFoundError(
            f"name must be that of results in {folder}. There are: {names}. "
            f"Received: {describe(name)}."
        )
    path = folder / f"{name}.json"
    try:
        results = json.loads(read(path, REMEDY))
    except ValueError as error:
        raise _damaged(path, error) from error
    keys = ["command", "date", "machine", "origins", "rows", "sha256"]
    if not isinstance(results, dict) or sorted(results) != keys:
        raise _damaged(path, f"it must hold {keys}")
    if results.pop("sha256") != checksum(results):
        raise _damaged(path, "its sha256 is that of other content")
    return results


def checksum(content):
    """Return the sha256 of what a file of JSON says, in whatever form it is written."""
    said = {key: value for key, value in content.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _damaged(path, why):
    return ValueError(f"The results {path} are damaged: {why}. {REMEDY}")
