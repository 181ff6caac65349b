"""What pages are made of: charts, tables, facts, galleries of faces. Each function gives finished HTML.

Everything that comes from outside is escaped by the templates; only their results are Markup.
"""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import jinja2
import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from markupsafe import Markup
from PIL import Image

_FOLDER = Path(__file__).parent
ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_JPEG_QUALITY = 85
# Of a chart, in pixels; the style sheet keeps this much room until it is drawn.
_USUAL_HEIGHT = 320

Kind = Literal["good", "bad", "warning", "info"]


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page with a heading.

    Attributes:
      id: anchor, unique in the page.
      title: heading.
      body: what is below it.
    """

    id: str
    title: str
    body: Markup


@dataclasses.dataclass(frozen=True)
class Thumbnail:
    """A face in a gallery.

    Attributes:
      image: uint8 [height, width], gray values.
      caption: a line below it.
      points: (x, y) in pixels to draw on it, from the centre of the top left pixel, by what they are ('true',
        'predicted'; 'left' and 'right' of the person); NaN are left out.
    """

    image: npt.NDArray[np.uint8]
    caption: str
    points: dict[str, npt.NDArray[np.float32]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table that is more than its text.

    `kind` gives it a mark and a colour, `href` makes it a link, `note` stands after it in small print.
    """

    text: str
    kind: Kind | None = None
    href: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True)
class HeatCell:
    """A cell of a heat map.

    Attributes:
      text: large.
      note: below it, small.
      heat: 0..1, how strongly it is coloured.
      label: the whole of it in words.
      href: makes it a link.
    """

    text: str
    note: str
    heat: float
    label: str
    href: str = ""


@dataclasses.dataclass(frozen=True)
class Circle:
    """A circle on a picture: its centre and radius in pixels, from the centre of the top left pixel, and its name."""

    x: float
    y: float
    radius: float
    name: str


def chart(figure: go.Figure, title: str, summary: str, data: Markup | None = None) -> Markup:
    """A Plotly figure; the page's script draws it in the page's colours.

    Args:
      figure: no colours of background or text, and no title: the page gives them.
      title: of the chart.
      summary: what is to be seen in it, for those who cannot see it.
      data: the same as a table, folded up below.
    """
    low = figure.layout.height is not None and figure.layout.height < _USUAL_HEIGHT
    return _macro("chart", figure=figure.to_json(), low=low, title=title, summary=summary, data=data)


def has_chart(body: Markup) -> bool:
    """Whether there is a `chart` in it."""
    return " data-figure=" in body


def table(
    head: Sequence[str], rows: Sequence[Sequence[str | Cell]], caption: str = "", numbers_from: int = 1
) -> Markup:
    """A table.

    Args:
      head: of the columns.
      rows: their cells.
      caption: above it.
      numbers_from: the columns from this one on are aligned as numbers.
    """
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    return _macro("table", head=head, rows=cells, caption=caption, numbers_from=numbers_from)


def facts(pairs: Sequence[tuple[str, str | Cell]]) -> Markup:
    """Names and values, a line each."""
    return _macro("facts", pairs=[(name, value if isinstance(value, Cell) else Cell(value)) for name, value in pairs])


def figures(pairs: Sequence[tuple[str, str | Cell]]) -> Markup:
    """A few numbers that matter, large."""
    return _macro("figures", pairs=[(name, value if isinstance(value, Cell) else Cell(value)) for name, value in pairs])


def notice(kind: Kind, text: str) -> Markup:
    """A sentence that stands out."""
    return _macro("notice", kind=kind, text=text)


def paragraph(text: str) -> Markup:
    """Running text."""
    return Markup("<p>{}</p>").format(text)


def heading(text: str | Cell, anchor: str = "") -> Markup:
    """A heading within a section; `anchor` is unique in the page, for links to it."""
    return _macro("heading", value=text if isinstance(text, Cell) else Cell(text), anchor=anchor)


