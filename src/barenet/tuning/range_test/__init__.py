"""The learning-rate range test: train at rising learning rates, and see where the loss falls.

L. N. Smith (2017), "Cyclical learning rates for training neural networks", section 3.3.

Read the modules in this order; open `curve` first:

    curve    the smoothed loss, and the marks on it
    losses   which learning rates are tried, and the loss at each
    result   the result, in figures and in words
"""
