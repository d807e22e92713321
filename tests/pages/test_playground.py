"""The playground's page: its contents, and that its JavaScript computes the same network as Python.

The scripts of the network and of the drawn image do not use the page, so Node.js runs them if it is installed.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import zlib
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from families import slow_except
from told import listen

import barenet
from barenet.data.batches import to_float
from barenet.data.datasets import from_arrays
from barenet.errors import CheckpointError, DataError
from barenet.nn.activations import ACTIVATIONS, Activation
from barenet.nn.architecture import Architecture, LayerSpec
from barenet.nn.losses import LOSSES
from barenet.nn.mlp import MLP
from barenet.pages.playground.images import EXAMPLES, choose_examples, most_examples
from barenet.pages.playground.network import pack
from barenet.pages.playground.page import LIMIT, build_page, write_playground
from barenet.run_folders.checkpoint import ModelInfo, SavedModel
from barenet.training.evaluation import compute_outputs

NODE = shutil.which("node") or shutil.which("nodejs")
needs_node = pytest.mark.skipif(
    NODE is None, reason="no node here to run the page's JavaScript (apt-get install nodejs)"
)
TEMPLATES = resources.files("barenet.pages.playground") / "templates"


def run_js(program: str, given: object, *scripts: str) -> object:
    """Run a program after some of the page's scripts; it can use `given` and returns an object."""
    assert NODE is not None
    source = "\n".join((TEMPLATES / f"playground.{name}.js").read_text("utf-8") for name in scripts)
    whole = f"""
        "use strict";
        const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
        (async () => {{ {source}
        {program} }})().then((result) => console.log(JSON.stringify(result)));
    """
    done = subprocess.run(
        [NODE, "-e", whole], input=json.dumps(given), capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def parts_of(page: str) -> dict[str, object]:
    """Return a page's description of its run, and its packed arrays."""
    found = dict(re.findall(r'<script type="[^"]+" id="([^"]+)">(.*?)</script>', page, re.DOTALL))
    return {
        "run": json.loads(found["run"]),
        "weights": found["packed-weights"],
        "examples": found["packed-examples"],
    }


def js_scores(page: str, images: np.ndarray, off: object = ()) -> np.ndarray:
    """Return the scores of the network in the page for images (n, D) of floats."""
    given = {**parts_of(page), "images": images.tolist(), "off": off}
    program = """
        const values = await unpack(given.weights, Float32Array);
        const network = new Network(given.run.layers, values, given.run.givesProbabilities);
        return given.images.map((x) => Array.from(network.scores(x, given.off)));
    """
    return np.array(run_js(program, given, "network"))


def make_model(
    rows: list[tuple[int, int, str]],
    *,
    shape: tuple[int, ...] = (8, 8),
    loss: str = "cross_entropy",
    dtype: str = "uint8",
    seed: int = 0,
    normalization: str = "none",
    residual: bool = False,
) -> SavedModel:
    """Return a network with random weights and biases, like one from a file."""
    widths, names = [rows[0][0], *(n_out for _, n_out, _ in rows)], [name for *_, name in rows]
    specs = Architecture.from_sizes(widths, names, normalization=normalization, residual=residual).rows
    mlp = MLP.from_architecture(specs, seed=seed, loss=loss)
    for name, view in mlp.parameters.views.items():
        if name.startswith("b"):
            view[...] = np.random.default_rng(seed).normal(0, 0.3, view.shape)
    info = ModelInfo(
        architecture=[spec.as_dict() for spec in specs],
        loss=loss,
        label_smoothing=0.0,
        image_shape=list(shape),
        scale=1 / 255 if dtype == "uint8" else 1.0,
        input_dtype=dtype,
        class_names=[str(c) for c in range(rows[-1][1])],
        epoch=3,
        step=0,
        seed=seed,
        data_name="small",
        data_fingerprint="",
    )
    return SavedModel(mlp, info, LOSSES[loss], Path("runs") / "small" / "best.safetensors")


def python_scores(model: SavedModel, images: np.ndarray) -> np.ndarray:
    return compute_outputs(model.mlp, images, model.info.scale)


def assert_equal(found: np.ndarray, expected: np.ndarray) -> None:
    assert np.max(np.abs(found - expected)) <= 1e-4 * np.max(np.abs(expected))


@pytest.fixture(scope="module")
def model():
    return make_model([(64, 12, "gelu"), (12, 6, "relu"), (6, 4, "softmax")])


@needs_node
@pytest.mark.parametrize("normalization", ["layer", "batch"])
def test_logits_of_a_normalised_network_are_pythons(normalization, arrays):
    model = make_model([(64, 12, "gelu"), (12, 6, "relu"), (6, 4, "softmax")], normalization=normalization)
    images = arrays["x_test"][:100].reshape(100, 64)
    found = js_scores(build_page(model, name="small"), to_float(images, 1 / 255))
    assert_equal(found, python_scores(model, images))


@needs_node
@pytest.mark.parametrize("width", [64, 12])  # with the first width, each hidden layer has a residual connection
def test_logits_of_a_network_with_residual_connections_are_pythons(width, arrays):
    rows = [(64, width, "gelu"), (width, width, "tanh"), (width, 4, "softmax")]
    model = make_model(rows, normalization="layer", residual=True)
    images = arrays["x_test"][:100].reshape(100, 64)
    found = js_scores(build_page(model, name="small"), to_float(images, 1 / 255))
    assert_equal(found, python_scores(model, images))


@needs_node
@pytest.mark.parametrize("name", slow_except(ACTIVATIONS, "relu", "gelu"))
def test_logits_are_pythons_for_every_activation(name, arrays):
    model = make_model([(64, 20, name), (20, 10, name), (10, 4, "softmax")])
    images = arrays["x_test"][:100].reshape(100, 64)
    expected = python_scores(model, images)
    assert np.std(expected) > 1e-3  # the logits differ
    assert_equal(js_scores(build_page(model, name="small"), to_float(images, 1 / 255)), expected)


@needs_node
@pytest.mark.parametrize("name", slow_except(ACTIVATIONS, "gelu"))
def test_activations_survive_sums_that_would_overflow(name):
    model = make_model([(64, 8, name), (8, 4, "softmax")])
    model.mlp.parameters.views["W1"][...] *= 1e4
    images = np.random.default_rng(1).random((100, 64)).astype(np.float32)
    found = js_scores(build_page(model, name="small"), images)
    assert np.isfinite(found).all()
    assert_equal(found, compute_outputs(model.mlp, images, 1.0))


@needs_node
@pytest.mark.parametrize(
    ("loss", "last"), slow_except([("mse", "softmax"), ("mse", "identity"), ("hinge", "tanh")], ("mse", "softmax"))
)
def test_a_last_layer_that_is_not_fused_gives_the_same_as_in_python(loss, last, arrays):
    model = make_model([(64, 10, "tanh"), (10, 4, last)], loss=loss)
    images = arrays["x_test"][:100].reshape(100, 64)
    page = build_page(model, name="small")
    assert parts_of(page)["run"]["givesProbabilities"] == (last == "softmax")
    assert_equal(js_scores(page, to_float(images, 1 / 255)), python_scores(model, images))


@needs_node
def test_a_network_without_hidden_layers_and_one_with_five_are_pythons(arrays):
    images = arrays["x_test"][:100].reshape(100, 64)
    for widths in ([64, 4], [64, 9, 8, 7, 6, 5, 4]):
        names = ["elu"] * (len(widths) - 2) + ["softmax"]
        model = make_model(list(zip(widths[:-1], widths[1:], names, strict=True)))
        found = js_scores(build_page(model, name="small"), to_float(images, 1 / 255))
        assert_equal(found, python_scores(model, images))


@needs_node
def test_a_neuron_switched_off_is_pythons_network_with_that_neuron_zeroed(model, arrays):
    images = arrays["x_test"][:100].reshape(100, 64)
    whole = python_scores(model, images)
    for layer, neuron in ((1, 3), (2, 5)):
        other = make_model([(64, 12, "gelu"), (12, 6, "relu"), (6, 4, "softmax")])
        other.mlp.parameters.views[f"W{layer + 1}"][neuron] = 0  # its output has no effect
        off = [
            [int(layer == 1 and j == neuron) for j in range(12)],
            [int(layer == 2 and j == neuron) for j in range(6)],
        ]
        found = js_scores(build_page(model, name="small"), to_float(images, 1 / 255), off)
        expected = python_scores(other, images)
        assert np.max(np.abs(expected - whole)) > 1e-2
        assert_equal(found, expected)


@needs_node
def test_a_push_is_the_score_minus_the_score_without_the_neuron(model, arrays):
    image = to_float(arrays["x_test"][:1].reshape(1, 64), 1 / 255)
    program = """
        const values = await unpack(given.weights, Float32Array);
        const network = new Network(given.run.layers, values, false);
        const { outputs } = network.forward(given.image);
        return [network.pushes(0, 3, outputs), network.pushes(1, 5, outputs)].map((row) => Array.from(row));
    """
    given = {**parts_of(build_page(model, name="small")), "image": image[0].tolist()}
    first, last = np.array(run_js(program, given, "network"))
    views = model.mlp.parameters.views
    silenced = make_model([(64, 12, "gelu"), (12, 6, "relu"), (6, 4, "softmax")])
    silenced.mlp.parameters.views["W2"][3] = 0
    np.testing.assert_allclose(first, (model.mlp.forward(image) - silenced.mlp.forward(image))[0], atol=1e-5)
    # In the last hidden layer the push is the activation times the weight.
    hidden = image @ views["W1"] + views["b1"]
    out = np.empty_like(hidden)
    ACTIVATIONS["gelu"].forward(hidden, out=out)
    activation = np.maximum(out @ views["W2"] + views["b2"], 0)[0, 5]
    np.testing.assert_allclose(last, activation * views["W3"][5], atol=1e-5)


@pytest.mark.slow
@needs_node
def test_a_network_just_too_large_is_rounded_and_still_gives_pythons_logits():
    model = make_model([(784, 440, "relu"), (440, 10, "softmax")], shape=(28, 28))
    notes = listen()
    page = build_page(model, name="large")
    assert len(page.encode()) < LIMIT
    assert parts_of(page)["run"]["rounded"]
    assert len(notes) == 1
    images = np.random.default_rng(2).integers(0, 256, (100, 784)).astype(np.uint8)
    assert_equal(js_scores(page, to_float(images, 1 / 255)), python_scores(model, images))


@pytest.mark.parametrize("hidden", slow_except([900, 9000], 900))
@pytest.mark.slow
def test_a_network_too_large_is_refused_with_its_size_and_the_limit_before_anything_is_written(hidden, tmp_path):
    model = make_model([(784, hidden, "relu"), (hidden, 10, "softmax")], shape=(28, 28))
    with pytest.raises(CheckpointError, match=rf"784-{hidden}-10 has [\d,]+ parameters, a page of 1.5 MB holds about"):
        write_playground(model, tmp_path / "playground.html", name="huge")
    assert list(tmp_path.iterdir()) == []


def test_a_custom_activation_is_refused():
    square = Activation.custom("square", lambda z: z * z, lambda da, z, a: 2 * da * z)
    plain = make_model([(64, 5, "relu"), (5, 4, "softmax")])
    mlp = MLP.from_architecture([LayerSpec(64, 5, square), LayerSpec(5, 4, ACTIVATIONS["softmax"])])
    with pytest.raises(
        CheckpointError, match=r"layer 1 of .* has the activation 'custom:square': a page runs JavaScript"
    ):
        build_page(SavedModel(mlp, plain.info, plain.loss, plain.path), name="own")


@pytest.mark.parametrize("shape", [(4, 4, 4), (2, 32, 1, 1), (63,)])
def test_inputs_that_are_not_a_grey_image_are_refused_with_their_shape(shape):
    model = make_model([(int(np.prod(shape)), 4, "softmax")], shape=shape)
    with pytest.raises(DataError, match=re.escape(f"this network takes inputs of shape {shape}")):
        build_page(model, name="colour")


def test_a_table_of_features_is_refused_even_if_it_could_be_a_square():
    model = make_model([(64, 4, "softmax")], shape=(64,), dtype="float32")
    model.info.preprocessing.update(mean=[0.0] * 64, deviation=[1.0] * 64)
    with pytest.raises(DataError, match="was trained on a table of features"):
        build_page(model, name="table")


@pytest.mark.parametrize(
    ("shape", "height", "width"),
    [((4, 16), 4, 16), ((16, 4, 1), 16, 4), ((1, 8, 8), 8, 8), ((64,), 8, 8)],
)
def test_other_grey_images_keep_their_height_and_width(shape, height, width):
    notes = listen()
    run = parts_of(build_page(make_model([(64, 4, "softmax")], shape=shape), name="x"))["run"]
    assert (run["height"], run["width"]) == (height, width)
    assert bool(notes) == (len(shape) == 1)


def test_images_of_another_size_kind_or_more_classes_are_refused(model, arrays):
    smaller = from_arrays(arrays["x"][:, :4], arrays["y"], arrays["x_test"][:, :4], arrays["y_test"])
    floats = from_arrays(arrays["x"] / 255, arrays["y"], arrays["x_test"] / 255, arrays["y_test"])
    more = from_arrays(arrays["x"], arrays["y"] + 1, arrays["x_test"], arrays["y_test"] + 1)
    for dataset in (smaller, floats, more):
        with pytest.raises(DataError, match="takes uint8 images of 8 x 8 in 4 classes"):
            build_page(model, dataset, name="small")


def test_the_examples_are_the_first_test_images_of_each_class_unchanged(model, dataset, arrays):
    images, labels = choose_examples(dataset, EXAMPLES)
    assert len(images) == EXAMPLES
    assert labels.tolist() == sorted(labels.tolist())
    assert np.bincount(labels).tolist() == [15, 15, 15, 15]
    expected = np.concatenate([arrays["x_test"][arrays["y_test"] == c][:15] for c in range(4)])
    np.testing.assert_array_equal(images, expected.reshape(60, 64))
    parts = parts_of(build_page(model, dataset, name="small"))
    raw = np.frombuffer(zlib.decompress(base64.b64decode(parts["examples"])), np.uint8)
    np.testing.assert_array_equal(raw.reshape(60, 64), images)
    assert parts["run"]["labels"] == labels.tolist()


def test_places_of_rare_classes_go_to_the_other_classes(arrays):
    few = np.concatenate([np.flatnonzero(arrays["y_test"] == 0)[:2], np.flatnonzero(arrays["y_test"] == 1)[:70]])
    dataset = from_arrays(arrays["x"], arrays["y"], arrays["x_test"][few], arrays["y_test"][few])
    _, labels = choose_examples(dataset, EXAMPLES)
    assert np.bincount(labels).tolist() == [2, len(labels) - 2]


def test_a_page_of_large_images_has_fewer_of_them(model):
    large = make_model([(22_500, 3, "gelu"), (3, 2, "softmax")], shape=(150, 150))
    noise = np.random.default_rng(0).integers(0, 256, (80, 150, 150), np.uint8)
    y = np.arange(80) % 2
    page = build_page(large, from_arrays(noise, y, noise, y), name="large")
    assert len(page) < LIMIT
    assert len(parts_of(page)["run"]["labels"]) == most_examples(large) == 26
    assert most_examples(model) == EXAMPLES


def test_packing_puts_first_bytes_first_and_loses_nothing():
    values = np.array([1.5, -2.25, 0.1], np.float32)
    planes = np.frombuffer(zlib.decompress(base64.b64decode(pack(values))), np.uint8).reshape(4, 3)
    np.testing.assert_array_equal(np.ascontiguousarray(planes.T).view("<f4").ravel(), values)


def test_floats_keep_their_range_and_a_bright_background_is_found(arrays):
    x, x_test = (1 - arrays[name] / 127.5 for name in ("x", "x_test"))
    for name, images in (("x", x), ("x_test", x_test)):
        images[:, [0, -1]] = images[:, :, [0, -1]] = 1  # a white border
        assert images.min() < 0, name
    dataset = from_arrays(x, arrays["y"], x_test, arrays["y_test"])
    model = make_model([(64, 4, "softmax")], dtype="float32")
    run = parts_of(build_page(model, dataset, name="floats"))["run"]
    assert run["scale"] is None
    assert run["low"] == pytest.approx(x.min(), rel=1e-6)
    assert run["high"] == 1
    assert run["brightBorder"]
    assert run["extent"] == 6 / 8


def test_the_page_says_that_it_is_loading_before_its_large_parts_and_without_a_script(model, dataset):
    page = build_page(model, dataset, name="small")
    loading = page.index('<p id="loading" role="status">Loading')
    assert loading < page.index('id="packed-weights"')
    assert loading < page.index("<script")
    [without_script] = re.findall(r"<noscript>.*?</noscript>", page, re.DOTALL)
    assert "#loading { display: none; }" in without_script
    assert "JavaScript" in without_script


def test_the_page_names_no_other_host_and_forbids_requests_to_one(model, dataset):
    page = build_page(model, dataset, name="small")
    assert not re.search(r"(?:https?:)?//[a-z]+\.", page)
    assert "default-src 'none'" in page
    for attribute in ("src", "href"):
        assert set(re.findall(rf'<[^>]+ {attribute}="([^"]*)"', page)) <= {"data:,"}


def test_names_cannot_break_out_of_the_page(dataset):
    model = make_model([(64, 4, "softmax")])
    model.info.class_names[0] = "</script><b>{{weights}}"
    page = build_page(model, name="<i>&{{styles}}")
    assert page.count("</script>") == build_page(make_model([(64, 4, "softmax")]), name="x").count("</script>")
    assert "<i>&" not in page
    assert parts_of(page)["run"]["classNames"][0] == "</script><b>{{weights}}"


def test_the_same_network_gives_the_same_page(model, dataset):
    assert build_page(model, dataset, name="small") == build_page(model, dataset, name="small")


# The picture

FRAME = {"height": 4, "width": 5, "low": 0, "high": 1, "brightBorder": False, "scale": float(np.float32(1 / 255))}
CHANGES = {"dx": 0, "dy": 0, "flip": False, "noise": 0, "seed": 1}


def changed(pixels: np.ndarray, **changes: object) -> np.ndarray:
    given = {"pixels": pixels.ravel().tolist(), "frame": FRAME, "changes": CHANGES | changes}
    program = "return Array.from(applyChanges(Float32Array.from(given.pixels), given.frame, given.changes));"
    return np.array(run_js(program, given, "picture"), np.float32).reshape(pixels.shape)


@needs_node
def test_shifting_and_flipping_move_pixels_and_leave_empty_paper():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5)).astype(np.float32) * np.float32(1 / 255)
    moved = np.zeros_like(pixels)
    moved[1:, :3] = pixels[:3, 2:]
    np.testing.assert_array_equal(changed(pixels, dx=-2, dy=1), moved)
    np.testing.assert_array_equal(changed(pixels, flip=True), pixels[:, ::-1])
    np.testing.assert_array_equal(changed(pixels), pixels)


