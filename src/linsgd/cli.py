"""The command line: predict, simulate, compare, validate.

Exit codes: 0 as expected; 1 a claim is refuted; 2 usage, a bad value or a missing extra, said
before any work; 3 a claim is undecided or a mutant alive; 130 interrupted.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import linsgd
from linsgd import campaigns, domains
from linsgd.optimizers.sgd import SGD
from linsgd.problems.linear_regression import LinearRegression
from linsgd.problems.table import Table
from linsgd.report.text import heading, paragraph
from linsgd.result import Result, environment

THEORIES = ("exact", "langevin", "diffusion")
TABLE_OPTIONS = {
    "--drop-missing": "drop the rows of --data that miss a cell",
    "--one-hot": "code the text columns of --data by indicators",
    "--standardize": "give each column of --data mean 0 and standard deviation 1",
    "--intercept": "add a constant column to --data",
}
HALF = "0.5x"


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
    >>> main(["predict", "--spectrum", "1,0.5", "--lr", "0"])
    2
    """
    options = _parser().parse_args(arguments)
    try:
        code: int = options.run(options)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except (ValueError, OSError, ModuleNotFoundError) as error:
        print(f"linsgd {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            f"linsgd {options.command}: interrupted; the same command goes on from here",
            file=sys.stderr,
        )
        return 130
    return code


def _validate(options: argparse.Namespace) -> int:
    settings = campaigns.campaign(options.campaign)
    settings |= {
        key: getattr(options, key) for key in settings if getattr(options, key) is not None
    }
    settings["papers"] = [options.claim] if options.claim else settings["papers"].split(",")
    with _bar("claims") as progress:
        report = linsgd.validate(
            **settings,
            folder=options.out,
            data=_table(options),
            progress=progress,
            problem=options.problem,
        )
    document = report.to_dict()
    print(heading(document))
    for claim in document["claims"]:
        if not claim["as_expected"]:
            print(paragraph(claim))
    print(f"The page is {(options.out / 'index.html').resolve()}")
    return report.exit_code


def _predict(options: argparse.Namespace) -> int:
    problem = _problem(options)
    sgd = _sgd(options, problem)
    results: dict[str, Result] = {"stability": linsgd.stability(problem, sgd)}
    if options.steps is None:
        results["stationary"] = linsgd.stationary_moments(problem, sgd, theory=options.theory)
    else:
        results["moments"] = linsgd.moments(problem, sgd, options.steps, theory=options.theory)
    return _show(results, options.json)


def _simulate(options: argparse.Namespace) -> int:
    with _bar("blocks") as progress:
        problem = _problem(options)
        ensemble = linsgd.simulate(
            problem,
            _sgd(options, problem),
            options.steps,
            chains=options.chains,
            seed=options.seed,
            progress=progress,
        )
    return _show({"ensemble": ensemble}, options.json)


def _compare(options: argparse.Namespace) -> int:
    problem = _problem(options)
    comparison = linsgd.compare(
        problem, _sgd(options, problem), chains=options.chains, seed=options.seed
    )
    return _show({"comparison": comparison}, options.json)


def _show(results: dict[str, Result], as_json: bool) -> int:
    if as_json:
        print(
            json.dumps(
                {name: result.to_dict() for name, result in results.items()},
                indent=1,
                allow_nan=False,
            )
        )
    else:
        print("\n\n".join(map(repr, results.values())))
    return 0


@contextmanager
def _bar(unit: str) -> Iterator[Callable[[int, int], None]]:
    # On a terminal only
    from tqdm import tqdm

    with tqdm(unit=f" {unit}", disable=None, leave=False) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def _table(options: argparse.Namespace) -> Table | None:
    if (options.data is None) != (options.target is None):
        raise ValueError("--data and --target go together: a CSV file and the column of its labels")
    if options.data is None:
        return None
    how = ("target", "drop_missing", "one_hot", "standardize", "intercept", "decimal")
    return Table(source=options.data, **{name: getattr(options, name) for name in how})


def _problem(options: argparse.Namespace) -> LinearRegression:
    table = _table(options)
    if (table is None) == (options.spectrum is None):
        raise ValueError("one of --spectrum and --data says what is learned")
    if table is not None:
        return table.read()
    return LinearRegression.gaussian(options.spectrum, noise_std=options.noise_std)


