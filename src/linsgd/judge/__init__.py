"""The judge: claims, what they predict and measure, and the verdict on each.

It knows no paper, no optimizer and no simulation: whatever satisfies `Experiment` can be measured.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