@needs_node
def test_noise_is_normal_with_the_chosen_strength_and_the_same_for_the_same_seed():
    grey = np.full((40, 50), 0.5)
    wide = {"pixels": grey.ravel().tolist(), "frame": FRAME | {"height": 40, "width": 50}}
    program = """
        const pixels = Float32Array.from(given.pixels);
        const of = (seed) => Array.from(applyChanges(pixels, given.frame, {...NO_CHANGES, noise: 0.1, seed}));
        return [of(1), of(1), of(2)];
    """
    first, again, other = np.array(run_js(program, wide, "picture"))
    np.testing.assert_array_equal(first, again)
    assert np.abs(np.corrcoef(first, other)[0, 1]) < 0.1
    assert np.mean(first) == pytest.approx(0.5, abs=0.01)
    assert np.std(first) == pytest.approx(0.1, rel=0.1)
    assert np.mean(np.abs(first - 0.5) < 0.1) == pytest.approx(0.683, abs=0.04)
    bytes_back = first * 255
    assert np.max(np.abs(bytes_back - np.round(bytes_back))) < 1e-4


@needs_node
def test_a_stroke_covers_a_pixel_once_and_the_eraser_removes_it():
    program = """
        const pixels = emptyPicture(given);
        const draw = (shade) => {
          const stroke = new Stroke(pixels, given, shade, 0.5);
          for (const x of [0.5, 4.5, 0.5, 4.5]) stroke.to(x, 1.5);
        };
        draw(0.6);
        const drawn = Array.from(pixels);
        draw(0);
        return [drawn, Array.from(pixels)];
    """
    drawn, erased = np.array(run_js(program, FRAME, "picture")).reshape(2, 4, 5)
    assert (np.round(255 * drawn[1]) == round(0.6 * 255)).all()
    assert (drawn[[0, 2, 3]] == 0).all()
    assert (erased == 0).all()


