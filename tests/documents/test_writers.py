"""Names with special characters in all four forms of a document."""

from __future__ import annotations

import re

import pytest

from barenet.documents.blocks import Code, Document, Figure, Heading, Note, Paragraph, Table, numbered
from barenet.documents.words import Name, Words
from barenet.documents.writers import writing
from barenet.documents.writers.html import as_html
from barenet.documents.writers.latex import as_latex
from barenet.documents.writers.markdown import as_markdown
from barenet.documents.writers.texts import is_ours, marked, name_figures
from barenet.documents.writers.writing import check_target, write_document
from barenet.errors import MachineError
from barenet.storage.files import replace_file

HOSTILE = Name(r"<b>50%_$x$ & {\a} #1 ~^ |*[link](a)` 鞋")
ENGLISH = Words("en")


def document(name: str = HOSTILE) -> Document:
    blocks = [
        Heading("Data"),
        Paragraph((f"The class {name} is here.", "Type `ls -l`.")),
        Heading("Part", level=2),
        Note((name,)),
        Code((f"barenet test {name}",)),
        Table((f"Of {name}.",), ("Class", "Number"), [(name, "1"), ("Total", "1")], total=True),
        Figure("Größe von a/b", b"\x89PNG", ("One figure.",), 0.5),
        Figure("größe von a b", b"\x89PNG", ("Another one.",)),
    ]
    return Document(name, "en", blocks, author=name)


def test_html_shows_special_characters_and_runs_nothing():
    page = as_html(document(), ENGLISH)
    assert "<b>50" not in page
    assert page.count("&lt;b&gt;50%_$x$ &amp;") >= 6
    assert "<code>ls -l</code>" in page
    assert page.count("<figure") == 3
    assert '<th class="n">Number</th>' in page


def test_markdown_shows_special_characters():
    text = as_markdown(document(), ENGLISH)
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert "<b>" not in prose
    assert not re.search(r"(?<!\\)[$*](?![*])(?<!\*\*)x", prose)
    assert "## 1. Data" in text
    assert "### 1.1 Part" in text
    assert "![Figure 1](figures/gr-e-von-a-b.png)" in text
    assert "![Figure 2](figures/gr-e-von-a-b-2.png)" in text
    [row] = [line for line in text.splitlines() if line.startswith("| &lt;b>")]
    assert len(re.findall(r"(?<!\\)\|", row)) == 3


def test_latex_shows_special_characters_and_takes_ctexart_for_chinese_letters():
    text = as_latex(document(), ENGLISH)
    body = text.partition("\\begin{document}")[2]
    assert r"\textless{}b\textgreater{}50\%\_\$x\$ \& \{\textbackslash{}a\} \#1 \textasciitilde{}" in body
    assert re.search(r"(?<!\\)[#%$](?!\\times)", body.replace("$-$", "")) is None
    assert "scheme=plain" in text
    assert "{article}" in as_latex(document(Name("shoe")), ENGLISH)
    assert text.count(r"\begin{figure}") == text.count(r"\caption{") - 1 == 2
    assert r"\begin{tabular}{lr}" in text
    assert text.index(r"\midrule", text.index("Number")) < text.index("Total")


def test_a_class_in_brackets_or_of_a_star_is_no_argument_of_latex():
    # After a rule or the end of a row, LaTeX takes [0] as a length, and a star as a kind of line break.
    table = Table(("Classes.",), ("Class", "Number"), [(Name("[0]"), "1"), (Name("*"), "2")])
    body = as_latex(Document("Title", "en", [table]), ENGLISH).partition(r"\midrule")[2]
    assert [line for line in body.splitlines() if "&" in line] == [r"{[}0] & 1 \\", r"{*} & 2 \\"]


def test_blocks_are_numbered():
    assert [number for _, number in numbered(document().blocks)] == ["1", "", "1.1", "", "", "1", "1", "2"]


def test_figures_have_plain_names_each_once():
    assert list(name_figures(document().blocks).values()) == ["gr-e-von-a-b.png", "gr-e-von-a-b-2.png"]


@pytest.mark.parametrize("comment", [(b"<!-- ", b" -->"), (b"% ", b"")])
def test_a_mark_tells_whose_file_it_is_and_whether_it_was_changed(comment, tmp_path):
    path = tmp_path / "a"
    path.write_bytes(marked("text 鞋\n".encode(), comment))
    assert is_ours(path) == (True, True)
    path.write_bytes(path.read_bytes().replace(b"text", b"test"))
    assert is_ours(path) == (True, False)
    path.write_bytes(marked(b"text\n", comment) + b"more\n")
    assert is_ours(path) == (True, False)
    path.write_bytes(b"text\n")
    assert is_ours(path) == (False, False)


def test_a_folder_whose_writing_was_interrupted_is_written_again(tmp_path, monkeypatch):
    def full_disk(path, content):
        if path.suffix == ".png":
            raise MachineError("no space left on device")
        replace_file(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(writing, "replace_file", full_disk)
        with pytest.raises(MachineError):
            write_document(document(), "md", check_target(tmp_path / "out", tmp_path, "md"))
    files = write_document(document(), "md", check_target(tmp_path / "out", tmp_path, "md"))
    assert all(path.exists() for path in files)


def test_chinese_sentences_are_joined_without_spaces(monkeypatch):
    chinese = {"One.": "一。", "Two.": "二。"}
    monkeypatch.setattr("barenet.documents.words.heading", lambda text, language: chinese.get(text, text))
    assert Words("zh").together(("One.", "Two.", "Three.", "Two.")) == "一。二。Three. 二。"
    assert Words("en").together(("One.", "Two.")) == "One. Two."
