"""Build the documentation site: the pages of this folder, the README, the notebooks, and the source files they name.

python docs/build.py [folder]

The site is written into `build/site`, or into the given folder. Open its `index.html`, or serve it with
`python -m http.server --directory build/site`. Nothing on it needs a network. To build it: `pip install ".[docs]"`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from website.staging import stage

HERE = Path(__file__).parent
DEFAULT = HERE.parent / "build" / "site"
PLACES = {"en": ".", "zh": "zh"}  # the folder of each language in the site
SPHINX_NAMES = {"en": "en", "zh": "zh_CN"}


def main(output: Path = DEFAULT) -> int:
    """Build the site in both languages; return the exit code."""
    try:
        from sphinx.cmd.build import build_main
    except ImportError:
        raise SystemExit('the site needs Sphinx: pip install ".[docs]"') from None
    if output.exists() and not (output / "searchindex.js").exists():
        raise SystemExit(f"{output} is there and is not a site; name a new folder")
    shutil.rmtree(output, ignore_errors=True)
    with tempfile.TemporaryDirectory() as work:
        for language, place in PLACES.items():
            source = Path(work, language)
            stage(language, source)
            shutil.copytree(HERE / "website" / "locale", source / "locale")
            options = ["-q", "--fail-on-warning", "--keep-going", "-D", f"language={SPHINX_NAMES[language]}"]
            folders = ["-c", str(HERE / "website"), "-d", str(Path(work, f"{language}-read"))]
            if failed := build_main([*options, *folders, str(source), str(output / place)]):
                return failed
    (output / ".nojekyll").touch()  # else GitHub does not publish folders whose names begin with _
    print(f"the site is in {output}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*(Path(argument) for argument in sys.argv[1:2])))
