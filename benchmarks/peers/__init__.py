"""Networks of other libraries, and barenet's, with one small interface: `epoch(orders)` and `logits()`.

Each peer is the best form of the same computation in its library: 784 inputs, softmax with cross-entropy, the same
recipe, initial weights, images, order and number of steps. An epoch returns each step's loss and each image's predicted
class, like barenet's trainer. No peer mirrors or shifts images, and the learning rate is constant.
"""
