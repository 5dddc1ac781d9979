"""The command line: predict, simulate, compare, atlas, validate, claims, cite.

Exit codes: 0 as expected; 1 a claim is refuted, or a simulation contradicts the exact law; 2 usage,
a bad value or a missing extra, said before any work; 3 an identity of the exact theory is undecided
or its mutant alive, and no note says that it is beyond the effort; 130 interrupted.

Modules are imported by the command that needs them, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import linsgd
from linsgd.cli.parser import parser

if TYPE_CHECKING:
    from pathlib import Path

    from linsgd.result import Result

SHOWN = 12  # coordinates in the table of an ensemble


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        By default those of the process.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> from linsgd.cli import main
    >>> main(["predict", "--spectrum", "1,0.5", "--lr", "0"])
    2
    """
    top = parser(RUNS)
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        top.print_help(sys.stderr)
        return 2
    options, unknown = top.parse_known_args(arguments)
    if unknown:
        options.parser.refuse(unknown)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a character that the terminal does not have must not cost the result
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code: int = options.run(options)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"linsgd {options.command}: {_complaint(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        more = "; the same command continues from here" if options.command == "validate" else ""
        print(f"linsgd {options.command}: interrupted{more}", file=sys.stderr)
        return 130
    return code


def _complaint(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _validate(options: argparse.Namespace) -> int:
    from linsgd import campaigns
    from linsgd.report.text import heading, paragraph

    settings = campaigns.campaign(options.campaign)
    settings |= {
        key: getattr(options, key) for key in settings if getattr(options, key) is not None
    }
    settings["papers"] = _papers(options, settings["papers"])
    with _bar("claims") as bar:
        bar.set_description_str("making the claims")
        said = itertools.count()

        def announce(text: str) -> None:
            """Print the work, which is said first, and show in the bar what is done."""
            if next(said) > 0:
                bar.set_description_str(text)
            elif not bar.disable:
                bar.write(text, file=sys.stderr)

        try:
            report = linsgd.validate(
                **settings,
                folder=options.out,
                data=_table(options),
                progress=_progress(bar),
                problem=options.problem,
                overwrite=options.overwrite,
                announce=announce,
                against=options.against,
            )
        except ValueError as error:
            raise ValueError(_as_options(str(error), options)) from error
    document = report.to_dict()
    print(heading(document))
    for claim in document["claims"]:
        if claim["finding"] or not claim["as_expected"]:
            print(paragraph(claim))
    print(f"The page is {(options.out / 'index.html').resolve()}")
    return report.exit_code


def _papers(options: argparse.Namespace, names: str) -> list[Any]:
    """Return the papers that were asked for: of a file, by name, or for a single claim."""
    if options.own is None:
        return [options.claim] if options.claim else names.split(",")
    if options.papers is not None:
        raise ValueError("give either a file with claims of your own or --papers")
    from linsgd.claims.own import papers_of

    papers = papers_of(options.own)
    if not options.claim:
        return papers
    owners = [paper for paper in papers if options.claim in paper.entries]
    if not owners:
        listed = ", ".join(name for paper in papers for name in paper.entries)
        raise ValueError(f"--claim = {options.claim!r} is none of {listed}")
    return [owners[0].only(options.claim)]


def _as_options(message: str, options: argparse.Namespace) -> str:
    """Name the options that were typed in a refusal by `linsgd.validate`."""
    if message.startswith("papers = "):
        asked = "--claim" if options.claim else "--papers"
        message = message.replace("papers", asked, 1) + "; `linsgd claims` lists them"
    if message.startswith("folder = "):
        message = message.replace("folder = ", "--out = ", 1).replace("overwrite", "--overwrite")
    return message


def _claims(options: argparse.Namespace) -> int:
    from linsgd.claims.registry import NAMED, PAPERS

    entries = [entry for paper in (*PAPERS, *NAMED) for entry in paper.entries.values()]
    lines = [
        (entry.id, "quick" if entry.core else "full", str(entry.make.__doc__).partition("\n")[0])
        for entry in entries
    ]
    found = [line for line in lines if options.word.lower() in " ".join(line).lower()]
    if not found:
        raise ValueError(f"none of the {len(lines)} claims contains {options.word!r}")
    width = max(len(name) for name, _, _ in found)
    for name, effort, purpose in found:
        print(f"{name:<{width}}  {effort:<5}  {purpose}")
    return 0


def _cite(options: argparse.Namespace) -> int:
    from linsgd.claims.registry import PAPERS
    from linsgd.references import bibliography

    if options.what.endswith(".json"):
        with open(options.what, encoding="utf-8") as file:
            print(linsgd.citation(linsgd.Report.from_dict(json.load(file))))
        return 0
    known = {paper.name: paper for paper in PAPERS}
    name = options.what.partition("/")[0]
    if name and name not in known:
        raise ValueError(f"{options.what!r} is none of {', '.join(known)}, nor a report.json")
    chosen = [known[name]] if name else known.values()
    print(bibliography(paper.reference for paper in chosen if paper.reference is not None))
    return 0


def _predict(options: argparse.Namespace) -> int:
    problem = _problem(options)
    sgd, stability = _sgd(options, problem)
    results: dict[str, Result] = {}
    if sgd.sampling != "independent":
        print("no exact threshold is known for epochs", file=sys.stderr)
    else:
        results["stability"] = stability or linsgd.stability(problem, sgd)
    if options.steps is None:
        results["stationary"] = linsgd.stationary_moments(problem, sgd, theory=options.theory)
    else:
        results["moments"] = linsgd.moments(problem, sgd, options.steps, theory=options.theory)
    _show(results, options.json)
    return 0


def _simulate(options: argparse.Namespace) -> int:
    problem = _problem(options)
    sgd, _ = _sgd(options, problem)
    with _bar("blocks") as bar:
        ensemble = linsgd.simulate(
            problem,
            sgd,
            options.steps,
            chains=options.chains,
            seed=options.seed,
            progress=_progress(bar),
        )
    if options.json:
        _show({"ensemble": ensemble}, as_json=True)
    else:
        print(_table_of(ensemble, problem.feature_names))
    if ensemble.status == "interrupted":
        raise KeyboardInterrupt
    return 0


def _compare(options: argparse.Namespace) -> int:
    problem = _problem(options)
    sgd, _ = _sgd(options, problem)
    with _bar("blocks") as bar:
        comparison = linsgd.compare(
            problem, sgd, chains=options.chains, seed=options.seed, progress=_progress(bar)
        )
    if not options.json:
        print(sgd)
    _show({"comparison": comparison}, options.json)
    if comparison.interrupted:
        raise KeyboardInterrupt
    return 1 if comparison.agrees is False else 0


def _atlas(options: argparse.Namespace) -> int:
    problem = _problem(options)
    with _bar("points") as bar:
        found = linsgd.atlas(
            problem,
            lr=options.lr,
            batch_size=options.batch_size,
            momentum=options.momentum,
            quantity=options.quantity,
            tolerance=options.tolerance,
            weight_decay=options.weight_decay,
            progress=_progress(bar),
        )
    if options.figure is not None:
        ax = found.plot(momentum=options.momentum[0])
        ax.figure.savefig(options.figure)
    if options.csv is not None:
        _write_records(found, options.csv)
    if options.json:
        _show({"atlas": found}, as_json=True)
    else:
        print(_table_of_boundaries(found))
    return 0


def _write_records(found: linsgd.Atlas, path: Path) -> None:
    import csv

    records = list(found.records())
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(records[0]))
        writer.writeheader()
        writer.writerows(records)


