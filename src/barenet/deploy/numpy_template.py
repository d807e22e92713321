"""The text of an exported Python file, with places for what belongs to one model; `export_numpy` fills them in."""

from __future__ import annotations

__all__ = ["FUNCTION_SOURCES", "PREPARE", "TEMPLATE"]

# Each computes what barenet.nn does, operation for operation, so that the results have the same bits.
FUNCTION_SOURCES = {
    "dense": """
def dense(x, weights, biases):
    return x @ weights + biases
""",
    "relu": """
def relu(z):
    return np.maximum(z, 0)
""",
    "leaky_relu": """
def leaky_relu(z):
    return np.maximum(z, 0.01 * z)
""",
    "sigmoid": """
def sigmoid(z):
    return np.tanh(z * 0.5) * 0.5 + 0.5  # 1 / (1 + e^-z), which would overflow
""",
    "tanh": """
def tanh(z):
    return np.tanh(z)
""",
    "elu": """
def elu(z):
    return np.maximum(z, np.expm1(np.minimum(z, 0)))
""",
    "gelu": """
def gelu(z):
    scale = (2 / np.pi) ** 0.5
    inner = (z * z * (2 * scale * 0.044715) + 2 * scale) * z  # the tanh form of GELU, by a sigmoid
    return (np.tanh(inner * 0.5) * 0.5 + 0.5) * z
""",
    "silu": """
def silu(z):
    return (np.tanh(z * 0.5) * 0.5 + 0.5) * z
""",
    "softplus": """
def softplus(z):
    return np.logaddexp(z, 0)
""",
    "softmax": """
def softmax(z):
    exponentials = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return exponentials / np.sum(exponentials, axis=-1, keepdims=True)
""",
}

TEMPLATE = '''"""A trained classifier in one file that needs NumPy alone. Written by barenet {version}.

    import {module}
    {module}.predict(images)          # the number of the most probable class of each image
    {module}.predict_proba(images)    # the probability of each class
    {module}.CLASS_NAMES              # what the numbers mean

    python {module}.py images.npy     # class and probability of each image, a line each

{inputs}
"""

import argparse
import base64
import warnings

import numpy as np

CLASS_NAMES = {class_names}
IMAGE_SHAPE = {image_shape}
{constants}
# Where the model comes from; accuracies are fractions of the images.
ABOUT = {about}


def predict(images):
    """Return the number of the most probable class of each image."""
    return np.argmax(predict_proba(images), axis=-1)


def predict_proba(images):
    """Return the probability of each class: (n, classes) for many images, (classes,) for one."""
    x, is_single = prepare(np.asarray(images))
    with np.errstate(over="ignore", under="ignore"):
        probabilities = np.mean([run(layers, x) for layers in NETWORKS], axis=0)
    return probabilities[0] if is_single else probabilities


{prepare}

{rule}

def run(layers, a):
    """Return the probabilities that one network gives for inputs (n, {n_inputs})."""
    for function, *parameters in layers:
        a = function(a, *parameters)
    return {last}


{functions}

def array(text, *shape):
    """Return the numbers that base64 stands for."""
    return np.frombuffer(base64.b64decode(text), "{dtype}").reshape(shape)


def main():
    """Print class and probability of each image of an .npy file."""
    parser = argparse.ArgumentParser(description="Classify the images of an .npy file.")
    parser.add_argument("images", help="array of shape (n, {shape_words}), as numpy.save writes it")
    parser.add_argument("--probabilities", metavar="FILE", help="write all probabilities to this .npy file")
    arguments = parser.parse_args()
    try:
        probabilities = np.atleast_2d(predict_proba(np.load(arguments.images)))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    if arguments.probabilities:
        np.save(arguments.probabilities, probabilities)
        return
    for i, row in enumerate(probabilities):
        print(f"{{i}}\\t{{CLASS_NAMES[np.argmax(row)]}}\\t{{np.max(row):.4f}}")


# Each network is a list of layers: a function and its parameters, such as weights (inputs, outputs), biases (outputs,).
NETWORKS = [
{networks}
]

if __name__ == "__main__":
    main()
'''

PREPARE = '''def prepare(images):
    """Return images as rows of floats, and whether there was just one."""
    n_inputs = int(np.prod(IMAGE_SHAPE))
    is_single = images.shape in (IMAGE_SHAPE, (n_inputs,))
    if not is_single and images.shape[1:] not in (IMAGE_SHAPE, (n_inputs,)):
        raise ValueError(f"images must have shape {{IMAGE_SHAPE}}, flat or not, one or many, got {{images.shape}}")
    x = images.reshape(-1, n_inputs)
{steps}
    return x, is_single
'''
