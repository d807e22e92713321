"""docs/how-it-works.md: its examples run, each link leads to the name in its text, its table names a stack's rules."""

from __future__ import annotations

import ast
import doctest
import re
from fractions import Fraction
from pathlib import Path

from barenet.engine.parts import image_parts, split, weight_pieces
from barenet.engine.stacks import AGREE

PAGE = Path(__file__).parents[2] / "docs" / "how-it-works.md"
TEXT = PAGE.read_text("utf-8")
LINKS = sorted(set(re.findall(r"\[`([^`\]]+)`\]\(([^)]+)\)", TEXT)))


def test_the_examples_print_what_the_page_says():
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, PAGE.name, str(PAGE), 0)
    assert len(test.examples) > 20
    printed: list[str] = []
    result = doctest.DocTestRunner(verbose=False).run(test, out=printed.append)
    assert result.failed == 0, "".join(printed)


def test_the_example_by_hand_is_right_in_fractions():
    p = [Fraction(1, 4), Fraction(2, 4), Fraction(1, 4)]
    right = [p[0] - 1, p[1], p[2]]
    wrong = [d * share * (1 - share) for d, share in zip(right, p, strict=True)]
    assert [str(d) for d in right] == ["-3/4", "1/2", "1/4"]
    assert wrong == [Fraction(-9, 64), Fraction(8, 64), Fraction(3, 64)]
    assert (sum(right), sum(wrong)) == (0, Fraction(2, 64))
    assert "| -9/64 | 8/64 | 3/64 | 2/64 |" in TEXT
    assert "| -3/4 | 1/2 | 1/4 | 0 |" in TEXT


def test_a_link_leads_to_the_name_in_its_text():
    for name, target in LINKS:
        path = PAGE.parent / target
        assert path.is_file(), target
        if name != path.name:
            body = ast.parse(path.read_text("utf-8")).body
            for part in name.split("."):
                found = [node for node in body if part in names_of(node)]
                assert found, f"no {name} in {target}"
                body = getattr(found[0], "body", [])


def names_of(node):
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id]
    return [getattr(node, "name", None)]


def test_the_table_names_everything_that_must_agree_in_a_stack():
    table = TEXT.split("| table | must agree | may differ |")[1].split("\n\n")[0]
    agreeing = "".join(row.split("|")[1] + row.split("|")[2] for row in table.splitlines()[2:])
    for what in AGREE:
        assert f"`{what.split(' (')[0]}`" in agreeing


def test_the_steps_of_both_recipes_are_cut_as_the_page_says():
    assert split(256, image_parts(256, 784 * 256 + 256 * 128 + 128 * 10)) == [slice(0, 128), slice(128, 256)]
    assert "part 1, images 0-127" in TEXT
    assert "part 2, images 128-255" in TEXT
    assert [weight_pieces(256, *shape) for shape in ((784, 256), (256, 128), (128, 10))] == [4, 1, 1]
    assert "pieces 1-4                196 rows of W1 each" in TEXT
    assert image_parts(16, 784 * 128 + 128 * 32 + 32 * 10) == weight_pieces(16, 784, 128) == 1