def _table_of_boundaries(found: linsgd.Atlas) -> str:
    """Return up to which learning rate each theory holds, a line a batch size and momentum."""
    lines = [["batch size", "momentum", "infinite variance from", *found.theories]]
    boundaries = [found.boundary(theory) for theory in found.theories]
    for i, batch_size in enumerate(found.batch_size.tolist()):
        for j, momentum in enumerate(found.momentum.tolist()):
            limits = [_limit_text(limit[i, j], found.lr.tolist()) for limit in boundaries]
            lines.append(
                [f"{batch_size}", f"{momentum:g}", f"{found.threshold[i, j]:.4g}", *limits]
            )
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    what = f"lr up to which the {found.quantity} is within {100 * found.tolerance:g} % of the exact"
    return "\n".join([what, *("  ".join(map(str.rjust, line, widths)) for line in lines)])


def _limit_text(limit: float, rates: Sequence[float]) -> str:
    """Return a boundary, or on which side of the grid it lies."""
    if limit != limit:
        return f"< {rates[0]:.3g}"
    return f">= {limit:.4g}" if limit == rates[-1] else f"{limit:.4g}"


RUNS: dict[str, Callable[[argparse.Namespace], int]] = {
    "predict": _predict,
    "simulate": _simulate,
    "compare": _compare,
    "atlas": _atlas,
    "validate": _validate,
    "claims": _claims,
    "cite": _cite,
}


def _show(results: dict[str, Result], as_json: bool) -> None:
    if as_json:
        document = {name: result.to_dict() for name, result in results.items()}
        print(json.dumps(document, indent=1, allow_nan=False))
    else:
        print("\n\n".join(map(repr, results.values())))