def grid(parts: Sequence[Markup]) -> Markup:
    """Blocks side by side where there is room."""
    return Markup('<div class="grid">{}</div>').format(join(*parts))


def details(summary: str, body: Markup, anchor: str = "", group: str = "") -> Markup:
    """What is folded up until somebody asks for it.

    Args:
      summary: what one clicks on.
      body: what is folded up.
      anchor: unique in the page; a link to it unfolds it.
      group: of those with the same one, one at a time is open.
    """
    return _macro("details", summary=summary, body=body, anchor=anchor, group=group)


def drawers(parts: Sequence[Markup]) -> Markup:
    """`details` with anchors, of which only the open one is seen: links open them."""
    return Markup('<div class="drawers">{}</div>').format(join(*parts))


def code(text: str) -> Markup:
    """A command to copy."""
    return Markup('<pre class="code" tabindex="0"><code>{}</code></pre>').format(text)


def heat_map(
    corner: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[HeatCell]]], caption: str
) -> Markup:
    """A table whose cells are coloured by their heat.

    Args:
      corner: what its rows and columns are.
      columns: their names.
      rows: name and cells of each.
      caption: above it.
    """
    return _macro("heat_map", corner=corner, columns=columns, rows=rows, caption=caption)


def marked_picture(image: npt.NDArray[np.uint8], circles: Sequence[Circle], title: str, summary: str) -> Markup:
    """A gray picture, uint8 [height, width], with circles on it that show their names when pointed at."""
    height, width = image.shape
    source = thumbnail_source(image)
    return _macro(
        "marked_picture",
        **{"source": source, "width": width, "height": height, "circles": circles, "title": title, "summary": summary},
    )


def gallery(title: str, thumbnails: Sequence[Thumbnail], total: int, large: bool = False) -> Markup:
    """Faces, `large` where their points matter; where they are but a part of `total`, it says so."""
    faces = [_face(thumbnail) for thumbnail in thumbnails]
    return _macro("gallery", title=title, faces=faces, total=total, large=large)


def grouped_gallery(title: str, groups: Sequence[Sequence[Thumbnail]], total: int, large: bool = False) -> Markup:
    """Faces that belong together side by side, each group in a frame; otherwise as `gallery`, `total` counts faces."""
    faces = [[_face(thumbnail) for thumbnail in group] for group in groups]
    shown = sum(map(len, faces))
    return _macro("grouped_gallery", title=title, groups=faces, shown=shown, total=total, large=large)


def _face(thumbnail: Thumbnail) -> dict[str, Any]:
    return {
        "source": thumbnail_source(thumbnail.image),
        "height": thumbnail.image.shape[0],
        "width": thumbnail.image.shape[1],
        "caption": thumbnail.caption,
        # The centre of the first pixel lies half a pixel from the picture's edge.
        "points": [
            (what, float(x) + 0.5, float(y) + 0.5)
            for what, points in thumbnail.points.items()
            for x, y in points
            if np.isfinite(x) and np.isfinite(y)
        ],
    }


def thumbnail_source(image: npt.NDArray[np.uint8]) -> str:
    """A gray picture, uint8 [height, width], as a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def join(*parts: Markup | None) -> Markup:
    """Blocks one below the other; None is left out."""
    return Markup("\n").join(part for part in parts if part is not None)


def number(value: Any, digits: int = 4) -> str:
    """A number for people; a dash where there is none."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return "–"
    if isinstance(value, (int, np.integer)):
        return f"{value:,}"
    return f"{value:.{digits}f}"


def seconds(value: float | None) -> str:
    """A duration for people."""
    if value is None:
        return "–"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} h" if hours else f"{minutes}:{rest:02d} min"


def _macro(name: str, **values: Any) -> Markup:
    macro = getattr(ENVIRONMENT.get_template("blocks.html.j2").module, name)
    return Markup(macro(**values))
