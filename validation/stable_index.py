"""Accuracy of the estimators of a stable index: bias, efficiency and how often intervals hold.

    python validation/stable_index.py      docs/_tables/stable_index.md, a quarter of an hour
    python validation/stable_index.py --repeats 100
    python validation/stable_index.py --methods log_variance quantiles    only these columns anew

Each method is applied to `--repeats` samples of 10,000 values at each alpha; all methods see the
same samples. At alpha = 2 the interval is judged by whether it holds 2, which it fails to do on one
side only."""

import argparse
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from linsgd import Stable
from linsgd.estimate import stable_index
from linsgd.estimate.stable_methods import METHODS, likelihood_deviation
from linsgd.result import environment

ROOT = Path(__file__).parents[1]
ALPHAS = (0.5, 0.8, 1.0, 1.2, 1.5, 1.8, 1.95, 1.99, 2.0)
SIZE = 10_000
NAMES = (*METHODS, "blocks")


@dataclass(frozen=True)
class Accuracy:
    """A method at one alpha.

    `bias` is in standard deviations of the method; `efficiency` the bound of Cramer and Rao over
    the variance (0 at alpha = 2, where there is no bound); `coverage` the share of intervals at
    0.95 that hold alpha.
    """

    method: str
    alpha: float
    repeats: int
    bias: float
    deviation: float
    efficiency: float
    coverage: float


def estimates(alpha: float, seed: int, names: Sequence[str]) -> list[tuple[float, bool]]:
    """Return value and whether the interval holds alpha, of each method on one sample."""
    x = Stable(alpha).sample(SIZE, np.random.default_rng([seed, round(1000 * alpha)]))
    found = [stable_index(x, method) for method in names]
    return [(each.value, each.lower <= alpha <= each.upper) for each in found]


def measure(alpha: float, repeats: int, names: Sequence[str] = NAMES) -> list[Accuracy]:
    """Apply each method to `repeats` samples."""
    with ThreadPoolExecutor(2) as pool:
        found = np.array(list(pool.map(lambda seed: estimates(alpha, seed, names), range(repeats))))
    bound = likelihood_deviation(alpha) / SIZE**0.5 if alpha < 2 else 0.0
    rows = []
    for name, values, held in zip(names, found[:, :, 0].T, found[:, :, 1].T, strict=True):
        deviation = float(values.std(ddof=1))
        bias = (float(values.mean()) - alpha) / deviation if deviation else 0.0
        efficiency = (bound / deviation) ** 2 if deviation else 0.0
        numbers = (bias, deviation, efficiency, float(held.mean()))
        rows.append(Accuracy(name, alpha, repeats, *(round(number, 5) for number in numbers)))
    return rows


def cell(row: Accuracy) -> str:
    """Return bias, efficiency and coverage."""
    efficiency = f"{row.efficiency:.0%}" if row.alpha < 2 else f"sd {row.deviation:.4f}"
    return f"{row.bias:+.2f}, {efficiency}, {row.coverage:.1%}"


def table(rows: list[Accuracy]) -> str:
    """Return one row an alpha, one column a method."""
    lines = [f"| alpha | {' | '.join(NAMES)} |", "|" + "---|" * (1 + len(NAMES))]
    for alpha in sorted({row.alpha for row in rows}):
        cells = [cell(row) for row in rows if row.alpha == alpha]
        lines.append(f"| {alpha:g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Write docs/_tables/stable_index.md and validation/stable_index.json."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=2000, help="samples at each alpha")
    parser.add_argument("--methods", nargs="+", choices=NAMES, default=NAMES, help="columns")
    parser.add_argument("--out", type=Path, default=ROOT, help="repository to write into")
    options = parser.parse_args()
    began, found = time.perf_counter(), {}
    path = options.out / "validation" / "stable_index.json"
    if set(options.methods) != set(NAMES):
        kept = [Accuracy(**row) for row in json.loads(path.read_text())["accuracies"]]
        found = {(row.alpha, row.method): row for row in kept}
    for alpha in ALPHAS:
        rows = measure(alpha, options.repeats, options.methods)
        found |= {(alpha, row.method): row for row in rows}
        print(alpha, *map(cell, rows), sep=" | ", flush=True)
    rows = [found[alpha, name] for alpha in ALPHAS for name in NAMES]
    (options.out / "docs" / "_tables" / "stable_index.md").write_text(table(rows) + "\n")
    provenance = environment() | {"seconds": round(time.perf_counter() - began, 1)}
    record = {"provenance": provenance, "accuracies": [asdict(row) for row in rows]}
    path.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
