"""The linear recurrence W' = A W + B of SGD: moment operators, gradient covariance, jumps by squaring."""