@needs_node
def test_filling_stops_at_the_line_and_bright_paper_takes_dark_ink():
    frame = FRAME | {"brightBorder": True, "scale": None, "low": -1}
    program = """
        const pixels = emptyPicture(given);
        for (let y = 0; y < 4; y++) pixels[5 * y + 2] = toPixel(1, given);
        fillArea(pixels, given, 0.5, 0.5, 0.5);
        return Array.from(pixels);
    """
    filled = np.array(run_js(program, frame, "picture")).reshape(4, 5)
    np.testing.assert_array_equal(filled, np.tile([0, 0, -1, 1, 1], (4, 1)))


def test_the_function_chooses_the_best_of_several_seeds_and_offers_the_given_images(arrays, tmp_path):
    settings = {"hidden_sizes": (6,), "epochs": 1, "n_valid": 60, "n_seeds": 2, "verbose": False}
    result = barenet.train(**arrays, **settings, output=tmp_path, name="seeds")
    notes = listen()
    made = barenet.playground(result.folder, dataset=from_arrays(**arrays))
    best = max(result.networks, key=lambda network: network.validation_accuracy)
    assert made.model == best.folder / "best.safetensors"
    assert made.page == tmp_path / "seeds" / "playground.html"
    assert (made.size, made.n_images) == (made.page.stat().st_size, EXAMPLES)
    assert notes == [f"the page shows one of 2 networks, the best on validation: {best.folder.name}"]
    bare = barenet.playground(best.folder, output=tmp_path / "page.html")
    assert (bare.page, bare.n_images) == (tmp_path / "page.html", 0)
    assert "are not on file" in notes[-1]
