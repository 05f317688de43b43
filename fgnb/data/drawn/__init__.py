"""Drawn sets: procedural renderers of birds, cars and aircraft that write the official layouts.

Each kind takes the layout of the data set that it stands in for: CUB-200-2011, Stanford Cars or
FGVC-Aircraft. Families share build and colours; the classes of a family differ in three small marks
of seven, a code in which no single mark gives the answer. Pose, scale, backdrop, cover and light
are nuisances that know nothing of the class. A check of mechanisms, not evidence: see
`DrawnSpec.telling` (the size of the marks) and `DrawnSpec.control` (the cue in the whole object's
colour).
"""

from fgnb.data.drawn.aircraft_scene import render_aircraft
from fgnb.data.drawn.cars_scene import render_car
from fgnb.data.drawn.layout import make
from fgnb.data.drawn.scene import render
from fgnb.data.drawn.spec import KINDS, RENDERER_VERSIONS, DrawnSpec, spec_for

__all__ = [
    "KINDS",
    "RENDERER_VERSIONS",
    "DrawnSpec",
    "make",
    "render",
    "render_aircraft",
    "render_car",
    "spec_for",
]
