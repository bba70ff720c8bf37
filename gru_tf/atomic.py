"""Files that are written whole or not at all."""

import contextlib
import os
import uuid
from pathlib import Path


@contextlib.contextmanager
def replacing(path):
    """Give the path of a new file, which takes the place of another once it is written.

    Where that fails, on a full disk or by an interruption, what was there stays, and nothing
    is left of the new file. It has a name of its own, as another process may be writing, too.

    Args:
        path: Path of the file. Its folder is made where it is missing.

    Yields:
        A `pathlib.Path` beside it, to be written within the `with` block.

    Example:

    >>> with replacing(Path(tempfile.mkdtemp(), "table.json")) as unfinished:
    ...     _ = unfinished.write_text("{}")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.unfinished")
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
