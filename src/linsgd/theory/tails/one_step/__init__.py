"""Bounds of the exponent from the norms of one step.

`bounds` is the public function, `wishart` the law of the extreme singular values.
"""
