"""Even moments of the products that are known exactly.

`second_moment` (h(2) for every optimizer and law, and the adapted norm), `fourth_moment` (h(4) with
momentum), `gaussian_moments` (enclosures of h(2), h(4), h(6) by the actions in `even_forms`) and
`certified` (ball arithmetic); `even_moments` is the method that bounds everything else by them.
"""
