"""A whole page: self-contained, or with its style and scripts from the dashboard's server."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from markupsafe import Markup
from plotly.offline import get_plotlyjs

from dashboard.blocks import ENVIRONMENT, Section, has_chart

STATIC = Path(__file__).parent / "static"
_INLINE_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"
# (text, address, whether it is this page)
Link = tuple[str, str, bool]


def render_page(
    title: str, sections: Sequence[Section], *, lead: Markup, footer: str, pages: Sequence[Link] = (), inline: bool
) -> str:
    """The HTML of a page.

    Args:
      title: heading, and the window's.
      sections: in their order.
      lead: between heading and sections.
      footer: last line.
      pages: others, at the top.
      inline: whether all that it needs is in it, so that it works as a file and without a network.
    """
    template = ENVIRONMENT.get_template("page.html.j2")
    head = _inline_head(any(has_chart(section.body) for section in sections)) if inline else _linked_head()
    return template.render(title=title, sections=sections, lead=lead, footer=footer, pages=pages, head=head)


@lru_cache(maxsize=1)
def assets() -> dict[str, tuple[str, str]]:
    """Name -> (media type, text) of what pages of the dashboard's server ask for."""
    kinds = {".css": "text/css", ".js": "text/javascript"}
    files = {path.name: (kinds[path.suffix], path.read_text(encoding="utf-8")) for path in sorted(STATIC.iterdir())}
    return {**files, "plotly.js": ("text/javascript", get_plotlyjs())}


@lru_cache(maxsize=2)
def _inline_head(with_charts: bool) -> Markup:
    texts = {name: text for name, (_, text) in assets().items()}
    # Plotly is megabytes.
    scripts = ["plotly.js", "dashboard.js"] if with_charts else ["dashboard.js"]
    # Not escaped: these are the project's own files. The policy keeps the page from asking any host for anything.
    return Markup(
        f'<meta http-equiv="Content-Security-Policy" content="{_INLINE_POLICY}">\n'
        f"<style>{texts['dashboard.css']}</style>\n" + "\n".join(f"<script>{texts[name]}</script>" for name in scripts)
    )


@lru_cache(maxsize=1)
def _linked_head() -> Markup:
    def address(name: str) -> str:
        # Another address for each content, so that browsers may keep it for ever.
        return f"/static/{name}?{hashlib.sha256(assets()[name][1].encode()).hexdigest()[:12]}"

    scripts = "\n".join(
        f'<script defer src="{address(name)}"></script>' for name in ("plotly.js", "dashboard.js", "live.js")
    )
    return Markup(f'<link rel="stylesheet" href="{address("dashboard.css")}">\n{scripts}')
