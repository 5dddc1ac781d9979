"""Power-law tails of the random recurrence W' = A W + B: exponent, Lyapunov exponent, spectral function, constant."""
