"""Each kernel of OpenBLAS gives the same bits with any number of threads, though kernels differ from each other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from families import full_except

from barenet.engine.threads import find_blas

# OpenBLAS's kernels, and the instructions that a processor needs for them, as Linux names these.
KERNELS = {
    "Nehalem": {"sse4_2"},
    "Sandybridge": {"avx"},
    "Haswell": {"avx2", "fma"},
    "Zen": {"avx2", "fma"},
    "SkylakeX": {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"},
}
SCRIPT = """
import hashlib, json, sys
from pathlib import Path
sys.path[:0] = json.loads(sys.argv[1])
import pytest
from engines import Case, cut_small_steps
from barenet.engine.threads import find_blas

def digest(found):
    return [hashlib.sha256(b"".join(bits[name] for name in sorted(bits))).hexdigest() for bits in found]

rows = [{"seed": 0}, {"seed": 1, "lr": 0.02}, {"seed": 2}]
with pytest.MonkeyPatch.context() as patch:
    cut_small_steps(patch)
    cases = [
        Case({"activation": activation, "optimizer": optimizer, "dropout": 0.1}, rows, batch_size=b, n_images=n)
        for activation, optimizer in (("gelu", "adamw"), ("relu", "sgd"))
        for b, n in ((16, 70), (33, 70), (131, 300), (518, 1200))
    ]
    # As in the default recipe, whose products are large enough to use other code of a kernel.
    cases.append(Case({"activation": "gelu", "hidden": "512,256"}, rows, batch_size=256, n_images=300))
    found = [
        {f"{networks} {threads}": digest(case.train(networks, threads)) for networks, threads in
         (([0], 1), ([0], 2), ([0], 3), ([0, 1, 2], 1), ([0, 1, 2], 2), ([2, 0, 1], 3), ([2, 1, 0], 4))}
        for case in cases
    ]
print(json.dumps({"kernel": find_blas()["architecture"], "found": found}))
"""


def runnable_kernels() -> list[str]:
    """Return the kernels that this processor can run; none if the system does not list its instructions."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text("utf-8").splitlines() if about.exists() else []
    flags = next((line for line in lines if line.startswith("flags")), "")
    return [kernel for kernel, needed in KERNELS.items() if needed <= set(flags.split())]


@pytest.mark.slow
@pytest.mark.skipif(find_blas().get("internal_api") != "openblas", reason="NumPy has another BLAS than OpenBLAS")
@pytest.mark.parametrize("kernel", full_except(runnable_kernels(), *runnable_kernels()[:1]))
def test_a_kernel_gives_the_same_bits_with_any_number_of_threads_and_in_any_stack(kernel):
    folder = Path(__file__).parent
    command = [sys.executable, "-c", SCRIPT, json.dumps([str(folder), str(folder.parent)])]
    answer = subprocess.run(
        command, env={**os.environ, "OPENBLAS_CORETYPE": kernel}, check=True, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout
    told = json.loads(answer)
    if told["kernel"].lower() != kernel.lower():
        pytest.skip(f"this OpenBLAS is built without {kernel}, and takes {told['kernel']}")
    for case, found in enumerate(told["found"]):
        alone = found["[0] 1"][0]
        first, second, third = found["[0, 1, 2] 1"]
        assert len({first, second, third}) == 3
        expected = {
            "[0] 1": [alone],
            "[0] 2": [alone],
            "[0] 3": [alone],
            "[0, 1, 2] 1": [alone, second, third],
            "[0, 1, 2] 2": [alone, second, third],
            "[2, 0, 1] 3": [third, alone, second],
            "[2, 1, 0] 4": [third, second, alone],
        }
        assert found == expected, case
