"""Learning to focus and discriminate: regions from the classifier's own attention map (focus)."""

from fgnb.focus.attention import attention_map
from fgnb.focus.maps import class_maps, every_class_map, passed
from fgnb.focus.proposals import propose_regions
from fgnb.focus.rows import ROWS, row_stage
from fgnb.focus.stages import STAGES, equal_compute_stage, global_stage, region_stage

__all__ = [
    "ROWS",
    "STAGES",
    "attention_map",
    "class_maps",
    "equal_compute_stage",
    "every_class_map",
    "global_stage",
    "passed",
    "propose_regions",
    "region_stage",
    "row_stage",
]
