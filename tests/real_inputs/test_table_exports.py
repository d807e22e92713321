"""Exported files of a model of a table take rows as they are in files, and make the features themselves."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from told import listen

import barenet
from barenet.data.loading import load_dataset
from barenet.deploy.export import export_model
from barenet.deploy.export_numpy import build_source
from barenet.deploy.exported import describe_networks
from barenet.deploy.predictor import Predictor
from barenet.deploy.tables.numbers import features_of, numbers_of, table_text
from barenet.training.inputs.table_inputs import read_columns

SMALL = {"hidden": 8, "epochs": 3, "lr": 0.05, "batch_size": 8, "output": None, "verbose": False}
HEADER = ("Id", "age", "colour", "species", "height", "town")  # species is the label
COLOURS, TOWNS = ("blue, dark", "green", "red"), ("", "Bonn", "Köln")


def cells(n=64):
    """Return rows of text as a CSV file holds them: a counter, two numbers and two texts, and a label in the middle."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(n):
        age = "" if i % 9 == 4 else f"{rng.normal(30 + 9 * (i % 2), 4):.2f}"
        colour, town = COLOURS[(i + i // 7) % 3], TOWNS[rng.integers(3)]
        rows.append([str(i + 1), age, colour, "ab"[i % 2], f"{rng.normal():.3f}", town])
    return rows


def write(path, rows, header=HEADER, delimiter=","):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows] if header else rows)
    return path


def train(path, **values):
    return barenet.train(data=path, n_valid=12, **SMALL | values).model


def module_of(models, name="exported"):
    """Return the exported Python file as a module, without a file."""
    module = ModuleType(name)
    exec(build_source(describe_networks(models, {}), name), vars(module))
    return module


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write(tmp_path_factory.mktemp("table") / "table.csv", cells())


@pytest.fixture(scope="module")
def model(table):
    return train(table)


@pytest.fixture(scope="module")
def lenient(table):
    """Return the model with a text unknown in training as none of the known ones."""
    return train(table, settings={"data": {"unknown": "zeros"}})


def as_people_have_them(rows):
    """Return rows of text as dictionaries with numbers in them; what is missing is None."""
    numbers = ("Id", "age", "height")
    return [
        {
            name: ((float(cell) if cell else None) if name in numbers else cell)
            for name, cell in zip(HEADER, row, strict=True)
        }
        for row in rows
    ]


def by_hand(model, row):
    """Return the probabilities of one row of age, colour, height and town, computed from what the model stores."""
    known = {name: np.array(model.info.preprocessing[name]) for name in ("fill", "mean", "deviation")}
    age, colour, height, town = row
    features = np.array(
        [
            known["fill"][0] if age is None else age,
            float(age is None),
            *(float(colour == value) for value in COLOURS),
            height,
            *(float(town == value) for value in TOWNS),
        ]
    )
    logits = model.mlp.copy(np.float64).forward(((features - known["mean"]) / known["deviation"])[None])[0]
    return np.exp(logits) / np.exp(logits).sum()


# ------------------------------------------------------------------------------------------- the Python file, by name


def test_a_python_file_takes_rows_by_the_names_of_their_columns_and_gives_the_model_s_bits(model):
    module, rows = module_of([model]), as_people_have_them(cells(30))
    expected = Predictor([model]).predict_proba(rows)
    shuffled = [{name: row[name] for name in ("town", "height", "colour", "age")} for row in rows]
    columns = {name: [row[name] for row in rows] for name in (*HEADER[::-1], "note")[:-1]} | {"note": ["x"] * 30}
    for given in (rows, shuffled, columns, tuple(rows)):
        np.testing.assert_array_equal(module.predict_proba(given), expected)
    assert module.predict(rows).tolist() == expected.argmax(axis=1).tolist()
    np.testing.assert_allclose(module.predict_proba(rows[3]), expected[3], atol=1e-6)  # one row
    assert module.predict_proba(rows[3]).shape == (2,)


def test_what_a_python_file_makes_of_a_row_is_what_one_computes_by_hand(model):
    module = module_of([model])
    for row in ((31.5, "red", -0.25, "Köln"), (None, "blue, dark", 1.5, "")):
        given = dict(zip(("age", "colour", "height", "town"), row, strict=True))
        np.testing.assert_allclose(module.predict_proba(given), by_hand(model, row), atol=1e-6)


