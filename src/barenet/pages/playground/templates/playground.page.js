// The state of the page: the drawn image, the neurons that are switched off, and the selection; a change redraws the page.

const run = JSON.parse(element("run").textContent);
const frame = { height: run.height, width: run.width, low: run.low, high: run.high, scale: run.scale };
Object.assign(frame, { brightBorder: run.brightBorder, extent: run.extent });

const state = {
  base: emptyPicture(frame),
  changes: { ...NO_CHANGES },
  member: 0, // the network of an ensemble whose neurons are shown
  offs: [], // for each network and hidden layer a Uint8Array, with 1 for each neuron that is switched off
  label: null, // the true class, if a test image was chosen
  past: [], // earlier images, for undo
  imported: null, // a picture as it was read, and `text`: what was done to it
  pointed: null,
  focused: null,
  pinned: null,
  shown: null, // the inspector keeps the last selected place, so that the page does not move
};

let networks; // one, or the members of an ensemble, whose probabilities are averaged
let network, palette, grids, classRows, examples, limits;
let current = null; // the current results of the network: {x, result, scores, shares, inputs}

const isNarrow = () => matchMedia("(max-width: 860px)").matches;
const isSame = (a, b) => Boolean(a && b && a.l === b.l && a.j === b.j);
const isAverage = () => networks.length > 1;
const switchedOff = () => state.offs[state.member];
const anyOff = () => state.offs.some((layers) => layers.some((layer) => layer.includes(1)));

let isPlanned = false;
function refresh() {
  if (!isPlanned) requestAnimationFrame(render);
  isPlanned = true;
}

function compute() {
  const x = applyChanges(state.base, frame, state.changes);
  const result = network.forward(x, switchedOff());
  const scores = result.outputs[network.last];
  const shares = isAverage() ? meanProbabilities(networks, x, state.offs) : network.probabilities(scores);
  return { x, result, scores, shares, inputs: [x, ...result.outputs] };
}

function render() {
  isPlanned = false;
  current = compute();
  paintPicture(element("image"), current.x, frame);
  const most = limits[state.member];
  grids.forEach((grid, l) => grid.update(current.result.outputs[l], switchedOff()[l], most[l], palette));
  showClasses();
  showSelection();
  showControls();
}

function showClasses() {
  const { shares, scores } = current;
  const isTouched = isChanged(state.changes) || anyOff();
  const before = isTouched ? meanProbabilities(networks, state.base) : null;
  const best = argmax(shares);
  classRows.forEach((row, c) => {
    row.bar.style.width = `${100 * shares[c]}%`;
    row.tick.hidden = !before;
    if (before) row.tick.style.left = `${100 * before[c]}%`;
    row.share.textContent = percent(shares[c]);
    row.score.textContent = network.givesProbabilities ? "" : signed(scores[c], 1);
    row.root.classList.toggle("best", c === best);
    row.root.classList.toggle("true", c === state.label);
    const truth = c === state.label ? ", the true class" : "";
    row.root.setAttribute("aria-label", `${run.classNames[c]}, ${percent(shares[c])}${truth}`);
  });
  element("tick-hint").style.visibility = before ? "visible" : "hidden"; // hidden but not removed, so that the page does not move
  const second = argmax(shares.map((share, c) => (c === best ? -1 : share)));
  const verdict = make("b", "", `${run.classNames[best]}, ${percent(shares[best])}`);
  const paper = toPixel(0, frame);
  const isEmpty = state.base.every((x) => x === paper);
  const says = isAverage() ? "On average, the networks say " : "The network says ";
  const lead = isEmpty ? "Nothing is drawn; the network still says " : says;
  element("verdict").replaceChildren(lead, verdict, `, then ${run.classNames[second]}, ${percent(shares[second])}`);
  announce(`${run.classNames[best]}, ${percent(shares[best])}`);
}

// Tell screen readers the prediction, once it has not changed for a moment.
let announcing;
function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => (element("announce").textContent = text), 700);
}

