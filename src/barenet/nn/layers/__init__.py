"""The kinds of layer that a perceptron is made of, each with its forward and its backward step.

A layer holds parameters or functions, never arrays of a batch: these are in its `Slot`, which a workspace
holds. So one network can be evaluated on one workspace while it trains on another.

The backward step of a layer has two independent halves: the gradient of its input, which the layer below needs, and the
gradients of its parameters. So the parameter gradients of all layers can be computed after all input gradients: until
then a layer's x and dy do not change.

Read the modules in this order; open `base` first:

    base           a layer, and its arrays for a batch
    dense          y = x W + b
    elementwise    y = f(x)
    normalization  y = x with mean 0 and variance 1 over its units
    batch_norm     y = x with mean 0 and variance 1 over images, + b
    folding        running statistics, and how they are put into the weights
    residual       y = x + F(x), where F is a row
    dropout        y = x, with some values set to 0
    tracing        the values in each row of a network, for inspection
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
