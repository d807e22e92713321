"""The check of a person's own back-propagation, and the classic mistakes by name.

Read the modules in this order:

    structure     dicts and lists of arrays
    function      calling someone's function, and what it must return
    differences   the gradient of anything, by central differences
    reference     the same network as ours, with mistakes on demand
    mistakes      which mistake the numbers fit
    wording       its name and its remedy
    report        what is shown
    measure       what the function reports, and what is right
    check         all of it: `check_own_gradients`
    arguments     parameters and a batch for a function that comes without
"""
