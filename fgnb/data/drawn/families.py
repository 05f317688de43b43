"""The families: a build and a plumage each, shared by all species of the family.

Lengths are in bird units: the torso is about one unit long. Colours are sRGB, 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Build:
    """A family's proportions.

    Attributes:
        depth: half the torso's depth.
        head: radius of the head.
        neck: how far the head stands from the torso.
        bill: bill length; `bill_depth` its depth at the base, `bill_curve` how far the tip bends
            down, both as shares of the length.
        tail: tail length; `tail_width` its width at the end; `fork` is positive for a forked
            tail, negative for a rounded one.
        leg: length of the leg below the belly.
        crest: height of the crest over the crown.
        wing: length of the folded wing.
        upright: usual angle of the body over the horizontal, degrees.
    """

    depth: float
    head: float
    neck: float
    bill: float
    bill_depth: float
    bill_curve: float
    tail: float
    tail_width: float
    fork: float
    leg: float
    crest: float
    wing: float
    upright: float


@dataclass(frozen=True)
class Plumage:
    """A family's colours, and the colours that its marks are drawn in."""

    crown: Colour
    cheek: Colour
    throat: Colour
    back: Colour
    breast: Colour
    belly: Colour
    wing: Colour
    edge: Colour
    tail: Colour
    bill: Colour
    leg: Colour
    pale: Colour
    bright: Colour
    dark: Colour


@dataclass(frozen=True)
class Family:
    """A family's name, build and plumage."""

    name: str
    build: Build
    plumage: Plumage


def _hex(text: str) -> Colour:
    return (int(text[:2], 16) / 255, int(text[2:4], 16) / 255, int(text[4:], 16) / 255)


def _plumage(words: str) -> Plumage:
    return Plumage(*(_hex(word) for word in words.split()))


# fmt: off
# depth head neck bill depth curve tail width fork leg crest wing upright
# crown cheek throat back breast belly wing edge tail bill leg | pale bright dark
FAMILIES: tuple[Family, ...] = (
    Family("Sedgefinch",
           Build(.31, .215, .02, .20, .78, .05, .50, .26, .15, .30, .00, .92, 24),
           _plumage("7a5c3e b39a78 c9b596 7d5f41 c4aa84 dccdb2 5f4a36 a98c66 5a4632 57535a a5826a"
                    " f6efdf c0392b 35281e")),
    Family("Willow_Warbler",
           Build(.265, .19, .03, .17, .36, .04, .46, .20, .10, .34, .00, .86, 30),
           _plumage("7c8440 b3ad4f d9c750 747c3c d8c04a e6d977 575c38 98994e 5b6038 4b4238 5d4a3c"
                    " faf6e4 d8702a 33351f")),
    Family("Hill_Thrush",
           Build(.29, .205, .05, .24, .36, .08, .54, .24, -.12, .46, .00, .94, 38),
           _plumage("585b60 7d7b7a cdb9a3 66635f cf9a68 e2cdb2 575552 8d867f 524f4c 544b45 8c7560"
                    " fbfaf6 d9622b 27241f")),
    Family("Crested_Jay",
           Build(.28, .215, .06, .27, .46, .10, .78, .26, -.20, .40, .20, .95, 34),
           _plumage("4a6c9b 7d93b3 b6c0cc 4c6f9f a9b6c8 d5dade 3f6198 7d9fcb 3d5f98 30343b 3c3c40"
                    " fafbfc c98a2b 1d232f")),
    Family("Salt_Tern",
           Build(.235, .18, .05, .36, .27, .10, .74, .24, .42, .22, .00, 1.18, 14),
           _plumage("98a2ab d3d8db e9ebec a3adb6 e0e4e6 f3f3f2 939ea8 bfc7ce b4bcc3 4c4a47 77554a"
                    " ffffff cf4b2c 22252a")),
    Family("Russet_Wren",
           Build(.315, .215, .00, .22, .30, .16, .38, .20, -.15, .32, .00, .78, 30),
           _plumage("8a4f2c b98662 d2b193 8c522f c08d66 cfae8d 75432a a8704a 6f4028 5c4a3c 8d6d5a"
                    " fbf1e2 e0a52e 2d1a11")),
    Family("Fire_Oriole",
           Build(.27, .19, .04, .28, .38, .06, .60, .22, .08, .36, .00, .98, 32),
           _plumage("b8641e d48836 dd9a45 5a4a3c dd8f35 e8b35e 453b35 7d6a58 4a3f36 5b5e66 565a61"
                    " fdf6e6 f0dc4a 1f1a18")),
    Family("Reed_Kingfisher",
           Build(.30, .25, .00, .44, .34, .00, .32, .20, -.10, .16, .07, .78, 46),
           _plumage("2f7f83 569a97 cfd8c4 2b767d c98f58 d7a873 2b6a76 6fb0ae 2c6672 33302e b0553a"
                    " f7f9f2 d9532f 15292d")),
)
# fmt: on
