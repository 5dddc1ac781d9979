"""Which claims, which effort, which seed."""
