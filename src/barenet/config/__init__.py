"""All settings of a run, and where they come from.

Read the modules in this order; open `tables` first:

    fields       how the value of one setting is read, from a number or from text
    model_table  the table of the network
    tables       five frozen tables, validated once
    names        the names by which a setting goes, and other libraries' words for it
    recipes/     settings files that come with barenet, one for each recipe
    slips        what a person probably meant by a line that is not TOML
    reading      settings files and recipes as tables
    places       in which table a setting stands, and what to write in place of what is not understood
    kinds        what belongs to a kind of optimizer, schedule or loss, and does not apply to another one
    wording      flags in advice, written as keywords of Python functions
    comparing    which settings differ between two configurations
    inherited    which settings of a recipe change training although nobody named them
    sources      from a recipe, a settings file and flags to the tables
"""
