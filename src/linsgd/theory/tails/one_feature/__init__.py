"""One feature without momentum: the products are those of numbers.

`scalar` is the method. The law of one factor is a `factor` (a list of values, `batches` of data),
or an integral: `student_sum`, `uniform_sum`. `tanh_sinh` is the rule for kinks.
"""