def test_a_python_file_takes_rows_by_the_places_of_their_columns(model):
    module, rows = module_of([model]), as_people_have_them(cells(20))
    expected = Predictor([model]).predict_proba(rows)
    table = [list(row.values()) for row in rows]
    array = np.array(table, object)
    in_bytes = [[cell.encode() for cell in row] for row in cells(20)]
    for given in (array, table, np.delete(array, 3, axis=1), array[:, [1, 2, 4, 5]], cells(20), in_bytes):
        np.testing.assert_array_equal(module.predict_proba(given), expected)
    masked = np.ma.array(array, mask=np.equal(array, None))
    np.testing.assert_array_equal(module.predict_proba(masked), expected)
    with pytest.raises(ValueError, match=r"the rows have 3 columns, the model takes 4: \['age', 'colour', 'height', "):
        module.predict(array[:, :3])


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan"), "", " NA ", "?"])
def test_all_usual_words_for_a_missing_number_are_known(missing, model):
    found = module_of([model]).predict_proba([{"age": missing, "colour": "red", "height": "0.5", "town": None}])
    np.testing.assert_allclose(found[0], by_hand(model, (None, "red", 0.5, "")), atol=1e-6)


def test_missing_and_unknown_columns_are_named(model):
    row = {"years": 30.0, "colour": "red", "height": 1.0, "species": "a"}
    with pytest.raises(ValueError, match=r"the rows lack the columns \['age', 'town'\], and have \['years'\], which"):
        module_of([model]).predict([row])


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ({"colour": "pink"}, "row 2: 'colour' is 'pink', which training never saw, only 'blue, dark', 'green', 'red'"),
        ({"age": "old"}, "row 2: 'age' is 'old', expected a number"),
        ({"age": "1_0"}, "row 2: 'age' is '1_0', expected a number"),
        ({"height": 1e39}, r"row 2: 'height' is 1e\+39, too large: clean it first"),
    ],
)
def test_a_wrong_value_is_an_error_that_names_its_row_and_column(wrong, fault, model):
    row = {"age": 30.0, "colour": "red", "height": 1.0, "town": "Bonn"}
    with pytest.raises(ValueError, match=fault):
        module_of([model]).predict([row, row | wrong])


def test_an_unknown_text_is_none_of_the_known_ones_where_the_model_says_so(lenient):
    row = {"age": 30.0, "colour": "pink", "height": 1.0, "town": "Bonn"}
    found = module_of([lenient]).predict_proba(row)
    np.testing.assert_allclose(found, by_hand(lenient, (30.0, "pink", 1.0, "Bonn")), atol=1e-6)
    np.testing.assert_allclose(found, Predictor([lenient]).predict_proba(row), atol=1e-6)


@pytest.mark.extra
def test_a_python_file_takes_data_frames(model):
    pandas = pytest.importorskip("pandas")
    rows = as_people_have_them(cells(20))
    module, frame = module_of([model]), pandas.DataFrame(rows)
    expected = Predictor([model]).predict_proba(rows)
    narrow = frame.drop(columns=["Id", "species"]).astype({"colour": "category", "town": "string", "age": "Float64"})
    for given in (frame, frame[list(HEADER[::-1])], narrow, frame.to_records(index=False)):
        np.testing.assert_array_equal(module.predict_proba(given), expected)


# --------------------------------------------------------------------------------------------- the file as a program


def run_main(module, monkeypatch, capsys, *arguments):
    """Return what the file prints as a program, line by line, run in this process."""
    monkeypatch.setattr(sys, "argv", ["exported.py", *map(str, arguments)])
    module.main()
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize(
    ("header", "order", "delimiter"),
    [
        (HEADER, (0, 1, 2, 3, 4, 5), ","),
        (("town", "height", "age", "colour", "extra"), (5, 4, 1, 2, 0), ";"),
        (None, (0, 1, 2, 3, 4, 5), "\t"),
        (None, (1, 2, 4, 5), "|"),
    ],
)
def test_a_program_reads_a_table(header, order, delimiter, model, tmp_path, monkeypatch, capsys):
    rows = [[row[i] for i in order] for row in cells(20)]
    found = run_main(module_of([model]), monkeypatch, capsys, write(tmp_path / "t.csv", rows, header, delimiter))
    expected = Predictor([model]).predict_proba(as_people_have_them(cells(20)))
    assert [line[:2] for line in found] == [[str(i), "ab"[row.argmax()]] for i, row in enumerate(expected)]
    assert [float(line[2]) for line in found] == pytest.approx(expected.max(axis=1), abs=1e-4)


