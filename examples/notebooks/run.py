"""Run the notebooks of this folder again, and keep what they print and draw.

python examples/notebooks/run.py [notebook ...]

Each notebook runs in a temporary folder. What it keeps has no paths, dates or times. To run it: `pip install
".[notebooks]"`.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PATIENCE = 600  # seconds for a cell
# A cell of code before all others, which is not kept: small pictures that do not name the version of matplotlib. A
# library warns that it shows its progress better with a package that nothing here needs.
FIRST = """
import warnings
warnings.filterwarnings("ignore", message="IProgress not found")
import matplotlib_inline.backend_inline
matplotlib_inline.backend_inline.set_matplotlib_formats("png", metadata={"Software": None})
import matplotlib
matplotlib.rcParams["figure.dpi"] = 72
"""


def run(file: Path) -> dict[str, Any]:
    """Return a notebook with the outputs of a fresh run; raises CellExecutionError if a cell fails."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(file, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(FIRST))
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=PATIENCE,
            kernel_name="python3",
            extra_arguments=["--log-level=ERROR"],
            resources={"metadata": {"path": folder}},
        )
        client.execute()
    del notebook.cells[0]
    for number, cell in enumerate(filter(lambda cell: cell.cell_type == "code", notebook.cells), start=1):
        cell.execution_count = number
        cell.metadata.clear()  # the times of the run
        cell.outputs = joined(cell.outputs)
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    return json.loads(nbformat.writes(notebook))


def joined(outputs: list[Any]) -> list[Any]:
    """Return the outputs of a cell, with what is printed one after the other in one piece."""
    kept: list[Any] = []
    for output in outputs:
        if kept and output.output_type == kept[-1].output_type == "stream" and output.name == kept[-1].name:
            kept[-1].text += output.text
        else:
            kept.append(output)
    return kept


def main(files: list[Path]) -> None:
    """Run the notebooks, and write them."""
    for file in files or sorted(HERE.glob("*.ipynb")):
        text = json.dumps(run(file), ensure_ascii=False, indent=1) + "\n"
        file.write_text(text, encoding="utf-8")
        print(f"{file.name}: {len(text.encode()) / 1000:.0f} KB")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
