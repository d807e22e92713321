"""The text of an exported Python file, with placeholders that `export_numpy` fills for each model."""

from __future__ import annotations

__all__ = ["FUNCTION_SOURCES", "PREPARE", "PREPARE_PIXELS", "PREPARE_ROWS", "TEMPLATE"]

# Each function has the same operations as in barenet.nn, so that the results have the same bits.
FUNCTION_SOURCES = {
    "dense": """
def dense(x, weights, biases):
    return x @ weights + biases
""",
    "layer_norm": """
def layer_norm(x):
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = (centred * centred).mean(axis=-1, keepdims=True) + x.dtype.type(1e-5)
    return centred * (1 / np.sqrt(variance))
""",
    "residual": """
def residual(x, *layers):
    a = x
    for function, *parameters in layers:
        a = function(a, *parameters)
    return a + x
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

TEMPLATE = '''"""A trained classifier in one file that needs only NumPy. Written by barenet {version}.

    import {module}
{usage}

{inputs}
"""

{imports}

import numpy as np

CLASS_NAMES = {class_names}
{constants}
# The origin of the model; accuracies are fractions of the {given}.
ABOUT = {about}


def predict({given}):
    """Return the number of the most probable class of each {one}."""
    return np.argmax(predict_proba({given}), axis=-1)


def predict_proba({given}):
    """Return the probability of each class: (n, classes) for many {given}, (classes,) for one."""
    x, is_single = prepare({given})
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
    """Return the array that base64 encodes."""
    return np.frombuffer(base64.b64decode(text), "{dtype}").reshape(shape)


def main():
    """Print class and probability of each {one} of a file."""
    parser = argparse.ArgumentParser(description="Classify the {given} of a file.")
    parser.add_argument("file", help={help})
    parser.add_argument("--probabilities", metavar="FILE", help="write all probabilities to this .npy file")
    arguments = parser.parse_args()
    file = arguments.file
    try:
        probabilities = np.atleast_2d(predict_proba({load}))
    except ({errors}) as error:
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
    """Return images as rows of floats, and whether there was only one."""
{first}    images = np.asarray(images)
    n_inputs = int(np.prod(IMAGE_SHAPE))
    is_single = images.shape in (IMAGE_SHAPE, (n_inputs,))
    if not is_single and images.shape[1:] not in (IMAGE_SHAPE, (n_inputs,)):
        raise ValueError(f"images must have shape {{IMAGE_SHAPE}}, flat or not, one or many, got {{images.shape}}")
    x = images.reshape(-1, n_inputs)
{steps}
    return x, is_single
'''

# The first lines of `prepare` where images may be rows of a table.
PREPARE_PIXELS = """    if has_names(images) or np.asarray(images).dtype == object:
        table, is_one = encode_rows(images, COLUMNS, TABLE)
        if np.all((table >= 0) & (table <= 255) & (table == np.rint(table))):
            table = table.astype(np.uint8)
        images = table[0] if is_one else table
"""

PREPARE_ROWS = '''def prepare(rows):
    """Return rows as the floats of the network, and whether there was only one."""
    x, is_single = encode_rows(rows, COLUMNS, TABLE)
{steps}
    return x, is_single
'''