def _sgd(options: argparse.Namespace, problem: LinearRegression) -> SGD:
    """Make the optimizer; a learning rate given as a multiple of the threshold is resolved."""
    multiple = options.lr.removesuffix("x") if options.lr.endswith("x") else None
    try:
        number = float(options.lr if multiple is None else multiple)
    except ValueError:
        domains.refuse("--lr", options.lr, "a number, or a multiple of lr_mean_square such as 0.5x")
    sgd = _optimizer(options, number)
    if problem.fit is not None:
        print(problem, file=sys.stderr)
    if multiple is None and options.command == "simulate":
        return sgd
    independent = replace(sgd, sampling="independent", replacement=sgd.replacement)
    edges = linsgd.stability(problem, independent)
    # Where no learning rate has a finite variance, lr_mean is the only threshold
    name = "lr_mean_square" if edges.lr_mean_square > 0 else "lr_mean"
    edge: float = getattr(edges, name)
    if multiple is not None:
        sgd = replace(sgd, lr=number * edge)
    if multiple is not None or sgd.lr >= edge:
        found = f"lr = {sgd.lr:.6g} is {sgd.lr / edge:.3g} times {name} = {edge:.6g}"
        print(f"{found} (lr_mean = {edges.lr_mean:.6g})", file=sys.stderr)
    return sgd


def _optimizer(options: argparse.Namespace, lr: float) -> SGD:
    return SGD(
        lr=lr,
        batch_size=options.batch_size,
        momentum=options.momentum,
        dampening=options.dampening,
        nesterov=options.nesterov,
        weight_decay=options.weight_decay,
        replacement=False if options.without_replacement else None,
        sampling=options.sampling,
    )


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of numbers such as 1,0.5"
        ) from None


def _integers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of whole numbers such as 10,100"
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="linsgd", description=linsgd.__doc__.partition("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"linsgd {environment()['linsgd']}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _validate_options(
        _command(commands, "validate", _validate, "judge the claims and write the report")
    )
    predict = _setting_options(
        _command(commands, "predict", _predict, "stability and moments of (w, v)")
    )
    predict.add_argument(
        "--theory", choices=THEORIES, default="exact", help="exact: the discrete algorithm itself"
    )
    predict.add_argument(
        "--steps",
        type=_integers,
        metavar="K,...",
        help="times in steps; by default the stationary law",
    )
    simulate = _setting_options(
        _command(commands, "simulate", _simulate, "an ensemble of the algorithm, brute force")
    )
    simulate.add_argument("--steps", type=int, required=True, help="how long each chain runs")
    compare = _setting_options(
        _command(commands, "compare", _compare, "every theory beside the simulation")
    )
    for command in (simulate, compare):
        command.add_argument(
            "--chains", type=int, default=4096, help="independent chains (default: %(default)s)"
        )
        command.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    purpose: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name, help=purpose, description=purpose.capitalize() + ".", allow_abbrev=False
    )
    command.set_defaults(run=run)
    command.add_argument(
        "--data", type=Path, metavar="FILE", help="a data set of your own: CSV or Parquet"
    )
    command.add_argument(
        "--target", metavar="COLUMN", help="the column of --data that holds the labels"
    )
    for name, purpose in TABLE_OPTIONS.items():
        command.add_argument(name, action="store_true", help=purpose)
    command.add_argument(
        "--decimal", choices=(".", ","), help="decimal mark of --data (default: recognised)"
    )
    return command


def _validate_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "--campaign",
        default="quick",
        metavar="NAME",
        help="quick, full or a TOML file (default: quick)",
    )
    add(
        "--effort",
        choices=("quick", "full"),
        help="a budget in steps x features (default: the campaign's)",
    )
    add("--papers", metavar="NAME,...", help="whose claims (default: the campaign's)")
    add("--seed", type=int, help="the same seed gives the same verdicts (default: the campaign's)")
    add("--claim", metavar="ID", help="judge one claim, whether it is core or not")
    add("--problem", metavar="NAME", help="judge one problem only: gaussian, diabetes, ...")
    add(
        "--out",
        type=Path,
        default=Path("linsgd-report"),
        metavar="FOLDER",
        help="(default: %(default)s)",
    )


def _setting_options(command: argparse.ArgumentParser) -> argparse.ArgumentParser:
    add = command.add_argument
    add(
        "--spectrum",
        type=_numbers,
        metavar="H,...",
        help="Gaussian features with these eigenvalues",
    )
    add(
        "--noise-std",
        type=float,
        default=1.0,
        help="of the labels of --spectrum (default: %(default)s)",
    )
    add(
        "--lr",
        default=HALF,
        help="a number, or a multiple of the mean-square threshold (default: %(default)s)",
    )
    add("--batch-size", type=int, default=1)
    add("--momentum", type=float, default=0.0)
    add("--dampening", type=float, default=0.0)
    add("--nesterov", action="store_true")
    add("--weight-decay", type=float, default=0.0)
    add(
        "--without-replacement", action="store_true", help="batches of --data without repeated rows"
    )
    add(
        "--sampling",
        choices=("independent", "epoch"),
        default="independent",
        help="epoch: reshuffled passes of --data",
    )
    add("--json", action="store_true", help="print JSON")
    return command
