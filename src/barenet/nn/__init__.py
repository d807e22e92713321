"""The network and nothing else: multi-layer perceptrons, alone or in a stack, in plain NumPy.

Read the modules in this order; open `mlp` first:

    parameters     two flat buffers, values and gradients, with a named view for each weight; averages of values
    initializers   where the weights start
    gated          the sigmoid, GELU and SiLU
    activations    f(z) and its derivative
    losses         how wrong the logits are, and the gradient
    rows           a row of an architecture, and checks of it
    architecture   the description of a network: its rows, its weights, its kinds of layers
    noise          random numbers for dropout, as a hash of the step and the position
    layers         y = x W + b, y = f(x), normalisation, residual connections, dropout, each with its backward step
    workspace      the memory of a forward and a backward pass
    mlp            layers in a row: forward, backward
    hyperparameters  those of learning rules and schedules, each declared once
    optimizers     from gradients to new weights
    schedules      the learning rate as a function of the step

Symbols used everywhere: N networks in a stack, B images in a batch, D inputs, H hidden units, C classes,
P parameters of one network. `...` in a shape stands for N or for nothing.

**Networks in a stack.** Every function here works on the last axes of its arrays: activations are (..., B, H),
weights (..., D, H), flat parameters (..., P). Without a leading axis that is the textbook network. With one it is
N networks that take their steps together; NumPy computes the same matrix product for each, so each network gets
exactly the weights that it would get alone.
"""

from barenet.nn.activations import ACTIVATIONS, ALIASES, CUSTOM, Activation, find_activation
from barenet.nn.architecture import Architecture, LayerSpec
from barenet.nn.initializers import INITIALIZERS
from barenet.nn.layers import by_kind
from barenet.nn.losses import LOSSES, Loss, make_loss
from barenet.nn.mlp import MLP
from barenet.nn.optimizers import OPTIMIZERS, SGD, Adam, AdamW, Optimizer
from barenet.nn.parameters import Parameters, WeightAverage
from barenet.nn.schedules import SCHEDULES, Schedule
from barenet.nn.workspace import Workspace

__all__ = [
    "ACTIVATIONS",
    "ALIASES",
    "CUSTOM",
    "INITIALIZERS",
    "LOSSES",
    "MLP",
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Activation",
    "Adam",
    "AdamW",
    "Architecture",
    "LayerSpec",
    "Loss",
    "Optimizer",
    "Parameters",
    "Schedule",
    "WeightAverage",
    "Workspace",
    "by_kind",
    "find_activation",
    "make_loss",
]
