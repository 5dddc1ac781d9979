"""The options of each command, in groups, with their defaults and an example."""

import argparse
import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import linsgd

HALF = "0.5x"  # default lr: half of the mean-square threshold

SPECTRUM = "--spectrum 1,0.5,0.1"
# linsgd.theories("moments"), which would load NumPy for --help; a test compares the two.
THEORIES = ("exact", "langevin", "diffusion")
# linsgd.compare.atlas.QUANTITIES, likewise.
QUANTITIES = (
    "position_variance",
    "velocity_variance",
    "squared_distance",
    "squared_speed",
    "overlap",
    "excess_loss",
    "excess_risk",
    "relaxation_rate",
)
EXAMPLES = {
    "predict": f"linsgd predict {SPECTRUM} --optimum 1,1,1 --lr 0.1 --batch-size 4 --steps 10,100",
    "simulate": f"linsgd simulate {SPECTRUM} --lr 0.1 --momentum 0.9 --steps 1000 --chains 4096",
    "compare": "linsgd compare --data table.csv --target price --standardize --momentum 0.9",
    "atlas": f"linsgd atlas {SPECTRUM} --batch-size 1,16,256 --momentum 0,0.9 --figure atlas.svg",
    "validate": "linsgd validate --papers kunin_2024 --problem gaussian --out my-report",
    "claims": "linsgd claims variance",
    "cite": "linsgd cite kunin_2024/mean_path",
}

Add = Callable[..., Any]


class Parser(argparse.ArgumentParser):
    """A parser that shows examples as they are and suggests the option that was meant."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options
        )

    def refuse(self, unknown: list[str]) -> NoReturn:
        """Exit with code 2 and this command's usage because of arguments that it does not have."""
        known = [name for action in self._actions for name in action.option_strings]
        words = []
        for word in unknown:
            near = difflib.get_close_matches(word, known, n=1) if word.startswith("-") else []
            words.append(word + (f" (did you mean {near[0]}?)" if near else ""))
        self.error(f"unrecognized arguments: {' '.join(words)}")


def parser(runs: dict[str, Callable[[argparse.Namespace], int]]) -> Parser:
    """Return the parser of all commands; `runs` maps each command to its function."""
    top = Parser(
        prog="linsgd",
        description=str(linsgd.__doc__).partition("\n")[0],
        epilog="`linsgd COMMAND --help` lists the options of a command, with an example.",
    )
    top.add_argument("--version", action="version", version=f"linsgd {linsgd.__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    purposes = {
        "predict": "stability and moments of (w, v), without sampling",
        "simulate": "an ensemble of independent runs of the algorithm itself",
        "compare": "every theory and the exact law beside a simulation",
        "atlas": "up to which learning rate each theory of the stationary law holds",
        "validate": "judge the claims and write the report",
        "claims": "list the claims that can be judged",
        "cite": "print the BibTeX of linsgd and of a paper or a report",
    }
    for name, purpose in purposes.items():
        command = commands.add_parser(
            name,
            help=purpose,
            description=purpose[0].upper() + purpose[1:] + ".",
            epilog=f"example:\n  {EXAMPLES[name]}",
        )
        command.set_defaults(run=runs[name], parser=command)
        _OPTIONS[name](command)
    return top


def _predict(command: Parser) -> None:
    _problem(command)
    _optimizer(command, sampling=True)
    add = command.add_argument_group("prediction").add_argument
    theory = "exact: the discrete algorithm; the others: its stochastic differential equations"
    add("--theory", choices=THEORIES, default="exact", help=f"{theory} (default: %(default)s)")
    add("--steps", type=_integers, metavar="K,...", help="times in steps (default: stationary)")
    _json(command)


def _simulate(command: Parser) -> None:
    _problem(command)
    _optimizer(command, sampling=True)
    add = command.add_argument_group("simulation").add_argument
    add("--steps", type=int, required=True, metavar="K", help="how many steps each chain runs")
    _ensemble(add)
    _json(command)


def _compare(command: Parser) -> None:
    _problem(command)
    _optimizer(command, sampling=False)
    add = command.add_argument_group("simulation").add_argument
    _ensemble(add, default=None)
    _json(command)


def _atlas(command: Parser) -> None:
    _problem(command)
    add = command.add_argument_group("grid").add_argument
    rates = "learning rates (default: 16 a decade up to the mean-square threshold)"
    add("--lr", type=_numbers, metavar="LR,...", help=rates)
    batches = "(default: 1,4,16,64,256)"
    add("--batch-size", type=_integers, default=[1, 4, 16, 64, 256], metavar="B,...", help=batches)
    add("--momentum", type=_numbers, default=[0.0], metavar="M,...", help="(default: 0)")
    add("--weight-decay", type=float, default=0.0, metavar="L", help="(default: 0)")
    add = command.add_argument_group("what holds").add_argument
    quantity = f"one of {', '.join(QUANTITIES)} (default: %(default)s)"
    add("--quantity", choices=QUANTITIES, default=QUANTITIES[0], metavar="NAME", help=quantity)
    tolerance = "relative error within which a theory holds (default: %(default)s)"
    add("--tolerance", type=float, default=0.05, metavar="E", help=tolerance)
    add = command.add_argument_group("output").add_argument
    figure = "draw the first theory's error at the first momentum, as SVG, PDF or PNG"
    add("--figure", type=Path, metavar="FILE", help=figure)
    add("--csv", type=Path, metavar="FILE", help="write every point of the grid")
    add("--json", action="store_true", help="print JSON with all digits")


