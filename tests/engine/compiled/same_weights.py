"""Train two epochs with the compiled engine on carried Fashion-MNIST, and print the SHA-256 of the weights.

First those of the recipe course, then those of quick.

    python tests/engine/compiled/same_weights.py 4000               how many images
    python tests/engine/compiled/same_weights.py 4000 registers     also the widest registers of newly compiled code
"""

from __future__ import annotations

import functools
import hashlib
import sys

import numpy as np

from barenet.config.sources import build_config
from barenet.data.batches import TrainingImages
from barenet.data.loading import load_dataset
from barenet.engine.choice import ThreadChoice
from barenet.engine.compiled.engine import CompiledEngine
from barenet.engine.state import TrainingState
from barenet.training.epochs import plan_epoch, schedule_of, start_state
from barenet.training.preparation import architecture_of, loss_of


@functools.cache
def fashion():
    """Return the carried training images, (n, 784) bytes, and their labels."""
    data = load_dataset()
    return data.train_images.reshape(len(data.train_images), -1), data.train_labels


def weights_after(recipe: str, n_images: int, seeds=(0,), threads: int = 1, stretch: int = 10**9) -> list[str]:
    """Return the SHA-256 of weights, average and losses of each seed's network after two epochs."""
    common = {"trainer.epochs": 2, "data.mirror": recipe != "course"}
    configs = [build_config(recipe, flags={**common, "trainer.seed": seed}) for seed in seeds]
    config, (x, y) = configs[0], fashion()
    moves = {"most_shift": config.data.shift, "affine": config.data.affine}
    images = TrainingImages(x, y, scale=1 / 255, image_shape=(28, 28), **moves)
    architecture, batch_size = architecture_of(config, 784, 10), config.data.batch_size
    state = TrainingState.concatenate([start_state(own, architecture) for own in configs])
    engine = CompiledEngine(
        configs, architecture, loss_of(config), state, images, batch_size=batch_size, most_threads=threads
    )
    engine.choice = ThreadChoice([threads])
    n_steps = -(-n_images // batch_size)
    found = [hashlib.sha256() for _ in configs]
    for epoch in (1, 2):
        first = (epoch - 1) * n_steps
        steps = first + np.arange(n_steps)
        rates = np.column_stack([schedule_of(own, n_steps).rates(steps) for own in configs])
        engine.begin(plan_epoch(configs, np.arange(n_images), epoch, first, rates))
        for start in range(0, n_steps, stretch):
            losses, _ = engine.train(start, min(start + stretch, n_steps))
            for own, column in zip(found, losses.T, strict=True):
                own.update(np.ascontiguousarray(column).tobytes())
    state = engine.capture(state)
    engine.close()
    for row, own in enumerate(found):
        own.update(state.values[row].tobytes())
        if state.average is not None:
            own.update(state.average[row].tobytes())
    return [own.hexdigest() for own in found]


def widest_register() -> str:
    """Return which registers the compiled code uses, xmm, ymm or zmm; of code from the cache Numba shows none."""
    from barenet.engine.compiled.kernels.compiling import KERNELS
    from barenet.engine.compiled.steps import take_steps

    codes = [
        code for own in (take_steps, *(kernel.dispatcher for kernel in KERNELS)) for code in own.inspect_asm().values()
    ]
    return max((name for name in ("xmm", "ymm", "zmm") if any(name in code for code in codes)), default="none")


if __name__ == "__main__":
    print(*(weights_after(recipe, int(sys.argv[1]))[0] for recipe in ("course", "quick")))
    if sys.argv[2:]:
        print(widest_register())
