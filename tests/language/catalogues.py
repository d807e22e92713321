"""The script that keeps the catalogues, as a module."""

from __future__ import annotations

import sys
from pathlib import Path

CI = Path(__file__).parents[2] / ".ci"
sys.path.insert(0, str(CI))
import catalogue  # noqa: E402
import extraction  # noqa: E402

sys.path.remove(str(CI))
__all__ = ["catalogue", "extraction"]