def _validate(command: Parser) -> None:
    add = command.add_argument_group("claims").add_argument
    own = "a Python file with claims of your own (default: the claims that ship)"
    add("own", nargs="?", type=Path, metavar="CLAIMS.py", help=own)
    add("--papers", metavar="NAME,...", help="names of papers (default: those of the campaign)")
    add("--claim", metavar="ID", help="one claim; `linsgd claims` lists them")
    add("--problem", metavar="NAME", help="one problem: gaussian, diabetes, digits (default: all)")
    add = command.add_argument_group("effort").add_argument
    campaign = "quick, full, networks, or a TOML file of papers, effort and seed (default: quick)"
    add("--campaign", default="quick", metavar="NAME", help=campaign)
    effort = "budget in steps x features (default: that of the campaign)"
    add("--effort", choices=("quick", "full"), help=effort)
    add("--seed", type=int, help="at least 0; fixes every number (default: that of the campaign)")
    _data(command.add_argument_group("your own data").add_argument)
    add = command.add_argument_group("output").add_argument
    add(
        "--out",
        type=Path,
        default=Path("linsgd-report"),
        metavar="FOLDER",
        help="for index.html, report.json, .csv and .txt (default: %(default)s)",
    )
    against = "an earlier report.json, or its folder: say what has changed"
    add("--against", type=Path, metavar="REPORT", help=against)
    overwrite = "replace an earlier report in the folder even if it holds other verdicts"
    add("--overwrite", action="store_true", help=overwrite)


def _claims(command: Parser) -> None:
    command.add_argument("word", nargs="?", default="", metavar="WORD", help="only those with it")


def _cite(command: Parser) -> None:
    what = "a paper, a claim, or the report.json of a validation (default: every paper)"
    command.add_argument("what", nargs="?", default="", metavar="WHAT", help=what)


def _problem(command: Parser) -> None:
    """Add the two ways to give a problem: the spectrum of a Gaussian law, or a table."""
    add = command.add_argument_group("problem: Gaussian features").add_argument
    add("--spectrum", type=_numbers, metavar="H,...", help="eigenvalues of the covariance H")
    noise = "standard deviation of the label noise (default: 1)"
    add("--noise-std", type=float, metavar="S", help=noise)
    add("--optimum", type=_numbers, metavar="W,...", help="true weights (default: zeros)")
    _data(command.add_argument_group("problem: your own data").add_argument)


def _data(add: Add) -> None:
    add("--data", type=Path, metavar="FILE", help="CSV with a header, or Parquet")
    add("--target", metavar="COLUMN", help="the column of labels; all others are features")
    add("--drop-missing", action="store_true", help="drop the rows that miss a cell")
    add("--one-hot", action="store_true", help="code text columns by indicators")
    add("--standardize", action="store_true", help="give each column mean 0 and variance 1")
    add("--intercept", action="store_true", help="add a constant column")
    add("--decimal", choices=(".", ","), help="decimal mark (default: recognised)")


def _optimizer(command: Parser, *, sampling: bool) -> None:
    add = command.add_argument_group("optimizer (as torch.optim.SGD)").add_argument
    lr = "learning rate, or a multiple of the mean-square threshold (default: %(default)s)"
    add("--lr", default=HALF, help=lr)
    add("--batch-size", type=int, default=1, metavar="B", help="(default: %(default)s)")
    add("--momentum", type=float, default=0.0, metavar="M", help="in [0, 1) (default: 0)")
    add("--dampening", type=float, default=0.0, metavar="D", help="in [0, 1) (default: 0)")
    add("--nesterov", action="store_true", help="needs momentum and dampening 0")
    decay = "factor of |w|^2 / 2 in the loss (default: 0)"
    add("--weight-decay", type=float, default=0.0, metavar="L", help=decay)
    without = "draw batches of --data without repeated rows"
    add("--without-replacement", action="store_true", help=without)
    if sampling:
        epoch = (
            "epoch: reshuffled passes over --data; fixed: in one order that repeats "
            "(default: %(default)s)"
        )
        choices = ("independent", "epoch", "fixed")
        add("--sampling", choices=choices, default="independent", help=epoch)
    else:
        command.set_defaults(sampling="independent")


def _ensemble(add: Add, default: int | None = 4096) -> None:
    usual = "as many as the data take, from 4096" if default is None else default
    add("--chains", type=int, default=default, metavar="N", help=f"(default: {usual})")
    add("--seed", type=int, default=0, help="fixes every number (default: %(default)s)")


def _json(command: Parser) -> None:
    group = command.add_argument_group("output")
    group.add_argument("--json", action="store_true", help="print JSON with all digits")


_OPTIONS: dict[str, Callable[[Parser], None]] = {
    "predict": _predict,
    "simulate": _simulate,
    "compare": _compare,
    "atlas": _atlas,
    "validate": _validate,
    "claims": _claims,
    "cite": _cite,
}


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        message = f"{text!r} is not a list of numbers such as 1,0.5"
        raise argparse.ArgumentTypeError(message) from None


def _integers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        message = f"{text!r} is not a list of whole numbers such as 10,100"
        raise argparse.ArgumentTypeError(message) from None
