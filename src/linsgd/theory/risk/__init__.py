"""Risk curves in high dimension: few nodes for a long spectrum, schedules, far steps.

measures          the spectrum's measures, replaced by Gauss rules on panels
spectrum          the measures of a problem
modes             second moments of one mode: propagation and injection
run               the hyperparameters of every step
recursion         the curve step by step, under any schedule
averages          averages of the iterates, step by step
contour           the curve after very many steps of constant hyperparameters
homogenized       homogenised SGD, the stochastic differential equation
deterministic     random features in the limit of many features
feature_spectrum  its equations on few nodes
node_curve        all of these along a run
correlated_modes  finite data and other laws, over all pairs of modes
risk_curve        the public call
frontier          least risk at a given compute, on a grid of exact curves
compute_optimal   exponents of that least risk on random features
critical_batch    where doubling the batch no longer halves the steps
matched_lr        the learning rate that another batch size needs
best_schedule     the schedule of least final risk
thresholds        the largest stable learning rate in each theory
"""
