"""What people call the parts of a data set, in names of folders and files, and what barenet calls them."""

from __future__ import annotations

__all__ = ["PARTS"]

PARTS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
