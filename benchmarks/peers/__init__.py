"""Networks of other libraries, and barenet's, behind one small interface: `epoch(orders)` and `logits()`.

Each peer is its library's best honest form of the same computation: 784 inputs, softmax with cross-entropy, the same
recipe, initial weights, images, order and number of steps. An epoch returns each step's loss and each image's predicted
class, as barenet's trainer records them. No peer mirrors or shifts images, and the learning rate stays constant.
"""