def test_a_program_reads_decimal_commas_and_refuses_what_is_no_text(model, tmp_path, monkeypatch, capsys):
    module, rows = module_of([model]), cells(9)
    with_commas = [[row[0], row[1].replace(".", ","), *row[2:4], row[4].replace(".", ","), row[5]] for row in rows]
    points = run_main(module, monkeypatch, capsys, write(tmp_path / "points.csv", rows))
    for delimiter in ";\t":
        path = write(tmp_path / "commas.csv", with_commas, delimiter=delimiter)
        assert run_main(module, monkeypatch, capsys, path) == points
    mixed = write(tmp_path / "mixed.csv", [rows[0], *with_commas[1:]], delimiter=";")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n")
    for path, fault in ((mixed, "row 2: 'age' is"), (tmp_path / "picture.png", "is not text in UTF-8")):
        with pytest.raises(SystemExit):
            run_main(module, monkeypatch, capsys, path)
        assert fault in capsys.readouterr().err


def test_a_program_reads_arrays_by_their_places_and_says_in_a_line_what_is_wrong(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(1)
    rows = [[f"{1_700_000_000 + 7 * i}", f"{rng.normal():.3f}", "xy"[i % 2]] for i in rng.permutation(40)]
    model = train(write(tmp_path / "times.csv", rows, ("time", "value", "class")))
    module, numbers = module_of([model]), np.array(rows)[:, :2].astype(float)
    np.save(tmp_path / "rows.npy", numbers)
    expected = Predictor([model]).predict_proba(numbers)
    assert len(np.unique(expected[:, 0])) > 30  # times that are equal in float32 give different results
    np.testing.assert_array_equal(module.predict_proba(numbers), expected)
    found = run_main(module, monkeypatch, capsys, tmp_path / "rows.npy")
    assert [line[1] for line in found] == ["xy"[row.argmax()] for row in expected]
    ragged = tmp_path / "ragged.csv"
    ragged.write_text("time,value\n1,2\n3\n", "utf-8")
    for path, fault in ((ragged, "row 3: 1 values where the first row has 2"), (tmp_path / "no.csv", "No such file")):
        with pytest.raises(SystemExit):
            run_main(module, monkeypatch, capsys, path)
        assert fault in capsys.readouterr().err


@pytest.mark.slow
def test_an_export_of_a_table_runs_alone_and_agrees_on_test_rows_and_on_random_ones(lenient, table, tmp_path):
    unknown = [[*row[:2], "pink", *row[3:]] if i % 5 == 0 else row for i, row in enumerate(cells(20))]
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "train.csv", cells())
    write(folder / "test.csv", unknown)
    dataset = load_dataset(folder, columns=read_columns(lenient.info.preprocessing), unknown="zeros")
    done = export_model([lenient], "numpy", tmp_path / "m.py", dataset=dataset)
    assert (done.images, done.agreements[0].n_same) == ("20 test rows of data", 20)
    assert export_model([lenient], "numpy", tmp_path / "n.py").images == "1,000 random rows"
    alone = [sys.executable, "-I", "m.py", str(table)]
    found = subprocess.run(alone, cwd=tmp_path, check=True, capture_output=True, encoding="utf-8")
    expected = Predictor([lenient]).predict(as_people_have_them(cells()))
    assert [line.split("\t")[1] for line in found.stdout.splitlines()] == ["ab"[k] for k in expected]


# ------------------------------------------------------------------------------------------- other tables


