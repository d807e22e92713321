"""All settings of a run, and where they come from.

Read the modules in this order; open `tables` first:

    fields     how the value of one setting is read, from a number or from text
    tables     five frozen tables, validated once
    names      the names by which a setting goes, and other libraries' words for it
    recipes/   settings files that come with barenet: quick, course
    comparing  in which settings two configurations differ
    sources    from a recipe, a settings file and flags to the tables
"""
