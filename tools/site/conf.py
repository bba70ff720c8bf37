"""How Sphinx writes the pages. Their sources are put together by tools/pages.py."""

import inspect
import os
import re
import sys
from pathlib import Path

# This folder's extensions, the modules of tools/, and the package of this checkout
sys.path[:0] = [str(folder) for folder in Path(__file__).resolve().parents[:3]]
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

project = "gru_tf"
html_title = "Gated Recurrent Units"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "mathematics_renderer",
]
exclude_patterns = ["as-it-is"]

nb_execution_mode = "off"  # the notebooks come with outputs, stored or just made
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3

default_role = "code"  # docstrings have `names` in single backticks
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_preserve_defaults = True
add_module_names = False
autodoc_typehints = "none"
autodoc_inherit_docstrings = False
napoleon_custom_sections = [("Call arguments", "params_style"), "Source"]
napoleon_use_rtype = False

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_js_files = [("pages.js", {"priority": 900})]
templates_path = ["templates"]
html_sidebars = {"**": ["all-pages.html"]}
html_context = {"default_mode": "auto"}  # dark where the reader's system is
html_domain_indices = False
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navbar_center": [],
    "navbar_align": "left",
    "secondary_sidebar_items": ["page-toc"],
    "article_header_start": [],
    "footer_start": ["copyright"],
    "footer_end": [],
    "back_to_top_button": False,
    "show_toc_level": 2,
    "search_bar_text": "Search the lessons ...",
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = ">>> "
copybutton_exclude = ".linenos, .gp, .go"
suppress_warnings = ["config.cache", "misc.highlighting_failure"]


def dollars_to_roles(app, what, name, obj, options, lines):
    """Write the mathematics of a docstring, between dollars, as reStructuredText has it."""
    text = "\n".join(lines)

    def block(match):
        indent, body = match[1], match[2].strip().splitlines()
        inner = "\n".join(f"{indent}    {line.strip()}" for line in body)
        return f"\n{indent}.. math::\n\n{inner}\n"

    text = re.sub(r"^( *)\$\$(.+?)\$\$", block, text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"(?<![\w$\\`])\$([^$\n]+?)\$(?![\w$])", r":math:`\1`", text)
    lines[:] = text.split("\n")


def signature_of_init(app, what, name, obj, options, signature, returns):
    """Show the arguments of a Keras layer: its `__new__`, which Sphinx asks first, takes any."""
    if what == "class" and signature == "(*args, **kwargs)" and "__init__" in vars(obj):
        arguments = inspect.signature(obj.__init__)
        return str(arguments.replace(parameters=[*arguments.parameters.values()][1:])), returns


def leave_sources_alone(app, env, docnames):
    """Keep Sphinx from importing the package, which takes seconds, to list what it has listed."""

    def forget(app):
        vars(app.env).pop("_viewcode_modules", None)
        return []

    if not any(name.startswith("api/") for name in docnames):
        app.connect("html-collect-pages", forget, priority=1)


def setup(app):
    app.connect("autodoc-process-docstring", dollars_to_roles)
    app.connect("autodoc-process-signature", signature_of_init)
    app.connect("env-before-read-docs", leave_sources_alone)