def test_a_table_without_names_is_taken_by_its_places(tmp_path):
    rows = [row[1:] for row in cells()]  # age, colour, label, height, town
    model = train(write(tmp_path / "bare.csv", rows, None), label=3)
    module, given = module_of([model]), as_people_have_them(cells(9))
    own = [[row["age"], row["colour"], row["height"], row["town"]] for row in given]
    expected = Predictor([model]).predict_proba(np.array(own, object))
    np.testing.assert_array_equal(module.predict_proba(own), expected)
    np.testing.assert_array_equal(module.predict_proba([row[1:] for row in cells(9)]), expected)
    named = [dict(zip("pqrs", row, strict=True)) for row in own]
    np.testing.assert_array_equal(module.predict_proba(named), expected)
    for header in (None, ("age", "colour", "class", "height", "town")):
        read = module.read_csv(
            write(tmp_path / "t.csv", [row[1:] for row in cells(9)], header), module.COLUMNS, module.TABLE
        )
        np.testing.assert_array_equal(module.predict_proba(read), expected)


def test_images_that_lie_in_a_table_are_taken_from_it(tmp_path):
    rng = np.random.default_rng(2)
    pixels, header = rng.integers(0, 256, (40, 64)), ["label", *(f"pixel{i + 1}" for i in range(64))]
    path = write(tmp_path / "train.csv", [[i % 2, *row] for i, row in enumerate(pixels)], header)
    model = train(path)
    assert model.info.image_shape == [8, 8]
    module, images = module_of([model]), pixels.reshape(40, 8, 8).astype(np.uint8)
    expected = Predictor([model]).predict_proba(images)
    np.testing.assert_array_equal(module.predict_proba(images), expected)
    read = module.read_csv(path, module.COLUMNS, module.TABLE)
    np.testing.assert_array_equal(module.predict_proba(read), expected)
    row = dict(zip(header[::-1], [*pixels[0][::-1], 0], strict=True))
    np.testing.assert_allclose(module.predict_proba(row), expected[0], atol=1e-6)


def test_rows_survive_as_numbers_and_as_text(lenient):
    columns = read_columns(lenient.info.preprocessing)
    numbers = np.array([[31.25, 2, -0.1, 0], [np.nan, -1, 1e-30, 2]])
    features = features_of(columns, numbers)
    assert features[0].tolist() == [31.25, 0, 0, 0, 1, -0.1, 1, 0, 0]
    np.testing.assert_array_equal(features[1], [np.nan, 1, 0, 0, 0, 1e-30, 0, 0, 1])
    np.testing.assert_array_equal(numbers_of(columns, features), numbers)
    module = module_of([lenient])
    lines = list(csv.reader(table_text(columns, numbers).splitlines()))
    read = dict(zip(lines[0], zip(*lines[1:], strict=True), strict=True))
    np.testing.assert_array_equal(module.encode_rows(read, module.COLUMNS, module.TABLE)[0], features)


# -------------------------------------------------------------------------------------------------- ONNX

ROWS = np.array([[31.5, 2, -0.25, 2], [np.nan, 0, 1.5, 0], [40, -1, 0, 1], [40, np.nan, 0, 7]], np.float32)
SAME = [
    (31.5, "red", -0.25, "Köln"),
    (None, "blue, dark", 1.5, ""),
    (40, "other", 0, "Bonn"),
    (40, "other", 0, "other"),
]


def graph_of(model, **options):
    pytest.importorskip("onnx")
    from barenet.deploy.export_onnx import build_onnx

    return build_onnx(describe_networks([model], {}, **options))


def facts_of(graph):
    return {entry.key: entry.value for entry in graph.metadata_props}


@pytest.mark.extra
def test_an_onnx_file_takes_the_numbers_of_texts_and_nan(model):
    pytest.importorskip("onnxruntime")
    from barenet.deploy.export_onnx import run_onnxruntime, run_reference

    graph = graph_of(model)
    expected = [by_hand(model, row) for row in SAME]
    for run in (run_onnxruntime, run_reference):
        found, classes = run(graph.SerializeToString(), ROWS)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert classes.tolist() == np.argmax(expected, axis=1).tolist()
    assert json.loads(facts_of(graph)["columns"]) == [
        {"name": "age"},
        {"name": "colour", "values": list(COLOURS)},
        {"name": "height"},
        {"name": "town", "values": list(TOWNS)},
    ]
    assert "images (batch, 4), float32, rows of a table" in graph.doc_string
    assert "any other number (-1 for example) means another text" in graph.doc_string


