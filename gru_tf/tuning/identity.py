"""What identifies a builder: texts that are the same in every process.

Seen are: the source of the builder, and of each function of its own module that is called
from there, however deep; of classes of that module; the values that all of these use, as
globals, in closures, or as defaults of arguments; values bound by `functools.partial`; and,
if the builder is a method or a HyperModel, its class and the attributes of its object. Of
a function or class of another module its own source or its name is seen.

Of one's own modules, that is of all but Python's, those installed with pip and this package,
more is seen: what is used as `module.name`, the defaults of a function, and of a class its
source and those attributes that are numbers, texts or tuples of them.

Not seen are: what a function or class of another module, or one that is a default or bound,
uses in turn; lists and other objects that a class holds, beyond its source; modules that are
imported inside a function, and names that are looked up by `getattr`; values inside objects
that print without them; and files that are read.
"""

import ast
import hashlib
import importlib.metadata
import inspect
import numbers
import platform
import re
import sys
import textwrap
import types
from pathlib import Path

import keras_tuner as kt
import numpy as np

from gru_tf.tuning.data import describe_array
from gru_tf.tuning.space import unwrap


def describe_builder(build):
    """Return what identifies a builder, as a dict that JSON can hold.

    Args:
        build: As `make_tuner` takes it.

    Returns:
        A dict: `function`, its name and source; `uses`, what it and those that it calls find
        under a name; and `through`, what is reached through these: as the default of an
        argument, `build(units)`, or as an attribute of a class or a module, `config.UNITS`.
    """
    function, bound = unwrap(build)
    owner = function if isinstance(function, kt.HyperModel) else getattr(function, "__self__", None)
    uses, through = {}, {}
    if owner is None:
        module, start = function.__module__, function
    else:
        module, start = type(owner).__module__, type(owner)
        wrapped = ("build", "_build") if isinstance(owner, kt.HyperModel) else ()
        attributes = {k: v for k, v in getattr(owner, "__dict__", {}).items() if k not in wrapped}
        uses |= {f"self.{name}": identify(value) for name, value in attributes.items()}
    for name, value in [(start.__name__, start), *bound.items()]:
        through |= _reach(name, value, module)
    _follow(start, module, uses, through, {start})
    uses |= {name: identify(value) for name, value in bound.items()}
    named = identify(start if function is owner else function)
    return {"function": named, "uses": uses, "through": through}


def _follow(thing, module, uses, through, seen):
    """Add what a function or class uses, and what those of its module use in turn."""
    used, names = {}, set()
    if isinstance(thing, type):
        uses[thing.__qualname__] = _hash_source(thing)
        used = {base.__name__: base for base in thing.__bases__}
    for function in _functions(thing).values():
        used |= _used(function)
        names |= set(_names(inspect.unwrap(function).__code__))
    for name, value in used.items():
        for held, described in _reach(name, value, module, names).items():
            _note(through, held, described, thing)
        value, bound = unwrap(value)
        value = getattr(value, "__func__", value)
        described = [identify(value), identify(bound)] if bound else identify(value)
        _note(uses, name, described, thing)
        ours = isinstance(value, types.FunctionType | type) and value.__module__ == module
        if ours and value not in seen:
            seen.add(value)
            _follow(value, module, uses, through, seen)


def _note(notes, name, described, thing):
    if notes.setdefault(name, described) != described:  # another of that name, in a closure
        notes[f"{thing.__qualname__}: {name}"] = described


def _functions(thing):
    """Return a function, or the methods of a class, by their names."""
    members = vars(thing) if isinstance(thing, type) else {thing.__name__: thing}
    members = {k: getattr(m, "__func__", getattr(m, "fget", m)) for k, m in members.items()}
    return {k: m for k, m in members.items() if isinstance(m, types.FunctionType)}


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


def _reach(name, value, module, names=frozenset(), above=()):
    """Return what is reached through one's own function, class or module, of which by `names`."""
    value = unwrap(value)[0]
    value = getattr(value, "__func__", value)
    found, held = {}, {}
    if any(value is other for other in above):
        return found
    if isinstance(value, types.ModuleType):
        if _is_ours(value.__name__, module):
            held = {f"{name}.{k}": vars(value)[k] for k in sorted(names & vars(value).keys())}
    elif isinstance(value, types.FunctionType | type) and _is_ours(value.__module__, module):
        if isinstance(value, type):
            found[f"source of {name}"] = _hash_source(value)
            held = {f"{name}.{k}": v for k, v in vars(value).items() if _is_setting(k, v)}
        for key, function in _functions(value).items():
            called = f"{name}.{key}" if isinstance(value, type) else name
            held |= {f"{called}({k})": v for k, v in _defaults(function).items()}
    for key, part in held.items():
        if not isinstance(part, types.ModuleType):
            found[key] = _described(part, module)
        found |= _reach(key, part, module, names, (*above, value))
    return found


def _is_ours(name, module):
    """Return whether a module is the builder's, or another that is not installed or Python's."""
    if name == module or name not in sys.modules:
        return name == module
    top = name.partition(".")[0]
    package = vars(sys.modules.get(top, sys.modules[name]))
    places = [package.get("__file__") or "", *package.get("__path__", ())]
    parts = {part for place in places for part in Path(place).parts}
    known = sys.stdlib_module_names | {__name__.partition(".")[0]}
    return top not in known and not parts & {"site-packages", "dist-packages"}


def _is_setting(name, value):
    """Return whether a member of a class is a number, a text or a tuple, and not Python's own."""
    if name.startswith("_") and name.endswith("_"):
        return False
    if isinstance(value, tuple | frozenset):
        return all(_is_setting(name, part) for part in value)
    return value is None or isinstance(value, numbers.Number | str | bytes | np.generic)


def _defaults(function):
    """Return the defaults of a function's arguments, by their names."""
    function = inspect.unwrap(function)
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    values = function.__defaults__ or ()
    return {
        **dict(zip(names[len(names) - len(values) :], values, strict=True)),
        **(function.__kwdefaults__ or {}),
    }


def _described(value, module):
    """Return what identifies a value; of a function of a library its name, in any version."""
    value, bound = unwrap(value)
    function = isinstance(value, types.FunctionType | types.MethodType)
    if function and not _is_ours(value.__module__, module):
        described = f"{value.__module__}.{value.__qualname__}"
    else:
        described = identify(value)
    return [described, identify(bound)] if bound else described


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
