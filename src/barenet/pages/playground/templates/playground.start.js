// Start the page: unpack the weights, lay out the network, and show a first image.

const TALLEST = 512; // the largest height of the drawing area, in pixels

function describeRun() {
  const widths = ({ layers }) => [layers[0].inputs, ...layers.map((layer) => layer.outputs)].join(" → ");
  const what = isAverage() ? `average of ${networks.length} networks` : widths(network);
  const layers = networks.flatMap((one) => one.layers);
  const n = layers.reduce((sum, layer) => sum + layer.W.length + layer.b.length, 0);
  const facts = [run.name, run.data, what, `${n.toLocaleString("en")} parameters`];
  if (run.validationAccuracy !== undefined && run.validationAccuracy !== null) {
    facts.push(`${(100 * run.validationAccuracy).toFixed(1)} % of its validation images right`);
  }
  element("facts").textContent = facts.filter(Boolean).join("  ·  ");
  element("warning").hidden = !run.warning;
  element("warning").textContent = run.warning ?? "";
  element("input-size").textContent = `${frame.width} × ${frame.height} pixels`;
  element("image").setAttribute("aria-label", `Drawing area of ${frame.width} by ${frame.height} pixels`);
  element("image").style.aspectRatio = `${frame.width} / ${frame.height}`;
  element("sheet").style.maxWidth = `${(TALLEST * frame.width) / frame.height}px`;
  element("precision").textContent = run.rounded ? "Its weights are rounded to 16 binary digits." : "";
}

// The squares of all neurons of the network that is shown.
function buildLayers() {
  grids = network.layers.slice(0, -1).map((layer, l) => new LayerGrid(l, layer));
  element("layers").replaceChildren(...grids.map((grid) => grid.root));
  element("layers").classList.toggle("crowded", grids.length > 3);
  const directly = "There is no hidden layer: the pixels are the inputs of each class.";
  if (!grids.length) element("layers").append(make("p", "hint", directly));
  for (const grid of grids) walkable(grid.grid, grid.cells, () => grid.columns, pressKey);
}

// For an ensemble: a button for each member, which shows its neurons.
function buildMembers() {
  if (!isAverage()) return;
  const choices = run.members.map(({ name }, k) => {
    const choice = make("label");
    const input = make("input");
    Object.assign(input, { type: "radio", name: "member", value: k, checked: k === state.member });
    input.addEventListener("change", () => showMember(k));
    choice.append(input, make("span", "", name));
    return choice;
  });
  element("members").append(make("b", "", "Neurons of"), ...choices);
  element("members").hidden = false;
  element("of-average").hidden = false;
  element("classes-about").textContent = "average probability, and score of the network shown";
}

function showMember(k) {
  state.member = k;
  network = networks[k];
  Object.assign(state, { pointed: null, focused: null, pinned: null });
  buildLayers();
  for (const row of classRows) row.root.dataset.l = network.last;
  state.shown = firstLook();
  layOut();
  render(); // at once, so that the page shows this network before a person points at it
}

function buildClasses() {
  classRows = run.classNames.map((name, c) => {
    const root = make("div", "class");
    root.setAttribute("role", "option");
    root.setAttribute("aria-selected", "false");
    root.dataset.l = network.last;
    root.dataset.j = c;
    root.title = name; // a long name is cut
    const track = make("span", "track");
    const bar = make("i", "bar");
    const tick = make("i", "tick");
    track.append(bar, tick);
    const [share, score] = [make("span", "share"), make("span", "score")];
    const title = make("span", "name", name);
    title.dataset.truth = "✓ true"; // shown behind the name of the class that a test image has
    root.append(title, share, score, track);
    return { root, bar, tick, share, score };
  });
  element("classes").append(...classRows.map((row) => row.root));
  element("classes").classList.toggle("many", run.classNames.length > 14);
}