function showSelection() {
  const looked = state.pointed ?? state.focused ?? state.pinned;
  if (looked) state.shown = looked;
  for (const old of document.querySelectorAll(".looked, .pinned")) {
    old.classList.remove("looked", "pinned");
    old.setAttribute("aria-selected", "false");
  }
  if (looked) nodeOf(looked).classList.add("looked");
  if (state.pinned) {
    nodeOf(state.pinned).classList.add("pinned");
    nodeOf(state.pinned).setAttribute("aria-selected", "true");
  }
  document.body.classList.toggle("has-pinned", Boolean(state.pinned));
  const { classNames } = run;
  const look = { ...current, network, frame, palette, classNames, off: switchedOff(), columns: (l) => grids[l].columns };
  if (state.shown) showNeuron(state.shown, look);
  const threads = looked ? threadsOf(looked) : threadsOf({ l: network.last, j: argmax(current.shares) });
  // On a phone the tools are between image and layers, so no threads are drawn there.
  const drawn = isNarrow() ? threads.filter(({ from }) => from.l >= 0) : threads;
  drawThreads(element("threads"), drawn, anchor, palette, isNarrow());
}

// The threads of a place: its largest products and their sources, and for a neuron its pushes.
function threadsOf(place) {
  const breadth = place.l === network.last ? [8, 3, 2] : [14, 3, 2];
  const threads = trace(network, current.inputs, place, breadth.slice(0, place.l + 1));
  if (place.l === network.last) return threads;
  const pushes = network.pushes(place.l, place.j, current.result.outputs, switchedOff());
  const most = pushLimit(pushes, current.scores);
  pushes.forEach((push, c) => {
    const to = { l: network.last, j: c };
    if (Math.abs(push) > 0.05 * most) threads.push({ from: place, to, strength: push / most });
  });
  return threads;
}

function nodeOf({ l, j }) {
  return l === network.last ? classRows[j].root : grids[l].cells[j];
}

function anchor(place, side, box) {
  const node = place.l < 0 ? element("image") : nodeOf(place);
  const { left, top, width, height } = node.getBoundingClientRect();
  let [x, y] = [left + width / 2, top + height / 2];
  if (place.l < 0) {
    x = left + (width * ((place.j % frame.width) + 0.5)) / frame.width;
    y = top + (height * (Math.floor(place.j / frame.width) + 0.5)) / frame.height;
  } else if (place.l === network.last && side === "in") {
    [x, y] = isNarrow() ? [left + 0.55 * width, top + 8] : [left - 4, y];
  }
  return [x - box.left, y - box.top];
}

function showControls() {
  const { changes } = state;
  element("flip").setAttribute("aria-pressed", String(changes.flip));
  element("noise").value = changes.noise;
  element("reseed").disabled = !changes.noise;
  element("reset").disabled = !isChanged(changes);
  element("undo").disabled = !state.past.length;
  const n = state.offs.flat().reduce((sum, layer) => sum + layer.reduce((a, b) => a + b, 0), 0);
  element("all-on").hidden = !n;
  element("all-on").textContent = n === 1 ? "Switch 1 neuron on again" : `Switch all ${n} neurons on again`;
}

// Show which of the sixty images are right; this changes only when neurons are switched off or on.
function showScores() {
  let right = 0;
  examples.forEach(({ pixels, label, button }, k) => {
    const found = argmax(isAverage() ? meanProbabilities(networks, pixels, state.offs) : network.scores(pixels, switchedOff()));
    right += Number(found === label);
    button.classList.toggle("wrong", found !== label);
    const taken = found === label ? "" : `, predicted as ${run.classNames[found]}`;
    button.setAttribute("aria-label", `${run.classNames[label]}, test image ${k + 1}${taken}`);
    button.title = `${run.classNames[label]}${taken}`;
  });
  element("gallery-score").textContent = `${right} of ${examples.length} right`;
}

function switchNeuron({ l, j }, isOff = !switchedOff()[l][j]) {
  switchedOff()[l][j] = Number(isOff);
  showScores();
  refresh();
}

function setPicture(pixels, { label = null, imported = null } = {}) {
  remember();
  Object.assign(state, { base: pixels.slice(), label, imported, changes: { ...NO_CHANGES } });
  showImported();
  refresh();
}

// Show what was done to the imported picture, and its options; both are hidden for another image.
function showImported() {
  element("imported").hidden = !state.imported;
  element("imported-text").textContent = state.imported?.text ?? "";
}

// Keep the image for undo before it changes.
function remember() {
  state.past.push({ base: state.base.slice(), label: state.label, imported: state.imported });
  if (state.past.length > 50) state.past.shift();
}
