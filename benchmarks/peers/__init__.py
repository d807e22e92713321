"""Networks of other libraries, and barenet's own, behind one small interface: `epoch(order)` and `accuracy()`.

Each peer is its library's best honest form of the same computation: 784 inputs, ReLU, softmax with cross-entropy, plain
SGD with L2 on the weights, the same initial weights, images, order and number of steps.
"""
