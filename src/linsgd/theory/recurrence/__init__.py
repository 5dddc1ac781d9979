"""The linear recurrence of SGD: gradient covariance, operators on moments, steps and jumps."""
