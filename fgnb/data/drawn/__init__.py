"""Drawn birds: a procedural renderer that writes the layout of CUB-200-2011.

Families share build and plumage; the species of a family differ in three small marks of seven, a
code in which no single mark gives the answer. Pose, scale, backdrop, cover and light are nuisances
that know nothing of the species. A check of mechanisms, not evidence: see `DrawnSpec.telling` (the
size of the marks) and `DrawnSpec.control` (the cue in the colour of the whole bird).
"""

from fgnb.data.drawn.layout import make
from fgnb.data.drawn.scene import render
from fgnb.data.drawn.spec import RENDERER_VERSION, DrawnSpec, spec_for

__all__ = ["RENDERER_VERSION", "DrawnSpec", "make", "render", "spec_for"]
