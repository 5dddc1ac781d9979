"""The paper."""

from linsgd.claims.paper import Paper
from linsgd.references import WU_2021

wu = Paper("wu_2021", citation=WU_2021)
