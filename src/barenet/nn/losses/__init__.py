"""Loss functions of the logits: how wrong they are, and the gradient with respect to them.

`loss(logits, labels, dlogits=None)` takes logits (..., B, C) and integer labels (B,) or (..., B), and returns the mean
over the B images, one number a network, shape (...). Into `dlogits`, a C-contiguous array shaped like the logits, it
writes the gradient of that mean with respect to the logits. The logits themselves are left as they are.

With weights w (B,) or (..., B) the mean becomes sum_i w_i loss_i / B, and so does its gradient.

Cross-entropy also takes soft labels (B, C) or (..., B, C), which are floats: how much each class counts for an image.
The sum of a row is the weight of the image.

Read the modules in this order; open `functions` first:

    logits     where each image's class lies in a batch, and the largest of its logits
    functions  cross-entropy, squared error, hinge loss, with their gradients
    loss       losses by name, with weights, and those that a person wrote
"""

from barenet.nn.losses.loss import LOSSES, Loss, check_labels, make_loss

__all__ = ["LOSSES", "Loss", "check_labels", "make_loss"]
