// The layout of the neurons on the page, and the threads between them.
//
// A place in the network is {l, j}: neuron j of layer l, layers counted from 0; l = -1 is the image and j its pixel.

// One hidden layer: a square for each neuron.
class LayerGrid {
  constructor(l, layer) {
    this.l = l;
    this.root = make("section", "column layer");
    this.title = make("h2", "", `Layer ${l + 1} `);
    this.title.id = `layer-${l + 1}`;
    const about = make("small");
    const neurons = layer.outputs === 1 ? `${layer.outputs} neuron,` : `${layer.outputs} neurons,`;
    about.append(make("span", "", neurons), " ", make("span", "", layer.activation));
    this.title.append(about);
    this.grid = make("div", "grid");
    this.grid.setAttribute("role", "listbox");
    this.grid.setAttribute("aria-labelledby", this.title.id);
    this.cells = Array.from({ length: layer.outputs }, (_, j) => {
      const cell = make("div", "cell");
      cell.setAttribute("role", "option");
      cell.setAttribute("aria-label", `Layer ${l + 1}, neuron ${j + 1}`);
      cell.setAttribute("aria-selected", "false");
      cell.tabIndex = -1;
      cell.dataset.l = l;
      cell.dataset.j = j;
      return cell;
    });
    this.grid.append(...this.cells);
    this.scale = make("p", "scale");
    this.root.append(this.title, this.grid, this.scale);
    this.shown = new Int16Array(layer.outputs).fill(-1);
  }

  arrange(columns, size) {
    this.columns = Math.min(columns, this.cells.length);
    this.grid.style.setProperty("--columns", this.columns);
    this.grid.style.setProperty("--size", `${size}px`);
    this.root.style.setProperty("--width", `${Math.max(this.columns * size, NARROWEST)}px`);
  }

  update(outputs, off, limit, palette) {
    for (let j = 0; j < outputs.length; j++) {
      const step = palette.step(outputs[j] / limit);
      if (step !== this.shown[j]) this.cells[j].style.backgroundColor = palette.names[step];
      this.shown[j] = step;
      this.cells[j].classList.toggle("off", Boolean(off[j]));
    }
    let least = Infinity;
    let most = -Infinity;
    for (const v of outputs) [least, most] = [Math.min(least, v), Math.max(most, v)];
    this.scale.textContent = `now ${signed(least)} to ${signed(most)}`;
  }
}

// Choose the number of columns and the size of the squares, so that the layers fit side by side in the width `room`.
function arrangeLayers(grids, room, isNarrow) {
  if (isNarrow) {
    for (const grid of grids) {
      const columns = Math.max(8, Math.floor(room / 20));
      const even = evenColumns(grid.cells.length, columns, columns - 4) ?? columns;
      grid.arrange(even, Math.min(30, Math.floor(room / Math.min(even, grid.cells.length))));
    }
    return;
  }
  const gap = grids.length > 3 ? 22 : 36;
  const columnsAt = (size) => grids.map((grid) => Math.ceil(grid.cells.length / Math.max(4, Math.floor(430 / size))));
  const fits = (columns, size) => {
    return columns.reduce((sum, n) => sum + Math.max(n * size, NARROWEST) + gap, -gap) <= room;
  };
  let size = 24;
  while (size >= 7 && !fits(columnsAt(size), size)) size--;
  if (size < 7) {
    // Too many layers to fit side by side: each becomes a square of neurons, in several rows of layers.
    const most = Math.floor(room / 10);
    for (const grid of grids) grid.arrange(Math.min(Math.ceil(Math.sqrt(grid.cells.length)), most), 10);
    return;
  }
  let columns = columnsAt(size);
  for (let smaller = size; smaller >= 0.85 * size; smaller--) {
    const even = columnsAt(smaller).map((n, i) => evenColumns(grids[i].cells.length, n, n + 3) ?? n);
    if (!fits(even, smaller)) continue;
    [columns, size] = [even, smaller];
    break;
  }
  grids.forEach((grid, i) => grid.arrange(Math.min(columns[i], Math.max(4, Math.floor(room / size))), size));
}

const NARROWEST = 76; // the width of a layer's title, in pixels

// The first number of columns, from `from` to `to`, that fills every row, or undefined.
function evenColumns(n, from, to) {
  const step = Math.sign(to - from);
  for (let columns = from; columns !== to + step; columns += step) if (n % columns === 0) return columns;
  return undefined;
}

// The largest products into a place, and into the places that they come from, as {from, to, strength}; strength is from
// -1 to 1, relative to the largest product into the same place.
function trace(network, inputs, place, breadth) {
  const { l, j } = place;
  const [width, ...deeper] = breadth;
  if (l < 0 || !width) return [];
  const { outputs, W } = network.layers[l];
  const x = inputs[l];
  const products = Float64Array.from(x, (value, i) => value * W[i * outputs + j]);
  const chosen = strongestOf(products, width).filter((i) => products[i] !== 0);
  const most = Math.abs(products[chosen[0]]);
  const found = [];
  for (const i of chosen) {
    const from = { l: l - 1, j: i };
    found.push({ from, to: place, strength: products[i] / most });
    for (const thread of trace(network, inputs, from, deeper)) {
      found.push({ ...thread, strength: thread.strength * Math.abs(products[i] / most) });
    }
  }
  return found;
}

// Draw threads as curves; anchor(place, side) gives [x, y] in the canvas, side "in" or "out".
function drawThreads(canvas, threads, anchor, palette, isNarrow) {
  const box = canvas.parentElement.getBoundingClientRect();
  const sharp = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(box.width * sharp), Math.round(box.height * sharp)];
  const context = canvas.getContext("2d");
  context.scale(sharp, sharp);
  context.lineCap = "round";
  for (const { from, to, strength } of threads) {
    const [x, y] = anchor(from, "out", box);
    const [toX, toY] = anchor(to, "in", box);
    const size = Math.abs(strength);
    context.strokeStyle = palette.names[palette.step(Math.sign(strength))];
    context.globalAlpha = 0.12 + 0.6 * size;
    context.lineWidth = 0.6 + 2.2 * size;
    context.beginPath();
    context.moveTo(x, y);
    const [bendX, bendY] = isNarrow ? [0, (toY - y) / 2] : [Math.max(30, (toX - x) / 2), 0];
    context.bezierCurveTo(x + bendX, y + bendY, toX - bendX, toY - bendY, toX, toY);
    context.stroke();
  }
}
