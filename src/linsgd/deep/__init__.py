"""Networks in PyTorch: the observables of a training run, judged by the theory of linear models.

Needs the extra `deep`. Recorders and samplers leave model, optimizer and random state as they found
them; results are NumPy arrays with their errors.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
