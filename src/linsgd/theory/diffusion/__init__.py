"""Diffusion limits without momentum: the Ornstein-Uhlenbeck and the Pearson diffusion."""
