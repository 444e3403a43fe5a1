"""Attributes of ours on the root of a file whose format has no word for what they say.

No reader of the format asks for them; they bring a Scan back as it was written.
"""

from __future__ import annotations

from collections.abc import Mapping

from ptycho_contracts.declaration import Attr

CANVAS = ("ptycho_contracts_canvas_y_px", "ptycho_contracts_canvas_x_px")
PIXEL = ("ptycho_contracts_pixel_size_y_m", "ptycho_contracts_pixel_size_x_m")
PROPAGATION = "ptycho_contracts_propagation"

# What the origin of the positions is named after: both formats that carry these marks use `geometric-centre`.
MARKS: Mapping[str, Attr] = {
    CANVAS[0]: Attr(
        "positive", "rows of the canvas whose middle is position 0, where no object is stored", optional=True
    ),
    CANVAS[1]: Attr("positive", "columns of that canvas", optional=True),
    PIXEL[0]: Attr("positive", "object pixel height in metres", optional=True),
    PIXEL[1]: Attr("positive", "object pixel width in metres", optional=True),
    PROPAGATION: Attr("text", "far-field or near-field, where somebody has said it", optional=True),
}
