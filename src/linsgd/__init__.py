"""linsgd predicts, simulates and judges theories of stochastic gradient descent on linear models.

>>> import linsgd
>>> problem = linsgd.LinearRegression.gaussian([1.0, 0.5])
>>> sgd = linsgd.SGD(lr=0.1, batch_size=4, momentum=0.9)
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
