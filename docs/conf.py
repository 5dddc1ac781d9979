"""Sphinx configuration; the pages of the API and of the papers are written before each build."""

import os
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from numpydoc.xref import DEFAULT_LINKS

sys.path.insert(0, str(Path(__file__).parent))
os.environ["PATH"] = os.pathsep.join(
    [str(Path(sys.executable).parent), os.environ["PATH"]]
)  # pages call `linsgd`

import api_page
import papers_page

project = "linsgd"
author = "The linsgd developers"
release = installed_version("linsgd")
version = release

extensions = [
    "mathml",
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.viewcode",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_tables", "figures", "gallery/*.ipynb", "**.ipynb_checkpoints"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120

sphinx_gallery_conf = {
    "examples_dirs": "figures",
    "gallery_dirs": "gallery",
    "filename_pattern": "",
    "within_subsection_order": "FileNameSortKey",
    "image_scrapers": ("svg_pictures.scrape",),
    "capture_repr": (),
    "abort_on_example_error": True,
    "run_stale_examples": True,  # a figure depends on the package, not on its script alone
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,  # a page that says how long it took differs from build to build
}

default_role = "py:obj"
autosummary_generate = True
autosummary_filename_map = api_page.file_names()
autodoc_typehints = "none"
autodoc_inherit_docstrings = False  # those of SymPy are not written for this page
autodoc_default_options = {"members": True, "inherited-members": False}
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = (
    "all"  # link linsgd's classes only, not Python's and NumPy's, which lie elsewhere
)
numpydoc_xref_aliases = {word: word for word in DEFAULT_LINKS} | api_page.class_names()

html_theme = "pydata_sphinx_theme"
html_title = "linsgd"
html_static_path = ["_static"]
html_css_files = ["mathml.css"]
html_math_renderer = "mathml"
html_sidebars = {"*": []}  # the pages beside this file have no sections to list
html_theme_options = {
    "header_links_before_dropdown": 8,
    "navbar_persistent": ["search-button"],
    "show_prev_next": False,
    "navigation_with_keys": True,
    "secondary_sidebar_items": ["page-toc"],
}


def setup(app):
    api_page.write(Path(app.srcdir) / "api" / "index.md")
    papers_page.write(Path(app.srcdir) / "papers")
    app.connect("autodoc-process-docstring", api_page.escape_markup, priority=1)
