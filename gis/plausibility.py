"""The doubts under the name they had before `gis.quality`."""

from gis.quality import DOUBTS

__all__ = ["DOUBTS"]
