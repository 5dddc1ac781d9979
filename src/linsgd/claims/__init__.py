"""The claims: a folder for each paper, and what a claim of one's own is made from.

Claims are the only content that uses both theory and simulation.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
