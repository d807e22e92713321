"""Texts in the language of the reader: English texts of the program, translated when they are shown.

Files, `--json`, logs and Python's exceptions stay English, so files have the same bytes everywhere. The translations
into Chinese are in `zh/barenet.po`; `.ci/catalogue.py` keeps them. Read the modules in this order; open `translation`
first:

    choice       which language: by BARENET_LANG or the system
    templates    a template such as "epoch {0} of {1}", and the values that a text has in its places
    catalogue    the translations of a language, found by the text or by its words
    translation  `translated`: a text in another language
"""
