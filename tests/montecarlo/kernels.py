"""The functions that exist in kernels only, compiled for a call from Python."""

from linsgd import variates
from linsgd.jit import kernel
from linsgd.montecarlo.random import laws
from linsgd.montecarlo.random import variates as random_variates


@kernel
def draw_samples(samples, S, X, C, n, d):
    laws.draw_samples(samples, S, X, C, n, d)


@kernel
def fill_normals(S, Z, rows):
    variates.fill_normals(S, Z, rows)


@kernel
def gamma_variates(S, shape, out):
    for i in range(len(out)):
        out[i] = variates.gamma(S, i % variates.LANES, shape)


@kernel
def logarithms(u, out):
    for i in range(len(u)):
        out[i] = variates.log(u[i])


@kernel
def two_numbers(S, j):
    return variates.bits(S, j), variates.bits(S, j)


@kernel
def logarithms_32(u, out):
    for i in range(len(u)):
        out[i] = random_variates._log32(u[i])
