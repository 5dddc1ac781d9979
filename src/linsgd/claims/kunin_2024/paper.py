"""The paper."""

from linsgd.claims.paper import Paper
from linsgd.references import KUNIN_2024

kunin = Paper("kunin_2024", citation=KUNIN_2024)
