"""Writes the API page: every public name, under the room of the house that it lives in.

Public are the names of the package's stub, the `__all__` of the modules among them, and the result
classes that live beside the public functions."""

import importlib
import importlib.util
import inspect
import re
import types

import linsgd
from linsgd.result import Result

ROOMS = {
    "": "What is learned, and how",
    "theory": "Predictions: `linsgd.theory`",
    "symbolic": "Derivations: `linsgd.symbolic`",
    "montecarlo": "Simulation: `linsgd.montecarlo`",
    "estimate": "Data to numbers: `linsgd.estimate`",
    "claims": "Claims and verdicts: `linsgd.claims`",
    "report": "Reports: `linsgd.report`",
    "plot": "Figures: `linsgd.plot`",
    "testing": "Testing a theory: `linsgd.testing`",
}

QUOTED = re.compile(r"(`+[^`]*`+)")
MARKUP = re.compile(r"(?<![\\*:])[|*](?!\*)|(?<=\w)_(?!\w)")


def public_names():
    """Return {room: sorted full names}."""
    names = {room: set() for room in ROOMS}
    values = {name: getattr(linsgd, name) for name in linsgd.__all__}
    modules = [value for value in values.values() if isinstance(value, types.ModuleType)]
    for module in (*modules, *rooms()):
        names[room_of(module.__name__)].update(
            f"{module.__name__}.{name}" for name in getattr(module, "__all__", ())
        )
    for name, value in values.items():
        if not isinstance(value, types.ModuleType):
            names[room_of(value.__module__)].update({f"linsgd.{name}"}, results_beside(value))
    return {room: sorted(found, key=str.lower) for room, found in names.items() if found}


def rooms():
    """Yield the packages that are rooms."""
    for room in filter(None, ROOMS):
        if importlib.util.find_spec(f"linsgd.{room}"):
            yield importlib.import_module(f"linsgd.{room}")


def results_beside(value):
    """Return the full names of the result classes in the module of a public name that are not
    public themselves.
    """
    module = importlib.import_module(value.__module__)
    classes = inspect.getmembers(module, inspect.isclass)
    return {
        f"{module.__name__}.{name}"
        for name, kind in classes
        if issubclass(kind, Result)
        and kind.__module__ == module.__name__
        and name not in linsgd.__all__
    }


def room_of(module):
    """Return the room of a module's full name; the ground floor is the empty name."""
    room = module.split(".")[1] if "." in module else ""
    return room if room in ROOMS else ""


def class_names():
    """Return {short name: full name} of the classes, for links from the types in docstrings."""
    names = (name for found in public_names().values() for name in found)
    return {short: name for name in names if (short := name.rpartition(".")[2])[0].isupper()}


def file_names():
    """Return {name: file} for the classes named like a function but for the case, which some file
    systems ignore.
    """
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
    options = "   :toctree: generated\n   :nosignatures:\n\n"
    return f"```{{eval-rst}}\n.. autosummary::\n{options}{rows}\n```\n"


def escape_markup(app, what, name, obj, options, lines):
    """Escape what reStructuredText would read as markup: the bars of |w|, the star of w*, the low
    line of w_(k+1).
    """
    code = False
    for i, line in enumerate(lines):
        code = line.lstrip().startswith(">>>") or (code and bool(line.strip()))
        if not code:
            pieces = QUOTED.split(line)
            pieces[::2] = [MARKUP.sub(r"\\\g<0>", piece) for piece in pieces[::2]]
            lines[i] = "".join(pieces)
