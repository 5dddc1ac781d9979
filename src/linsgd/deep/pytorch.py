"""PyTorch, or the sentence that says how to install it."""

try:
    import torch
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("linsgd.deep needs PyTorch: pip install 'linsgd[deep]'") from error

__all__ = ["torch"]
