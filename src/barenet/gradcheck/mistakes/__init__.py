"""The classic mistakes in back-propagation.

Read the modules in this order; open `reference` first:

    losses       the losses that are known, and wrong derivatives of them
    reference    a person's network, with chosen mistakes
    recognition  which network computes a person's loss
    evidence     what is known about every parameter
    factors      gradients that are a multiple of the right one
    l2           wrong gradients of an L2 term
    variations   wrong back-propagation of a known network
    hypotheses   which mistake explains the measured numbers
    place        in which layer the first mistake is
    words        what is wrong, and what to do
    wording      the words for a mistake in one place
"""
