"""What an ONNX graph is built with.

Read the modules in this order:

    graph       nodes and constants
    tables      the nodes that make features of a table's rows
"""
