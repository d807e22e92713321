"""A trained model in use: predictions from Python and the command line, and files that work without barenet.

Read the modules in this order; open `predictor` first:

    inference        a network over many inputs, fast
    predictor        a trained model, or several averaged: images in, classes out
    framing          pictures brought to look like the training images
    inputs           what a person points at: pictures, folders, arrays, files
    recognition      from inputs to class names and probabilities
    tables/          rows of a table, as an exported file takes them
    exported         a network as arrays and names, and the comparison with the model
    export_images    the images that an export is tried on
    graphs/          what an ONNX graph is built with
    export_onnx      an ONNX graph
    numpy_template   the text of an exported Python file
    export_numpy     one Python file that needs NumPy alone
    targets          the file that an export writes: format, name, whether it may be written
    export           build, run, compare, and only then put in place
"""
