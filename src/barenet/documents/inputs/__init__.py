"""What a document is about: runs and studies of barenet, and homework of other programs.

Read the modules in this order; open `given` first:

    work        what a document needs to know of one network
    runs        a run or an ensemble
    searches    a study, or gridsearch_results.json of the course project
    histories   a history as a CSV file
    homework    weights, history and search results of another program
    given       what the arguments are, recognised by their content
"""
