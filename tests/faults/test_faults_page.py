import pytest
from report import BEGIN, END, PAGE, Row, read_table, with_table

ROW = Row("kills", "0", "0", "1,000", "31", "2020-01-02")


def test_new_rows_replace_those_of_the_same_test_and_others_stay():
    page = f"before\n{BEGIN}\n{END}\nafter\n"
    first = with_table(page, [ROW, Row("flips", "0", "2", "5", "1", "2020-01-02")])
    second = with_table(first, [Row("kills", "0", "0", "2,000", "60", "2021-01-02")])
    assert [(row.test, row.n) for row in read_table(second)] == [("flips", "5"), ("kills", "2,000")]
    assert second.startswith("before\n")
    assert second.endswith(f"{END}\nafter\n")


def test_empty_cells_are_read_again():
    row = Row("kills", "0", "0", "", "", "2020-01-02")
    assert read_table(with_table(f"{BEGIN}{END}", [row])) == [row]


def test_a_page_without_the_mark_is_left_alone():
    with pytest.raises(ValueError, match="has no line"):
        with_table("text", [ROW])


def test_the_page_of_the_docs_has_the_marks():
    text = PAGE.read_text("utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
