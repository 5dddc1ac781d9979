"""The problems: linear regression with its laws of features and labels, tables; potentials."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
