"""SGD on potentials: exit times, rare ones by splitting, occupation and relaxation.

forces      the stochastic gradient: a potential's slope with noise
walk        steps of single chains; what a call accepts
splitting   exits of a well by adaptive multilevel splitting
escape      `simulate_escape`
wells       `simulate_wells`
"""
