"""One module a command: a function of the command's name, which `barenet.cli.application` loads when it is called.

Read the modules in this order; open `train` first:

    train        train a network, or go on with a run
    test         test a trained network
    inspect      pictures of what a network learned
    report       one page about a run, or one that compares several
    playground   a page on which a person draws
    predict      classify pictures
    export       ONNX, or one Python file
    tuning/      search for good settings, find a learning rate
    gradcheck    compare back-propagation with difference quotients
    course       the assignment kit: new, check, grade
    ensemble     several networks as one model
    verify       check a run's files, and train its last steps once more
    doctor       what decides speed on this machine
"""
