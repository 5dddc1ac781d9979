"""Draws the gallery's figures as SVG, equal bytes for equal figures."""

import matplotlib.pyplot as plt
from sphinx_gallery.scrapers import matplotlib_scraper


def scrape(block, block_vars, gallery_conf):
    """Save the figures of a script's block and return the markup that shows them."""
    with plt.rc_context({"svg.hashsalt": "linsgd", "figure.facecolor": "white"}):
        return matplotlib_scraper(
            block, block_vars, gallery_conf, format="svg", metadata={"Date": None}
        )
