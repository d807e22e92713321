"""Pictures are decoded once; every change of the files is noticed, and a damaged cache is never used."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image
from told import listen

from barenet.data.datasets import from_arrays
from barenet.data.loading import load_dataset
from barenet.data.pictures import cache as picture_cache
from barenet.data.pictures.decoding import commonest_size
from barenet.data.pictures.folders import list_pictures
from barenet.errors import DataError, MachineError
from barenet.training.preparation import prepare
from barenet.user_cache import cache_folder


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BARENET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pictures"


@pytest.fixture
def folder(tmp_path, arrays):
    """Twelve of the shared small images as PNG files with consecutive numbers in four class folders."""
    root = tmp_path / "shapes"
    for i, (image, label) in enumerate(zip(arrays["x"][:12], arrays["y"][:12], strict=True)):
        path = root / "abcd"[label] / f"{i:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return root


@pytest.fixture
def decoded(monkeypatch):
    """Count how often pictures are decoded."""
    calls = []
    original = picture_cache.decode_parts
    monkeypatch.setattr(picture_cache, "decode_parts", lambda *own: calls.append(own) or original(*own))
    return calls


def damage(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_pictures_are_the_arrays_that_they_were_made_of(folder, arrays):
    dataset = load_dataset(folder)
    same = from_arrays(arrays["x"][:12], arrays["y"][:12], class_names="abcd")
    assert dataset.fingerprint == same.fingerprint
    assert dataset.class_names == tuple("abcd")
    assert dataset.image_shape == (8, 8)
    assert dataset.name == "shapes"


def test_the_second_time_nothing_is_decoded_and_pixels_are_mapped(folder, decoded):
    first = load_dataset(folder)
    second = load_dataset(folder)
    assert len(decoded) == 1
    assert second.fingerprint == first.fingerprint
    for dataset in (first, second):
        assert dataset.train_images.base is not None
        assert not dataset.train_images.flags.writeable


def rewrite(folder):
    Image.new("L", (8, 8), 7).save(next(folder.glob("*/00.png")))


def touch(folder):
    path = next(folder.glob("*/00.png"))
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))


def add(folder):
    shutil.copy(next(folder.glob("*/00.png")), folder / "a" / "99.png")


def remove(folder):
    next(folder.glob("*/00.png")).unlink()


def rename(folder):
    path = next(folder.glob("*/00.png"))
    path.rename(path.with_name("0.png"))


@pytest.mark.parametrize("change", [rewrite, touch, add, remove, rename])
def test_every_change_of_the_files_is_noticed_and_the_old_entry_goes(change, folder, cache, decoded):
    before = load_dataset(folder)
    change(folder)
    after = load_dataset(folder)
    assert len(decoded) == 2
    assert (after.fingerprint == before.fingerprint) == (change in (touch, rename))
    assert len(list(cache.iterdir())) == 1


def test_each_size_and_colour_has_a_separate_entry(folder, cache, decoded):
    settings = ({}, {"image_size": (4, 6)}, {"color": True})
    shapes = [load_dataset(folder, **own).image_shape for own in (*settings, *settings)]
    assert shapes == [(8, 8), (4, 6), (8, 8, 3)] * 2
    assert len(decoded) == len(list(cache.iterdir())) == 3


@pytest.mark.parametrize("name", ["train.npy", "index.json"])
def test_a_damaged_or_half_deleted_entry_is_made_again(name, folder, cache, decoded):
    expected = load_dataset(folder).fingerprint
    (entry,) = cache.iterdir()
    if name == "train.npy":
        damage(entry / name)
        assert load_dataset(folder).fingerprint == expected
        (entry / name).write_bytes((entry / name).read_bytes()[:-3])
    else:
        (entry / name).write_text("{}", encoding="utf-8")
    assert load_dataset(folder).fingerprint == expected
    (entry / name).unlink()
    assert load_dataset(folder).fingerprint == expected
    assert len(decoded) == (4 if name == "train.npy" else 3)
    assert [path.name for path in cache.iterdir()] == [entry.name]


def test_where_the_cache_cannot_be_written_pictures_are_decoded_into_memory(folder, tmp_path, monkeypatch):
    expected = load_dataset(folder).fingerprint
    (tmp_path / "file").touch()
    monkeypatch.setenv("BARENET_CACHE", str(tmp_path / "file"))
    notes = listen()
    assert load_dataset(folder).fingerprint == expected
    assert [note for note in notes if "they are decoded again each time" in note]


def test_a_full_disk_is_an_error_and_leaves_nothing_behind(folder, cache, monkeypatch):
    def fail(*own):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(picture_cache, "decode_parts", fail)
    with pytest.raises(MachineError, match="No space left on device; make room, or set BARENET_CACHE"):
        load_dataset(folder)
    assert list(cache.iterdir()) == []


def test_an_interruption_leaves_nothing_behind(folder, cache, monkeypatch):
    def interrupt(*own):
        raise KeyboardInterrupt

    monkeypatch.setattr("barenet.data.pictures.decoding.fit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_dataset(folder)
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, "home/.cache/barenet"),
        ("linux", {"XDG_CACHE_HOME": "xdg"}, "xdg/barenet"),
        ("darwin", {}, "home/Library/Caches/barenet"),
        ("win32", {"LOCALAPPDATA": "local"}, "local/barenet"),
        ("win32", {"BARENET_CACHE": "mine"}, "mine"),
    ],
)
def test_the_cache_is_in_the_systems_cache_folder(platform, variables, expected, monkeypatch):
    for name in ("BARENET_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "home")
    monkeypatch.setenv("USERPROFILE", "home")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.platform", platform)
    assert cache_folder().as_posix() == expected


# Pictures that cannot be read, and unusual ones


def spoil(folder):
    """Damage two pictures; return them."""
    first, second = sorted(folder.glob("*/0[35].png"), key=lambda path: path.name)
    first.write_bytes(first.read_bytes()[:60])
    second.write_bytes(b"")
    return first, second


def test_unreadable_pictures_are_listed_with_their_faults(folder, cache):
    first, second = spoil(folder)
    with pytest.raises(DataError) as caught:
        load_dataset(folder)
    message = str(caught.value)
    assert message.isprintable()
    assert message.startswith(f"2 of 12 pictures in {folder} cannot be read: ")
    assert f"{first.relative_to(folder)} is truncated or damaged" in message
    assert f"{second.relative_to(folder)} is empty (0 bytes)" in message
    assert message.endswith("leave them out with --skip-broken")
    assert list(cache.iterdir()) == []


def test_unreadable_pictures_are_left_out_where_that_was_asked_for(folder, arrays, decoded):
    spoil(folder)
    rows = np.delete(np.arange(12), [3, 5])
    for _ in range(2):
        notes = listen()
        dataset = load_dataset(folder, skip_broken=True)
        np.testing.assert_array_equal(dataset.train_images.reshape(-1, 8, 8), arrays["x"][rows])
        np.testing.assert_array_equal(dataset.train_labels, arrays["y"][rows])
        assert [note for note in notes if "2 of 12 pictures" in note and note.endswith("; left out")]
    assert len(decoded) == 1
    with pytest.raises(DataError, match="--skip-broken"):  # also out of the cache
        load_dataset(folder)


def test_where_no_picture_can_be_read_there_is_no_data_set(folder):
    for path in folder.glob("*/*.png"):
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="can be read"):
        load_dataset(folder, skip_broken=True)


def test_blank_and_animated_pictures_are_used_and_mentioned(folder):
    Image.new("L", (8, 8), 255).save(folder / "a" / "white.png")
    frames = [Image.fromarray(np.eye(8, dtype=np.uint8) * shade) for shade in (100, 200)]
    frames[0].save(folder / "b" / "moving.gif", save_all=True, append_images=frames[1:])
    for _ in range(2):
        notes = listen()
        dataset = load_dataset(folder)
        assert len(dataset.train_images) == 14
        assert [n for n in notes if "1 of 14 pictures" in n and "blank" in n and f"a{os.sep}white.png" in n]
        assert [n for n in notes if "1 of 14 pictures" in n and "animated" in n and f"b{os.sep}moving.gif" in n]


# Sizes


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(8, 8), (8, 8), (9, 9)], (8, 8)),
        ([(8, 6), (9, 9)], (8, 6)),  # equally common: the smaller
        ([(480, 640)], (48, 64)),
        ([(300, 3)], (64, 1)),
        ([(64, 64)], (64, 64)),
    ],
)
def test_the_commonest_size_is_the_default_and_64_at_most(sizes, expected, tmp_path):
    for i, size in enumerate(sizes):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        Image.new("L", size[::-1]).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    (tmp_path / "b").mkdir(exist_ok=True)
    (tmp_path / "b" / "broken.png").touch()
    assert commonest_size(sorted(list_pictures(tmp_path))) == expected


def test_the_default_size_is_written_down_so_that_it_stays(folder, make_config):
    config = make_config(data=str(folder), n_valid=4, batch_size=4)
    resolved, data = prepare(config, load_dataset(**config.data.reading()))
    assert resolved.data.image_size == (8, 8)
    assert resolved.data.color is False
    again, same = prepare(resolved, load_dataset(**resolved.data.reading()))
    assert again.as_tables() == resolved.as_tables()
    assert same.fingerprint == data.fingerprint


def test_the_index_holds_no_more_than_facts(folder, cache):
    load_dataset(folder)
    (entry,) = cache.iterdir()
    assert sorted(path.name for path in entry.iterdir()) == ["index.json", "train.npy"]
    index = json.loads((entry / "index.json").read_text("utf-8"))
    assert set(index) == {"format", "root", "shape", "value_range", "was_asked", "checksums", "findings"}


def test_whether_most_pictures_were_scaled_is_known_also_from_the_cache(folder):
    for _ in range(2):
        assert not load_dataset(folder).were_scaled
        assert load_dataset(folder, image_size=(7, 8)).were_scaled
