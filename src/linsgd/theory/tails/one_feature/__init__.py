"""One feature without momentum: the products are of scalars."""