function buildGallery(pixels) {
  const size = frame.width * frame.height;
  examples = run.labels.map((label, k) => {
    const raw = pixels.subarray(k * size, (k + 1) * size);
    // Bytes times the scale in float32, as in training.
    const image = Float32Array.from(raw, (x) => (run.scale === null ? x : Math.fround(x * run.scale)));
    const button = make("button", "example");
    button.setAttribute("role", "option");
    button.setAttribute("aria-selected", "false");
    const canvas = make("canvas");
    paintPicture(canvas, image, frame);
    button.append(canvas);
    button.addEventListener("click", () => setPicture(image, { label }));
    return { pixels: image, label, button };
  });
  const buttons = examples.map((example) => example.button);
  element("examples").append(...buttons);
  walkable(element("examples"), buttons, () => columnsOf(buttons));
  element("gallery").hidden = !examples.length;
}

// The number of items in the first row.
function columnsOf(items) {
  const after = items.findIndex((item) => item.offsetTop > items[0].offsetTop);
  return after < 0 ? items.length : after;
}

// The colour scale of each layer, from the largest activation over the test images, so that images can be compared.
function measureLimits() {
  const seen = examples.length ? examples.map((example) => example.pixels) : [emptyPicture(frame).fill(frame.high / 2)];
  limits = networks.map((one) => {
    const most = one.layers.map(() => 0);
    for (const pixels of seen) {
      one.forward(pixels).outputs.forEach((outputs, l) => (most[l] = Math.max(most[l], 0.6 * largest(outputs))));
    }
    return most.map((limit) => limit || 1);
  });
}

function layOut() {
  const room = isNarrow() ? element("flow").clientWidth - 32 : element("layers").clientWidth;
  arrangeLayers(grids, room, isNarrow());
  refresh();
}

// The neuron to select first: the one in the first hidden layer that pushes the most probable class most.
function firstLook() {
  const { result, shares } = compute();
  const best = argmax(shares);
  if (!grids.length) return { l: network.last, j: best };
  const pushes = Array.from(result.outputs[0], (_, j) => network.pushes(0, j, result.outputs, switchedOff())[best]);
  return { l: 0, j: argmax(pushes) };
}

// Wait until the page has been painted; a tab in the background paints nothing, so there the wait ends by a timer.
function painted() {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, 100);
  });
}

async function start() {
  await painted();
  if (typeof DecompressionStream === "undefined") {
    throw new Error("this browser is older than 2023 and cannot unpack the weights");
  }
  const values = await unpack(element("packed-weights").textContent, Float32Array);
  networks = makeNetworks(run.members ?? [run], values);
  state.member = run.shown ?? 0;
  network = networks[state.member];
  const packed = element("packed-examples").textContent;
  const images = packed.trim() ? await unpack(packed, run.scale === null ? Float32Array : Uint8Array) : [];
  state.offs = networks.map(({ layers }) => layers.slice(0, -1).map((layer) => new Uint8Array(layer.outputs)));
  element("packed-weights").remove();
  element("packed-examples").remove();
  palette = new Palette();
  buildLayers();
  document.querySelector("main").hidden = false;
  describeRun();
  buildMembers();
  buildClasses();
  buildGallery(images);
  measureLimits();
  wire();
  if (examples.length) Object.assign(state, { base: examples[0].pixels.slice(), label: examples[0].label });
  state.shown = firstLook();
  showScores();
  layOut();
  element("loading").hidden = true;
  // For the console and for tests: the network, and the page's image and scores.
  window.playground = {
    get network() {
      return network;
    },
    frame,
    scores: () => Array.from(compute().scores),
    probabilities: () => Array.from(compute().shares),
    setPicture: (pixels) => setPicture(Float32Array.from(pixels)),
    switchNeuron: (layer, neuron, isOff) => switchNeuron({ l: layer - 1, j: neuron - 1 }, isOff),
  };
}

start().catch((error) => {
  element("loading").hidden = true;
  element("fault").hidden = false;
  element("fault").textContent = `The playground could not start: ${error.message}.`;
  console.error(error);
});
