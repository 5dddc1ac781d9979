"""Two or three Gaussian features of different variances without momentum.

`sphere_operator` is the method; `directions` holds its coordinates and polynomials,
`one_step_quadrature` its rule, with compiled loops in `quadrature_kernels`.
"""
