"""What identifies a builder: texts that are the same in every process.

Seen are: the source of the builder, and of each function of its own module that is called
from there, however deep; of classes of that module; the values that all of these use, as
globals or in closures; values bound by `functools.partial`; and, if the builder is a
method or a HyperModel, its class and the attributes of its object. Of a function or class
of another module its own source or its name is seen. Not seen are: what such a function
calls in turn, values inside objects that print without them, and files that are read.
"""

import ast
import hashlib
import importlib.metadata
import inspect
import platform
import re
import textwrap
import types

import keras_tuner as kt
import numpy as np

from gru_tf.tuning.data import describe_array
from gru_tf.tuning.space import unwrap


def describe_builder(build):
    """Return the builder's name and source, and what it uses, as a dict that JSON can hold."""
    function, bound = unwrap(build)
    owner = function if isinstance(function, kt.HyperModel) else getattr(function, "__self__", None)
    uses = {}
    if owner is None:
        module, start = function.__module__, function
    else:
        module, start = type(owner).__module__, type(owner)
        wrapped = ("build", "_build") if isinstance(owner, kt.HyperModel) else ()
        attributes = {k: v for k, v in getattr(owner, "__dict__", {}).items() if k not in wrapped}
        uses |= {f"self.{name}": identify(value) for name, value in attributes.items()}
    _follow(start, module, uses, {start})
    uses |= {name: identify(value) for name, value in bound.items()}
    return {"function": identify(start if function is owner else function), "uses": uses}


def _follow(thing, module, uses, seen):
    """Add to `uses` what a function or class uses, and what those of its module use in turn."""
    if isinstance(thing, type):
        uses[thing.__qualname__] = _hash_source(thing)
        members = [getattr(m, "__func__", getattr(m, "fget", m)) for m in vars(thing).values()]
        used = {base.__name__: base for base in thing.__bases__}
        for member in members:
            if isinstance(member, types.FunctionType):
                used |= _used(member)
    else:
        used = _used(thing)
    for name, value in used.items():
        value, bound = unwrap(value)
        value = getattr(value, "__func__", value)
        described = [identify(value), identify(bound)] if bound else identify(value)
        if uses.setdefault(name, described) != described:  # another of that name, in a closure
            uses[f"{thing.__qualname__}: {name}"] = described
        ours = isinstance(value, types.FunctionType | type) and value.__module__ == module
        if ours and value not in seen:
            seen.add(value)
            _follow(value, module, uses, seen)


def _used(function):
    """Return the globals and the values of closures that a function uses, by name."""
    function = inspect.unwrap(function)
    names = set(_names(function.__code__))
    used = {name: function.__globals__[name] for name in names & function.__globals__.keys()}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name != "__class__":
            used[name] = cell.cell_contents
    return dict(sorted(used.items()))


def _names(code):
    yield from code.co_names
    for part in code.co_consts:
        if isinstance(part, types.CodeType):  # of a function inside
            yield from _names(part)


def versions():
    """Return the versions that the last digits of a score depend on."""
    packages = ("tensorflow", "keras", "keras-tuner")
    installed = {package: importlib.metadata.version(package) for package in packages}
    return {"python": platform.python_version(), **installed}


def identify(value):
    """Return a text, or a list or a dict of such, that identifies a value in every process."""
    if isinstance(value, dict):
        return {str(name): identify(part) for name, part in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    if isinstance(value, list | tuple):
        return [identify(part) for part in value]
    if hasattr(value, "__array__") and not isinstance(value, type | np.generic):
        return describe_array(value)
    if isinstance(value, types.FunctionType | types.MethodType):
        return f"{value.__qualname__}, {_hash_source(value)}"
    if isinstance(value, types.ModuleType):
        return value.__name__
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def _hash_source(thing):
    try:
        source = _without_comments(inspect.getsource(thing))
    except (OSError, TypeError):  # typed into a plain `python`
        code = getattr(thing, "__code__", None)
        source = repr((code.co_code, code.co_names)) if code else repr(sorted(vars(thing)))
    return f"source {hashlib.sha256(source.encode()).hexdigest()[:12]}"


def _without_comments(source):
    """Return what code does, without its docstrings, comments and line breaks."""
    try:
        tree = ast.parse(textwrap.dedent(source))
    except SyntaxError:  # a lambda, from the middle of a statement
        return source
    for node in ast.walk(tree):
        named = isinstance(node, ast.FunctionDef | ast.ClassDef)
        if named and ast.get_docstring(node) and len(node.body) > 1:
            del node.body[0]
    return ast.unparse(tree)
