"""Kernels that Numba compiles, on flat arrays of float32 numbers.

Read the modules in this order; open `products` first:

    compiling   how functions are compiled and call each other
    vectors     arithmetic on 16 numbers at once
    memory      vectors in arrays
    registers   how large a tile may be
    products    matrix products, in tiles
    formulas    exp, log, tanh and functions made from them
    functions   these as functions that kernels call
    layers      activations with their slopes, softmax, sums, dropout
    normalization/  normalisation over units, or over images
    losses      losses of the outputs, with their gradients
    inputs      chosen images as rows of numbers
    updates     learning rules, averages, norms
    meeting     how threads wait for each other
"""

# All are imported here, always in this order: a kernel's number, which compiled code on disk contains, is its place in
# this order.
from barenet.engine.compiled.kernels import inputs, layers, losses, products, updates
from barenet.engine.compiled.kernels.normalization import over_images, over_units

__all__ = ["inputs", "layers", "losses", "over_images", "over_units", "products", "updates"]
