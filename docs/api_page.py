"""Writes the API page: every public name, and every class that a public call returns or takes.

Public are the names of the package's stub and the `__all__` of the modules among them. A class is
reached from the annotations of a public function, of its methods, or of the fields of a class that
was reached before."""

import dataclasses
import enum
import importlib.util
import inspect
import re
import types
import typing

import linsgd
from linsgd.result import Result

ROOMS = {
    "": "Problems and optimizers",
    "theory": "Predictions",
    "montecarlo": "Simulation",
    "deep": "Networks in PyTorch",
    "compare": "Comparison of theories with a simulation",
    "symbolic": "Derivations",
    "stable": "Stable laws",
    "estimate": "Estimates from data",
    "campaigns": "Validation",
    "report": "Reports",
    "judge": "The judge",
    "claims": "Claims",
    "references": "Citing",
    "plot": "Figures",
    "testing": "Testing a theory or a law of one's own",
}

QUOTED = re.compile(r"(`+[^`]*`+)")
MARKUP = re.compile(r"(?<![\\*:])[|*](?!\*)|(?<=\w)_(?!\w)")


def exported():
    """Return {full name: object} of the names that are offered."""
    found = {}
    classes = {getattr(linsgd, n) for n in linsgd.__all__ if inspect.isclass(getattr(linsgd, n))}
    for name in linsgd.__all__:
        value = getattr(linsgd, name)
        if name == "deep" and importlib.util.find_spec("torch") is None:
            continue  # its modules cannot be imported, nor described
        if isinstance(value, types.ModuleType):
            inside = {f"{value.__name__}.{each}": getattr(value, each) for each in value.__all__}
            found.update(
                {n: v for n, v in inside.items() if not (inspect.isclass(v) and v in classes)}
            )
        else:
            found[f"linsgd.{name}"] = value
    return found


def public_names():
    """Return {room: sorted full names} of what is offered and of the classes that it leads to."""
    offered = exported()
    known = {id(value): name for name, value in offered.items()}
    names = {room: set() for room in ROOMS}
    for name, value in offered.items():
        names[room_of(name if name.count(".") > 1 else value.__module__)].add(name)
    for kind in reachable(offered.values()):
        name = known.get(id(kind), f"{kind.__module__}.{kind.__qualname__}")
        if id(kind) not in known:
            names[room_of(kind.__module__)].add(name)
    return {room: sorted(found, key=str.lower) for room, found in names.items() if found}


def reachable(values):
    """Return the public classes in the annotations of functions, methods and fields, and theirs."""
    waiting, seen = list(values), []
    while waiting:
        value = waiting.pop()
        for kind in classes_in(annotations_of(value)):
            if kind not in seen:
                seen.append(kind)
                waiting.append(kind)
    return seen


def annotations_of(value):
    """Yield the annotations of a function, or of the fields and public methods of a class."""
    if inspect.isclass(value) and value.__module__.startswith("linsgd"):
        hidden = {f.name for f in fields_of(value) if not f.repr}
        for base in (kind for kind in value.__mro__ if kind.__module__.startswith("linsgd")):
            hints = inspect.get_annotations(base, eval_str=True)
            yield from (hints[name] for name in hints if name[0] != "_" and name not in hidden)
        for name, member in vars(value).items():
            inner = getattr(member, "__func__", getattr(member, "fget", member))
            if name[0] != "_" and inspect.isfunction(inner):
                yield from typing.get_type_hints(inner).values()
    elif inspect.isfunction(value):
        yield from typing.get_type_hints(value).values()


def fields_of(kind):
    """Return the fields of a dataclass."""
    return dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else ()


def classes_in(hints):
    """Yield the results, enumerations and protocols of linsgd inside some annotations."""
    for hint in hints:
        if inspect.isclass(hint) and not typing.get_args(hint):
            documented = issubclass(hint, Result | enum.Enum) or dataclasses.is_dataclass(hint)
            documented = documented or getattr(hint, "_is_protocol", False)
            if documented and hint.__module__.startswith("linsgd") and hint.__name__[0] != "_":
                yield hint
        else:
            yield from classes_in(typing.get_args(hint))


def room_of(module):
    """Return the room of a module's full name; the ground floor is the empty name."""
    room = module.split(".")[1] if "." in module else ""
    return room if room in ROOMS else ""


def class_names():
    """Return {short name: full name} of the classes, for links from the types in docstrings."""
    names = (name for found in public_names().values() for name in found)
    return {short: name for name in names if (short := name.rpartition(".")[2])[0].isupper()}


def file_names():
    """Return {name: file} of the classes that differ from a function by case only.

    Some file systems do not tell them apart."""
    names = [name for found in public_names().values() for name in found]
    return {
        name: f"{name}-class" for name in names if name != name.lower() and name.lower() in names
    }


def write(path):
    """Write the page."""
    path.parent.mkdir(exist_ok=True)
    sections = [f"## {ROOMS[room]}\n\n{table(names)}" for room, names in public_names().items()]
    path.write_text("# API reference\n\n" + "\n".join(sections))


def table(names):
    """Return an autosummary table of `names`."""
    rows = "\n".join(f"   ~{name}" for name in names)
    options = "   :toctree: generated\n   :nosignatures:"
    return f"```{{eval-rst}}\n.. autosummary::\n{options}\n\n{rows}\n```\n"


def escape_markup(app, what, name, obj, options, lines):
    """Escape what reStructuredText would read as markup.

    That is the bars of |w|, the star of w* and the low line of w_(k+1)."""
    code = False
    for i, line in enumerate(lines):
        code = line.lstrip().startswith(">>>") or (code and bool(line.strip()))
        if not code:
            pieces = QUOTED.split(line)
            pieces[::2] = [MARKUP.sub(r"\\\g<0>", piece) for piece in pieces[::2]]
            lines[i] = "".join(pieces)
