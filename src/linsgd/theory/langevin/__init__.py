"""SGD with momentum as an underdamped Langevin equation: its moments, as `linsgd.moments` gives them."""

from linsgd.theory.langevin.laws import moments as moments
from linsgd.theory.langevin.laws import stationary as stationary
