"""`Graph`: the nodes and constants of an ONNX graph."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

__all__ = ["Graph"]


class Graph:
    """Nodes and constants of an ONNX graph while it is being built; every method returns the name of a result.

    kept: a result that a later node needs beside the last one.
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
        """Give the result of the node that was added last another name."""
        node = self.nodes[-1]
        node.output[0], node.name = output, f"{output}_node"

    def constant(self, name: str, value: Any, dtype: DTypeLike = np.float32) -> str:
        """Add a constant, once for each name."""
        from onnx import numpy_helper

        if name not in self.constants:
            # C order in memory, for the file holds bytes.
            self.constants[name] = numpy_helper.from_array(np.array(value, dtype, order="C"), name)
        return name
