"""Steps of the plane: transfer operators on the projective line of directions.

`projective_line` and `sampled_line` are the methods, for enumerated or integrated and for sampled
batches; `planar_steps` holds the steps and `periodic_grid` the functions of an angle.
"""
