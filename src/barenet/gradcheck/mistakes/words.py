"""What is wrong and what to do, for each kind of mistake.

The text has {B}, the size of the batch, {C}, the number of outputs, and {output}, the activation of the output layer.
"""

from __future__ import annotations

__all__ = ["OUTPUT_FIXES", "WORDS"]

WORDS = {
    "not_divided_by_batch": (
        "the gradient is {B} times too large, and B = {B}: it is summed over the batch and never divided by B",
        "divide once, where the error starts: dz = (p - y) / B",
    ),
    "divided_by_batch_twice": (
        "the gradient is 1/{B} of the right one, B = {B} images: it is divided by B twice (or the loss is a sum)",
        "divide once, where the error starts: dz = (p - y) / B; then sum, with no mean and no / B, for every W and b",
    ),
    "wrong_sign": ("the gradient has the wrong sign", "return dJ/dW, which descent subtracts; y - p should be p - y"),
    "factor_two_extra": (
        "the gradient is exactly twice the right one",
        "look for the 2 of a derivative of a square whose loss already has the 1/2",
    ),
    "factor_two_missing": (
        "the gradient is exactly half of the right one",
        "look for a square: the derivative of z^2 is 2 z, and only (1/2) z^2 gives z",
    ),
    "softmax_twice": (
        "softmax's derivative is applied twice: (p - y) / B is already the derivative by the logits, and it is "
        "multiplied by p (1 - p), or by softmax's Jacobian, once more",
        "leave dz = (p - y) / B as it is: softmax and cross-entropy together give just that",
    ),
    "sigmoid_twice": (
        "sigmoid's derivative is applied twice: (s - y) is already the derivative by the logits, and it is multiplied "
        "by s (1 - s) once more",
        "leave dz = s - y as it is: sigmoid and cross-entropy together give just that",
    ),
    "l2_missing": (
        "the loss has an L2 term, and its derivative is missing from the gradient",
        "add l2 * W to dW, for a loss with (l2 / 2) * sum(W**2)",
    ),
    "l2_twice": (
        "the L2 term is counted twice in the gradient",
        "for a loss with (l2 / 2) * sum(W**2) add l2 * W once: not 2 * l2 * W, which belongs to l2 * sum(W**2), nor "
        "again in the update",
    ),
    "l2_half": (
        "the L2 term is counted half in the gradient",
        "the derivative of l2 * sum(W**2) is 2 * l2 * W; only (l2 / 2) * sum(W**2) gives l2 * W",
    ),
    "l2_divided_by_batch": (
        "the L2 term is divided by B in the gradient and not in the loss",
        "add l2 * W after dividing by B, or divide it in the loss too",
    ),
    "l2_times_batch": (
        "the L2 term is divided by B in the loss and not in the gradient",
        "add l2 / B * W, or leave the division out of the loss too",
    ),
    "l2_not_in_loss": (
        "the gradient has an L2 term (a multiple of W) that the loss lacks",
        "add (l2 / 2) * sum(W**2) to the loss, or nothing to the gradient",
    ),
    "l2_twice_or_not_in_loss": (
        "the gradient has a multiple of W too much: L2 is counted twice in it, or is not in the loss",
        "for a loss with (l2 / 2) * sum(W**2) add l2 * W to dW, once",
    ),
    "l2_on_biases": (
        "the gradient has an L2 term on the biases, and the loss has it on the weights only",
        "add l2 * W to each dW and nothing to any db",
    ),
    "transposed_gradient": (
        "the gradient is the transpose of the right one",
        "a gradient has the shape of its parameter: for z = x @ W it is x.T @ dz, not dz.T @ x",
    ),
    "accumulated": (
        "the gradient grows from call to call by the same amount: it is added to that of the last call",
        "start from zeros in every call, or assign with = instead of +=",
    ),
    "overflow": (
        "large logits overflow: {change} {said}",
        "subtract each row's largest logit before exp: e = np.exp(z - z.max(axis=1, keepdims=True))",
    ),
    "averaged_over_outputs": (
        "the gradient is {C} times too large, and there are {C} outputs: the loss is a mean over all elements, as "
        "np.mean gives, and the gradient is divided by B only",
        "divide the gradient by B * {C} too, or take the mean over the images only: np.sum(...) / B",
    ),
    "divided_by_outputs": (
        "the gradient is 1/{C} of the right one, and there are {C} outputs: it is divided by all elements, and the "
        "loss is a mean over the images only",
        "divide the gradient by B only, or let the loss be a mean over all elements, np.mean(...)",
    ),
    "softmax_left_out": (
        "softmax's derivative is left out: -y / p is the derivative of the loss by p, not by the logits",
        "dz = (p - y) / B: softmax and cross-entropy together give just that",
    ),
    "softmax_wrong_axis": (
        "softmax sums over the images instead of the classes, so the probabilities of an image do not add up to 1",
        "sum over the classes: for an image in each row e / e.sum(axis=1, keepdims=True), in each column axis=0",
    ),
    "softmax_elementwise": (
        "softmax's derivative is taken as p (1 - p), but each probability depends on every logit",
        "dz = p * (da - (da * p).sum(axis=1, keepdims=True)), with da the derivative of the loss by p",
    ),
    "output_slope_missing": (
        "the derivative of the output's {output} is missing: the derivative of the loss by the output is used as that "
        "by the logits",
        "{output_fix}",
    ),
    "output_slope_at_activation": (
        "the derivative of the output's {output} is taken at a instead of z",
        "{output_fix}; do not put a through {output} again",
    ),
    "output_formula_at_z": (
        "the derivative of the output's {output} has z in the place of a",
        "{output_fix}, with a = {output}(z)",
    ),
    "cross_entropy_gradient": (
        "the gradient is that of a cross-entropy, (p - y) / B, and the loss is a squared error",
        "let both belong together: a cross-entropy as the loss, or for a squared error {output_fix}",
    ),
    "updated_too_early": (
        "weights are updated before the error goes back through them: da is computed with the new W",
        "compute all gradients first, with the weights of the forward pass, and update afterwards",
    ),
    "bias_forgotten": (
        "the gradient of the biases is missing or zero",
        "sum the error over the images: db = dz.sum(axis=0)",
    ),
    "gradient_zero": (
        "the gradient is zero everywhere",
        "look whether dW is computed at all, and whether dz reaches it: dW = a.T @ dz",
    ),
    "bias_over_units": (
        "the gradient of the biases is summed over the units instead of the images",
        "a bias belongs to a unit: for an image in each row db = dz.sum(axis=0), in each column axis=1",
    ),
}

OUTPUT_FIXES = {
    "softmax": "dz = p * (da - (da * p).sum(axis=1, keepdims=True)), with da the derivative of the loss by p",
    "sigmoid": "dz = da * a * (1 - a)",
    "tanh": "dz = da * (1 - a**2)",
    "identity": "dz = da, such as 2 * (z - y) / B",
}
