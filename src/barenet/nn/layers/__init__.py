"""The kinds of layer that a perceptron is made of, each with its forward and its backward step.

A layer holds parameters or functions, never what belongs to a batch: that lies in its `Slot`, which a workspace
owns. So one network can be evaluated on one workspace while it trains on another.

The backward step of a layer has two halves, which do not need each other: the gradient of its input, which the layer
below waits for, and the gradients of its parameters. So all layers' parameter gradients can be computed after the whole
way back: until then a layer's x and dy stay as they are.

Read the modules in this order; open `base` first:

    base           a layer, and what it remembers of a batch
    dense          y = x W + b
    elementwise    y = f(x)
    normalization  y = x with mean 0 and variance 1 over its units
    batch_norm     y = x with mean 0 and variance 1 over images, + b
    folding        running statistics, and how they go into the weights
    residual       y = x + what a row makes of x
    dropout        y = x, with some of it left out
    tracing        what each row makes of images, to be looked at
"""

from barenet.nn.layers.base import Layer, Slot, by_kind
from barenet.nn.layers.batch_norm import BatchNorm
from barenet.nn.layers.dense import Dense
from barenet.nn.layers.dropout import Dropout
from barenet.nn.layers.elementwise import ActivationLayer
from barenet.nn.layers.normalization import LayerNorm
from barenet.nn.layers.residual import ResidualStart, ResidualSum, connect

__all__ = [
    "ActivationLayer",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Layer",
    "LayerNorm",
    "ResidualStart",
    "ResidualSum",
    "Slot",
    "by_kind",
    "connect",
]
