"""`Graph`: the nodes and constants of an ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["Graph"]


class Graph:
    """Nodes and constants of an ONNX graph under construction; methods that add something return its name.

    kept: the name of a result that a later node needs too.
    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}
        self.kept = ""

    def node(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node."""
        from onnx import helper

        output = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=f"{output}_node", **attributes))
        return output

    def keep(self, name: str) -> str:
        """Remember a result as `kept`."""
        self.kept = name
        return name

    def rename_last(self, output: str) -> None:
        """Rename the result of the last node."""
        node = self.nodes[-1]
        node.output[0], node.name = output, f"{output}_node"

    def constant(self, name: str, value: Any, dtype: DTypeLike = np.float32) -> str:
        """Add a constant, once for each name."""
        from onnx import numpy_helper

        if name not in self.constants:
            # C order in memory, since the file holds the bytes.
            self.constants[name] = numpy_helper.from_array(np.array(value, dtype, order="C"), name)
        return name
