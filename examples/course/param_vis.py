"""Plot the weights of a network before and after training: python examples/course/param_vis.py [MODEL]

MODEL is a run folder, a .safetensors file or the course project's .pkl; without it, the latest run in runs/.
"""

import logging
import sys

import barenet

if __name__ == "__main__":
    logging.basicConfig(format="%(message)s")
    logging.getLogger("barenet").setLevel(logging.INFO)  # print its notes, on stderr
    try:
        model = sys.argv[1] if len(sys.argv) > 1 else barenet.find_latest()
        for file in barenet.inspect(model).files:
            print(file)
    except barenet.errors.BarenetError as error:
        sys.exit(f"error: {error}")