def _table_of(ensemble: linsgd.Ensemble, names: Sequence[str] | None) -> str:
    """Return means, variances and covariances of position and velocity, a line a coordinate."""
    from linsgd.result import rounded

    mean, covariance = ensemble.mean(), ensemble.covariance()
    errors = ensemble.standard_error("mean"), ensemble.standard_error("covariance")
    d = len(mean) // 2
    head = ["coordinate", "E w", "Var w", "E v", "Var v", "Cov(w, v)"]
    lines = [head]
    for i in range(min(d, SHOWN)):
        v = d + i
        cells = [rounded(float(mean[j]), float(errors[0][j])) for j in (i, v)]
        seconds = [
            rounded(float(covariance[j]), float(errors[1][j])) for j in ((i, i), (v, v), (i, v))
        ]
        name = names[i] if names else str(i + 1)
        lines.append([name, cells[0], seconds[0], cells[1], seconds[1], seconds[2]])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(map(str.rjust, line, widths)) for line in lines]
    what = f"{ensemble.chains} chains after {ensemble.steps[-1]} steps, seed {ensemble.seed}"
    more = [f"... and {d - SHOWN} more; --json prints all"] if d > SHOWN else []
    return "\n".join([f"{what}: {ensemble.status}", *text, *more])


@contextmanager
def _bar(unit: str) -> Iterator[Any]:
    """Show a progress bar on a terminal, and nothing elsewhere.

    Yields
    ------
    tqdm
        The bar.
    """
    from tqdm import tqdm

    with tqdm(unit=unit, unit_scale=False, disable=None, leave=False) as bar:
        yield bar


def _progress(bar: Any) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    return progress


def _table(options: argparse.Namespace) -> linsgd.Table | None:
    if (options.data is None) != (options.target is None):
        raise ValueError("--data and --target go together: a table and the column of its labels")
    how = ("drop_missing", "one_hot", "standardize", "intercept", "decimal")
    given = {name: getattr(options, name) for name in how}
    if options.data is None:
        extra = [f"--{name.replace('_', '-')}" for name, value in given.items() if value]
        if extra:
            raise ValueError(f"{', '.join(extra)} need --data")
        return None
    return linsgd.Table(source=options.data, target=options.target, **given)


def _problem(options: argparse.Namespace) -> linsgd.LinearRegression:
    table = _table(options)
    if (table is None) == (options.spectrum is None):
        raise ValueError("give the problem either by --spectrum or by --data and --target")
    if table is None:
        noise = 1.0 if options.noise_std is None else options.noise_std
        return linsgd.LinearRegression.gaussian(
            options.spectrum, noise_std=noise, optimum=options.optimum
        )
    for name in ("noise_std", "optimum"):
        if getattr(options, name) is not None:
            raise ValueError(
                f"--{name.replace('_', '-')} belongs to --spectrum; --data has its own"
            )
    return table.read()


def _sgd(
    options: argparse.Namespace, problem: linsgd.LinearRegression
) -> tuple[linsgd.SGD, linsgd.Stability | None]:
    """Return the optimizer, and its stability if that was needed for a relative learning rate.

    A learning rate given as a multiple of the mean-square threshold is resolved; one beyond the
    threshold is reported on stderr.
    """
    from dataclasses import replace

    relative = options.lr.endswith("x")
    try:
        number = float(options.lr.removesuffix("x"))
    except ValueError:
        message = f"--lr = {options.lr!r} is neither a number nor a multiple such as 0.5x"
        raise ValueError(message) from None
    sgd = _optimizer(options, number)
    if problem.fit is not None:
        print(problem, file=sys.stderr)
    independent = replace(sgd, sampling="independent", replacement=sgd.replacement)
    edges = linsgd.stability(problem, independent)
    # where no learning rate has a finite variance, lr_mean is the only threshold
    name = "lr_mean_square" if edges.lr_mean_square > 0 else "lr_mean"
    edge: float = getattr(edges, name)
    if relative:
        sgd = replace(sgd, lr=number * edge)
    if relative or sgd.lr >= edge:
        found = f"lr = {sgd.lr:.6g} is {sgd.lr / edge:.3g} times {name} = {edge:.6g}"
        print(f"{found} (lr_mean = {edges.lr_mean:.6g})", file=sys.stderr)
    mean, mean_square = sgd.lr < edges.lr_mean, sgd.lr < edges.lr_mean_square
    return sgd, replace(edges, lr=sgd.lr, mean=mean, mean_square=mean_square)


def _optimizer(options: argparse.Namespace, lr: float) -> linsgd.SGD:
    return linsgd.SGD(
        lr=lr,
        batch_size=options.batch_size,
        momentum=options.momentum,
        dampening=options.dampening,
        nesterov=options.nesterov,
        weight_decay=options.weight_decay,
        replacement=False if options.without_replacement else None,
        sampling=options.sampling,
    )