@pytest.mark.extra
def test_opencv_runs_the_graph_of_a_table(model):
    cv2 = pytest.importorskip("cv2")
    graph = graph_of(model)
    assert "IsNaN" not in {node.op_type for node in graph.graph.node}  # which OpenCV 4 lacks
    net = cv2.dnn.readNetFromONNX(np.frombuffer(graph.SerializeToString(), np.uint8))
    net.setInput(ROWS)
    np.testing.assert_allclose(net.forward("probabilities"), [by_hand(model, row) for row in SAME], atol=1e-6)


@pytest.mark.extra
def test_a_table_of_numbers_alone_has_a_plain_graph_that_knows_their_names(tmp_path):
    pytest.importorskip("onnxruntime")
    from barenet.deploy.export_onnx import run_onnxruntime

    rng = np.random.default_rng(3)
    rows = [[f"{rng.normal():.3f}", f"{rng.normal(5):.3f}", "xy"[i % 2]] for i in range(40)]
    model = train(write(tmp_path / "plain.csv", rows, ("p", "q", "class")))
    graph = graph_of(model)
    before = [node.op_type for node in graph.graph.node][:6]
    assert before == ["Cast", "Equal", "Where", "Sub", "Div", "Cast"]
    assert json.loads(facts_of(graph)["columns"]) == [{"name": "p"}, {"name": "q"}]
    given = np.array([[0.5, 5], [np.nan, 4]], np.float32)  # missing, which it never was in training: the median
    filled = np.where(np.isnan(given), np.float32(model.info.preprocessing["fill"]), given)
    found, _ = run_onnxruntime(graph.SerializeToString(), given)
    np.testing.assert_allclose(found, Predictor([model]).predict_proba(filled), atol=1e-6)


@pytest.mark.extra
def test_without_preprocessing_a_file_takes_the_features_of_a_table_standardised(model):
    pytest.importorskip("onnxruntime")
    from barenet.deploy.export_onnx import run_onnxruntime

    known = {name: np.array(model.info.preprocessing[name]) for name in ("mean", "deviation")}
    features = np.array([[31.5, 0, 0, 0, 1, -0.25, 0, 0, 1]])
    floats = ((features - known["mean"]) / known["deviation"]).astype(np.float32)
    graph = graph_of(model, preprocessing=False)
    found, _ = run_onnxruntime(graph.SerializeToString(), floats)
    np.testing.assert_allclose(found[0], by_hand(model, SAME[0]), atol=1e-6)
    assert "columns" not in facts_of(graph)


@pytest.mark.extra
def test_an_onnx_export_of_a_table_agrees_on_random_rows(lenient, tmp_path):
    pytest.importorskip("onnxruntime")
    notes = listen()
    done = export_model([lenient], "onnx", tmp_path / "m.onnx")
    assert done.images == "1,000 random rows"
    assert done.as_dict()["input"] == {"shape": [None, 4], "dtype": "float32"}
    assert [agreement.runtime for agreement in done.agreements] == ["onnxruntime", "onnx.reference"]
    assert notes == ["no test rows: the export is compared with the model on 1,000 random rows"]


# --------------------------------------------------------------------------------------------- the page


@pytest.mark.extra
def test_the_example_of_the_page_runs(tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    page = (Path(__file__).parents[2] / "docs" / "export.md").read_text("utf-8")
    section = page.split("## Tables\n")[1].split("\n## ")[0]
    in_python, by_onnx = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    rows = [["" if i % 9 == 5 else 20 + i % 50, ("Bonn", "Köln")[i % 2], ("no", "yes")[i > 30]] for i in range(60)]
    model = train(write(tmp_path / "people.csv", rows, ("age", "town", "label")), epochs=40)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "people.py").write_text(build_source(describe_networks([model], {}), "people"), "utf-8")
    (tmp_path / "people.onnx").write_bytes(graph_of(model).SerializeToString())
    names: dict[str, object] = {}
    exec(in_python + "found = people.predict_proba(rows)\n", names)
    exec(by_onnx, names)
    np.testing.assert_allclose(names["probabilities"], names["found"], atol=1e-6)
    assert names["people"].CLASS_NAMES == ["no", "yes"]
