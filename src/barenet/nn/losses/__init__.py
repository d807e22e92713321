"""Loss functions of the logits: how wrong they are, and the gradient with respect to them.

`loss(logits, labels, dlogits=None)` takes logits (..., B, C) and integer labels (B,) or (..., B), and returns the mean
over the B images, one number a network, shape (...). It writes the gradient of that mean with respect to the logits
into `dlogits`, a C-contiguous array shaped like the logits. The logits do not change.

With weights w (B,) or (..., B) the mean becomes sum_i w_i loss_i / B, and so does its gradient.

Cross-entropy also takes soft labels (B, C) or (..., B, C), floats: the weight of each class for an image. The sum of a
row is the weight of the image.

Read the modules in this order; open `functions` first:

    logits     the position of each image's class in a batch, and its largest logit
    functions  cross-entropy, squared error, hinge loss, with their gradients
    loss       losses by name, with weights, and those that a person wrote
"""

from barenet.nn.losses.loss import LOSSES, Loss, check_labels, make_loss

__all__ = ["LOSSES", "Loss", "check_labels", "make_loss"]
