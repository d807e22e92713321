"""Does back-propagation agree with the difference quotient? For networks of barenet, and for code of other people.

Read the modules in this order; open `network` first, and `check` for other people's code:

    network       the check of a network of barenet
    functions/    a function that someone wrote: its parameters, its arguments, calling it
    differences   the gradient of any function of arrays, by central differences
    mistakes/     the classic mistakes: made on demand, recognised, named
    report        what is shown
    measure       what a function reports, and what the difference quotients say
    overflow      does the loss overflow for large logits?
    check         all of it for a function: `check_own_gradients`
    code          the same for a function in a file, which may come without parameters and a batch
"""
