"""One function a step: it calls the student's code with small inputs and compares the results with known ones.

The numbers come from hand calculations, from the formulas in `formulas`, and from difference quotients. The result of a
usual mistake is compared too, so that the mistake can be named. Read the modules in this order; open `network` first:

    numbers      check the type, the shape and the values of a result
    formulas     a network's probabilities, loss and accuracy
    datasets     small data sets in files, and the networks for them
    network      steps 1 and 2: probabilities and loss
    gradients    step 3, by barenet's gradient check
    epochs       step 4: an epoch
    optimizer    steps 4, 5 and 6: a step, decay, L2
    testing      step 8: the test; of step 7 evaluate and the weights in a file
    training     step 7: a training, and whether its best weights are saved
    saving       step 7: all of it, with the settings and the seed
    search       step 9: the search
    pictures     step 10: pictures of weights
"""
