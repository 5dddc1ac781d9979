"""All numbers of a report as a table, one row a component."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

ACCEPTED = ("acceptance_lower", "acceptance_upper")
MEASURED = ("estimate", "lower", "upper")


def records(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the rows of the table.

    Parameters
    ----------
    document : mapping
        The content of report.json.

    Yields
    ------
    dict
        The numbers of one component of one claim.
    """
    for claim in document["claims"]:
        about = {key: claim[key] for key in ("id", "problem", "paper", "kind", "role", "verdict")}
        for predicted, measured in zip(claim["prediction"], claim["measurement"], strict=True):
            yield {
                **about,
                "component": predicted["name"],
                "prediction": float(predicted["value"]),
                **{key: float(predicted[key]) for key in ACCEPTED},
                **{key: float(measured[key]) for key in MEASURED},
                "alpha": float(claim["alpha"]),
                "chains": claim["chains"],
            }


def as_csv(document: Mapping[str, Any]) -> str:
    """Return report.csv for the content of report.json."""
    rows = list(records(document))
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
