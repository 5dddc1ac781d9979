r"""Power-law tails of the random recurrence W' = A W + B.

The Lyapunov exponent rho, the spectral function h(s), the tail exponent alpha with h(alpha) = 1,
and the constant C of P(|W| > t) ~ C t^-alpha. A folder serves one case; a method of `method=` bears
the name of the module or folder that it lives in, and `methods` lists them all.

================  =============================================  ===============================
folder or module  case                                           accuracy
================  =============================================  ===============================
constant          every batch has the same step                  rounding
isotropic/        Gaussian features of equal variance, no        3e-13 in lr (quadrature); one
                  momentum; also schedules and asymptotics       feature: a double's (mpmath), an
                                                                 enclosure (certified)
one_feature/      one feature of few values, uniform or          rounding to 1e-10 of h
                  Student-t, no momentum
momentum/         Gaussian features of equal variance, with      1e-6 to 1e-9
                  momentum
sphere/           two or three Gaussian features of different    1e-8 and 1e-6
                  variances, no momentum
plane/            two features, or one with momentum, of any     1e-7 to 1e-9; sampled batches at
                  law that is enumerated, integrated or sampled  confidence 0.999
moments/          h(2), h(4), h(6); bounds of all else by        rounding, or 1e-11
                  convexity
particles/        any features, any optimizer                    at confidence 0.999
tail_constant/    C, for isotropic/                              1e-6
one_step/         bounds of alpha from the norms of one step     1e-13
================  =============================================  ===============================

Common to all: `exponents` (the public functions), `methods` (the table and the choice), `setting`
(the law of one step), `direct_sum` (products that decompose), `bounded_steps` (no tail at all),
`convexity` (of log h), `result`, `sample_budget` and `replicas`.

Throughout rho is the Lyapunov exponent, h(s) the spectral function, h or h_i an eigenvalue of H, c
= lr / b and a = 1 - lr weight_decay.
"""
