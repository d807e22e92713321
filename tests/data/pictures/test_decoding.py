"""Pictures are decoded in threads: in order, the same with any number of threads, and only a few in advance."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from barenet.data.pictures import decoding
from barenet.data.pictures.decoding import CHUNK, SMALL_FILE, decode_part, in_order, n_threads
from barenet.data.pictures.folders import PictureFile


def test_results_come_in_order_whichever_is_ready_first():
    second_is_done = threading.Event()

    def work(number):
        if number == 0:
            assert second_is_done.wait(20)
        second_is_done.set()
        return 10 * number

    with ThreadPoolExecutor(2) as pool:
        assert list(in_order(pool, work, range(5), 4)) == [0, 10, 20, 30, 40]


@pytest.mark.parametrize("most_ahead", [1, 3])
def test_no_more_is_begun_than_may_wait(most_ahead):
    begun = []
    with ThreadPoolExecutor(1) as pool:
        for taken, _ in enumerate(in_order(pool, begun.append, range(12), most_ahead), start=1):
            pool.submit(lambda: None).result(20)  # all that was begun has run
            assert len(begun) <= taken - 1 + most_ahead
    assert begun == list(range(12))


def test_an_error_is_raised_in_the_place_of_its_result():
    def work(number):
        return 1 // (number - 2)

    with ThreadPoolExecutor(2) as pool:
        results = in_order(pool, work, range(5), 4)
        assert [next(results), next(results)] == [-1, -1]
        with pytest.raises(ZeroDivisionError):
            next(results)


@pytest.mark.parametrize("is_kept_in_file", [False, True])
def test_any_number_of_threads_gives_the_same_pixels_and_findings(is_kept_in_file, tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    files, expected = [], []
    for row in range(2 * CHUNK + 5):
        path = tmp_path / f"{row}.png"
        pixels = rng.integers(0, 256, (6, 5), np.uint8) if row != 40 else np.full((6, 5), 7, np.uint8)
        Image.fromarray(pixels).save(path)
        if row in (3, CHUNK):
            path.write_bytes(b"damaged")
        else:
            expected.append(pixels.ravel())
        files.append(PictureFile(path.name, 0, str(path), path.stat().st_size, 0))
    for threads in (1, 2, 3):
        monkeypatch.setattr(decoding, "n_threads", lambda sizes, threads=threads: threads)
        target = tmp_path / f"{threads}.npy" if is_kept_in_file else None
        pixels, findings = decode_part(files, (6, 5), target, False)
        np.testing.assert_array_equal(pixels, expected)
        assert list(findings.broken) == ["3", str(CHUNK)]
        assert (findings.blank, findings.animated, findings.scaled) == ([40], [], [])


def test_small_files_are_decoded_by_one_thread_and_others_by_one_a_core(monkeypatch):
    monkeypatch.setattr(decoding, "available_cores", lambda: 3)
    assert n_threads([SMALL_FILE - 1, SMALL_FILE - 1]) == 1
    assert n_threads([SMALL_FILE, SMALL_FILE]) == 3
