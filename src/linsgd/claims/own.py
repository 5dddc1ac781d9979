"""Papers of one's own: those of a Python file, and those that installed packages declare.

A package declares a paper as an entry point of the group ``linsgd.claims``:

    [project.entry-points."linsgd.claims"]
    mine = "my_package.claims:mine"
"""

import os
import runpy
import traceback
from importlib.metadata import entry_points

from linsgd import domains
from linsgd.claims.paper import Paper

GROUP = "linsgd.claims"


def papers_of(file: str | os.PathLike[str]) -> list[Paper]:
    """Run a Python file and return the papers that it defines, in their order.

    Parameters
    ----------
    file : path
        Of a Python file that makes one or more `Paper` objects. It is run, like a test of pytest.

    Returns
    -------
    list of Paper
        Each knows its file, so that its verdicts name a command that makes them again.

    Raises
    ------
    ValueError
        If the file does not run, with the line and the error; or defines no paper with a claim.
    """
    path = os.fspath(file)
    try:
        defined = runpy.run_path(path)
    except OSError:
        raise  # such as a file that is not there
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == path
        ]
        said = str(error)
        if isinstance(error, SyntaxError):
            lines, said = [error.lineno], error.msg
        at = f"line {lines[-1]}: " if lines else ""
        domains.refuse("file", path, f"Python files that run; {at}{type(error).__name__}: {said}")
    papers = [value for value in defined.values() if type(value) is Paper and value.entries]
    papers = list(dict.fromkeys(papers))
    if not papers:
        domains.refuse("file", path, "Python files that define a Paper with a claim")
    for paper in papers:
        paper.file = path
    return papers


def installed() -> list[Paper]:
    """Return the papers that installed packages declare.

    Raises
    ------
    ValueError
        If an entry point of the group is no `Paper`.
    """
    papers: list[Paper] = []
    for entry in entry_points(group=GROUP):
        paper = entry.load()
        if type(paper) is not Paper:
            domains.refuse_type(f"the entry point {entry.name} of {GROUP}", paper, "a Paper")
        papers.append(paper)
    return papers
