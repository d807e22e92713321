"""Parts for building an ONNX graph.

Read the modules in this order:

    graph       nodes and constants
    tables      the nodes that convert a table's rows to features
"""
