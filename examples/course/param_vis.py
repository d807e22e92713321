"""Draw the weights of a trained network, before and after training: python examples/course/param_vis.py [MODEL]

MODEL is a run folder, a .safetensors file or the course project's .pkl; without it, the latest run in runs/.
"""

import sys
from pathlib import Path

from barenet import errors
from barenet.plots.inspection import inspect
from barenet.run_folders.folder import find_latest

if __name__ == "__main__":
    try:
        model = sys.argv[1] if len(sys.argv) > 1 else find_latest(Path("runs"))
        for file in inspect(model, note=print).files:
            print(file)
    except errors.BarenetError as error:
        sys.exit(f"error: {error}")
