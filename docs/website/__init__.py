"""The documentation site: which pages it has, and how Sphinx is told to build them.

`docs/build.py` builds it. The modules, in reading order:

contents      the pages, their order and their addresses, in two languages
links         where a link of a page leads on the site
notebooks     a notebook as a page
sources       a source file, or a folder of them, as a page
staging       write all pages of a language as Markdown, for Sphinx
mathematics   formulas as MathML, which needs no script and no font
words         the words of a page, and of a search, also in Chinese
conf          the settings of Sphinx
"""
