"""Formulas from SymPy as MathML for a page: presentation elements only."""

import html
import re
from xml.etree import ElementTree

from markupsafe import Markup

ELEMENTS = frozenset(
    [
        "math",
        "mrow",
        "mi",
        "mn",
        "mo",
        "mtext",
        "mspace",
        "mfrac",
        "msqrt",
        "mroot",
        "msub",
        "msup",
        "msubsup",
        "munder",
    ]
) | frozenset(["mover", "munderover", "mfenced", "mtable", "mtr", "mtd", "mstyle", "mpadded"])
ATTRIBUTES = frozenset(
    ["mathvariant", "stretchy", "fence", "accent", "accentunder", "linethickness", "open", "close"]
)
MINUS = "−"  # not every browser sets a hyphen as one
XML_ENTITIES = ("&lt;", "&gt;", "&amp;", "&quot;", "&apos;")


def formula(mathml: str) -> Markup | None:
    """Return a formula as safe block MathML, or None where it is not presentation MathML.

    Examples
    --------
    >>> str(formula("<mrow><mi>a</mi><mo>&InvisibleTimes;</mo><mi>b</mi></mrow>"))
    '<math display="block"><mrow><mi>a</mi><mo>\u2062</mo><mi>b</mi></mrow></math>'
    >>> formula("<script>alert(1)</script>") is None
    True
    """
    text = re.sub(r"&\w+;", lambda m: m[0] if m[0] in XML_ENTITIES else html.unescape(m[0]), mathml)
    try:
        root = ElementTree.fromstring(f"<mrow>{text}</mrow>")
        children = [_checked(child) for child in root]
    except (ElementTree.ParseError, ValueError):
        return None
    if not children or (root.text or "").strip():
        return None
    inner = children[0] if len(children) == 1 and children[0].tag == "math" else root
    body = "".join(ElementTree.tostring(child, encoding="unicode") for child in inner)
    return Markup(f'<math display="block">{body}</math>')


def _checked(element: ElementTree.Element) -> ElementTree.Element:
    for node in element.iter():
        node.tag = node.tag.rpartition("}")[2]
        if node.tag not in ELEMENTS:
            raise ValueError(f"<{node.tag}> is no presentation MathML")
        node.attrib = {key: value for key, value in node.attrib.items() if key in ATTRIBUTES}
        if node.tag == "mfenced":
            _unfence(node)
        if node.tag == "mo" and node.text == "-":
            node.text = MINUS
    return element


def _unfence(node: ElementTree.Element) -> None:
    """Spell out <mfenced>, which browsers dropped, as <mrow> with its fences as operators."""
    node.tag = "mrow"
    fences = [ElementTree.Element("mo"), ElementTree.Element("mo")]
    fences[0].text, fences[1].text = node.attrib.pop("open", "("), node.attrib.pop("close", ")")
    node[:] = [fences[0], *node, fences[1]]
