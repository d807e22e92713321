"""A function that someone wrote: `loss, gradients = function(parameters, x, labels)`.

Read the modules in this order; open `function` first:

    structure   parameters in dicts, lists and tuples of arrays, nested if need be
    function    calling the function, and what it must return
    arguments   parameters and a batch: those that the code brings, else made here
"""
