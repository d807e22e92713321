"""Use a trained model: predictions from Python and the command line, and files that work without barenet.

Read the modules in this order; open `predictor` first:

    inference        run a network over many inputs, fast
    predictor        a trained model, or several averaged, that takes images and returns classes
    framing          change pictures to look like the training images
    inputs           read what a person wants to predict: pictures, folders, arrays, files
    recognition      class names and probabilities of inputs
    tables/          rows of a table, as an exported file takes them
    exported         the description of an exported network, and the comparison with the model
    export_images    the images for the comparison
    graphs/          parts for building an ONNX graph
    export_onnx      export as an ONNX graph
    numpy_template   the text of an exported Python file
    export_numpy     export as one Python file that needs only NumPy
    targets          the file that an export writes: its format, its name, whether it may be written
    export           build a file, run it, compare it with the model, then write it
"""
