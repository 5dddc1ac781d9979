"""Which optimizers can be simulated: the one place where an update is entered."""

from linsgd.montecarlo.updates.sgd import SGDUpdate
from linsgd.montecarlo.updates.update import Update
from linsgd.optimizers.sgd import SGD

UPDATES: dict[type, type[Update]] = {SGD: SGDUpdate}
