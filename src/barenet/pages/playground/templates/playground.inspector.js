// The selected neuron: its weights, its current inputs, and how much it pushes each class.

const MANY_CLASSES = 12; // of more classes, only those with the largest pushes are shown

// Fill the inspector. `look` is {network, frame, palette, classNames, columns, inputs, result, scores, off}.
function showNeuron({ l, j }, look) {
  const { network, result } = look;
  const isClass = l === network.last;
  const isOff = !isClass && Boolean(look.off[l][j]);
  element("inspector-hint").hidden = true;
  element("inspector-body").hidden = false;
  element("inspector-title").textContent = nameOf({ l, j }, look);
  element("inspector-state").textContent = isOff
    ? "switched off: it gives 0"
    : isClass
      ? isAverage()
        ? `score ${signed(result.outputs[l][j])}, average probability ${percent(look.shares[j])}`
        : `score ${signed(result.outputs[l][j])}, probability ${percent(look.shares[j])}`
      : `activation ${signed(result.outputs[l][j])}`;
  showWeights({ l, j }, look);
  const button = element("switch");
  button.hidden = isClass;
  button.textContent = isOff ? "Switch on" : "Switch off";
  element("pushes").parentElement.hidden = isClass && l === 0;
  if (!isClass) showPushes(isOff ? [] : network.pushes(l, j, result.outputs, look.off), look, isOff);
  else if (l > 0) showSources({ l, j }, look);
}

function nameOf({ l, j }, { network, classNames }) {
  return l === network.last ? classNames[j] : `Layer ${l + 1}, neuron ${j + 1}`;
}

function showWeights({ l, j }, { network, frame, palette, columns, inputs, result }) {
  const weights = network.incoming(l, j);
  const products = weights.map((w, i) => w * inputs[l][i]);
  const width = l === 0 ? frame.width : columns(l - 1);
  const shape = `${width} / ${Math.ceil(weights.length / width)}`;
  for (const [id, values] of [["weights", weights], ["products", products]]) {
    const canvas = element(id);
    canvas.style.aspectRatio = shape;
    paintSigned(canvas, values, width, palette, largest(values) || 1);
  }
  const whose = l === 0 ? "one for each pixel" : `one for each neuron of layer ${l}, in the same places`;
  const size = `, ${whose}: up to ±${signed(largest(weights))}.`;
  element("weights-text").replaceChildren(make("b", "", "Its weights"), size);
  const total = products.reduce((sum, product) => sum + product, 0);
  const bias = network.layers[l].b[j];
  const z = result.sums[l][j];
  const { activation, normalization, residual } = network.layers[l];
  let rest = normalization === "layer" ? `; layer normalisation turns this into ${signed(z)}` : "";
  if (activation === "softmax") rest += ", then softmax over the layer";
  else if (activation !== "identity") rest += `; ${activation} turns this into ${signed(ACTIVATIONS[activation]([z])[0])}`;
  if (residual) rest += `; the input ${signed(inputs[l][j])} of the same place is added`;
  element("products-text").replaceChildren(
    make("b", "", "Weight × input"),
    `, now: they add up to ${signed(total)}, with the bias ${signed(bias)} to ${signed(total + bias)}${rest}.`,
  );
  const extremes = `from ${signed(Math.min(...weights))} to ${signed(Math.max(...weights))}`;
  element("weights").setAttribute("aria-label", `${weights.length} weights ${extremes}`);
  element("products").setAttribute("aria-label", `Weights times inputs; they add up to ${signed(total)}`);
}

// Fill the bars: rows are [name, value]; a full bar to either side means `limit`.
function showBars(rows, limit) {
  const made = rows.map(([name, value]) => {
    const row = make("div", "push");
    const bar = make("i", value < 0 ? "negative" : "positive");
    bar.style.width = `${(50 * Math.abs(value)) / limit}%`;
    const track = make("span", "track");
    track.append(bar);
    row.append(make("span", "name", name), track, make("span", "number", withPlus(value)));
    row.title = name; // a long name is cut
    return row;
  });
  element("pushes").replaceChildren(...made);
}

// The value of a full bar: the neuron's largest push, but at least a tenth of the range of scores, so that the bars of a
// neuron without influence are short.
function pushLimit(pushes, scores) {
  return Math.max(largest(pushes), 0.1 * (Math.max(...scores) - Math.min(...scores))) || 1;
}

function showPushes(pushes, { classNames, network, scores }, isOff) {
  const text = element("pushes-text");
  if (isOff) {
    showBars([], 1);
    text.replaceChildren(make("b", "", "It pushes nothing"), ": it is switched off.");
    element("pushes").setAttribute("aria-label", "No pushes");
    return;
  }
  const strongest = strongestOf(pushes, MANY_CLASSES).sort((a, b) => a - b);
  showBars(strongest.map((c) => [classNames[c], pushes[c]]), pushLimit(pushes, scores));
  const meaning = network.givesProbabilities
    ? ": each class's probability, minus what it would be without this neuron."
    : ": each class's score, minus what it would be without this neuron.";
  text.replaceChildren(make("b", "", "How much it pushes"), meaning);
  const [up, down] = [argmax(pushes), argmax(pushes.map((v) => -v))];
  element("pushes").setAttribute(
    "aria-label",
    `Pushes ${classNames[up]} by ${withPlus(pushes[up])} and ${classNames[down]} by ${withPlus(pushes[down])}`,
  );
}

// The neurons that contribute most to a class's score: the largest products.
function showSources({ l, j }, { network, inputs, scores }) {
  const products = network.incoming(l, j).map((w, i) => w * inputs[l][i]);
  const strongest = strongestOf(products, 10).sort((a, b) => products[b] - products[a]);
  showBars(strongest.map((i) => [`neuron ${i + 1}`, products[i]]), pushLimit(products, scores));
  const meaning = `: the ${strongest.length} largest products of layer ${l}'s activations and its weights.`;
  element("pushes-text").replaceChildren(make("b", "", "What pushes it"), meaning);
  const [first] = strongest;
  element("pushes").setAttribute("aria-label", `Neuron ${first + 1} pushes it most, by ${withPlus(products[first])}`);
}
