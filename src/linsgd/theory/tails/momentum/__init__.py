"""Momentum with equal curvatures: the transfer operator on Gram matrices."""
