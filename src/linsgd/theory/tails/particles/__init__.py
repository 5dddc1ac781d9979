"""The method "particles": confidence intervals where no deterministic method applies.

`population` multiplies and selects vectors; `step_samplers` and, for Gaussian features, `tilted`
draw their steps; `adapted_norm` measures them.
"""
