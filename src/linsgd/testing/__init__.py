"""Hypothesis strategies and checks for users who test a theory or a law of their own.

The strategies need the extra `testing`. Every drawn value is valid by construction, none is
filtered, and examples shrink towards the identity covariance, unit Gaussian noise, momentum 0, the
plain optimizer and a small learning rate. What Hypothesis prints of them is code.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
