"""Risk curves in high dimension: few nodes for a long spectrum, schedules, far steps.

measures     the spectrum's measures, replaced by Gauss rules on panels
modes        second moments of one mode: propagation and injection
recursion    the curve step by step, under any schedule
contour      the curve after very many steps of constant hyperparameters
risk_curve   the public call
"""
