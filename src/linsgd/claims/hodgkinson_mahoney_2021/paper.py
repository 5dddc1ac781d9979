"""The paper."""

from linsgd.claims.paper import Paper
from linsgd.references import HODGKINSON_MAHONEY_2021

hodgkinson_mahoney = Paper("hodgkinson_mahoney_2021", citation=HODGKINSON_MAHONEY_2021)
