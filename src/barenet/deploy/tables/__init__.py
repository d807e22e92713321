"""Rows of a table as an exported file takes them.

Read the modules in this order:

    rows        rows as people have them into features: functions that an exported Python file holds
    numbers     rows as numbers alone, as an ONNX graph takes them
"""
