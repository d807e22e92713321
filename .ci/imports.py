"""Import every module of the installed package, and fail when one of src is not among them."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

import barenet

source = Path(sys.argv[1]).resolve()  # the folder src/barenet of a checkout
installed = Path(barenet.__file__).parent
assert installed != source, f"{installed} is the checkout itself; install the wheel"
paths = [path.relative_to(source.parent).with_suffix("") for path in source.rglob("*.py")]
wanted = {".".join(path.parts).removesuffix(".__init__") for path in paths}
found = {"barenet", *(module.name for module in pkgutil.walk_packages(barenet.__path__, "barenet."))}
assert found == wanted, f"missing from the wheel: {sorted(wanted - found)}; not in src: {sorted(found - wanted)}"
for name in sorted(found):
    importlib.import_module(name)
print(f"all {len(found)} modules of the wheel can be imported")
