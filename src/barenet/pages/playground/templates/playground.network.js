// The network: its activations, its forward pass, and the effect of one neuron on the scores. This script does not use
// the page.
//
// Weights are the run's float32 numbers. Sums are computed in double precision, which is closer to the exact result than
// the float32 of training. W is stored row by row, W[input * outputs + output], so that a = f(x W + b).

const sigmoid = (z) => 0.5 + 0.5 * Math.tanh(0.5 * z); // cannot overflow

const GELU_SCALE = Math.sqrt(2 / Math.PI);

// Each function works on a whole row, in place. The functions are those of barenet/nn/activations.py.
const ACTIVATIONS = {
  identity: (z) => z,
  relu: (z) => each(z, (v) => Math.max(v, 0)),
  leaky_relu: (z) => each(z, (v) => Math.max(v, 0.01 * v)),
  sigmoid: (z) => each(z, sigmoid),
  tanh: (z) => each(z, Math.tanh),
  elu: (z) => each(z, (v) => (v > 0 ? v : Math.expm1(v))),
  gelu: (z) => each(z, (v) => v * sigmoid(2 * GELU_SCALE * (v + 0.044715 * v * v * v))),
  silu: (z) => each(z, (v) => v * sigmoid(v)),
  softplus: (z) => each(z, (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)))),
  softmax: softmax,
};

function each(row, f) {
  for (let i = 0; i < row.length; i++) row[i] = f(row[i]);
  return row;
}

// e^z / sum(e^z), shifted by the largest z so that nothing overflows; in place.
function softmax(z) {
  let largest = -Infinity;
  for (const v of z) largest = Math.max(largest, v);
  let sum = 0;
  for (let i = 0; i < z.length; i++) sum += z[i] = Math.exp(z[i] - largest);
  return each(z, (v) => v / sum);
}

// Give a row mean 0 and variance 1, as in barenet/nn/layers/normalization.py; in place.
function layerNorm(z) {
  const mean = z.reduce((sum, v) => sum + v, 0) / z.length;
  const variance = z.reduce((sum, v) => sum + (v - mean) * (v - mean), 0) / z.length;
  return each(z, (v) => (v - mean) / Math.sqrt(variance + 1e-5));
}

class Network {
  // layers: rows of {inputs, outputs, activation}, some with normalization or residual; values: W1, b1, W2, b2, ... in one
  // Float32Array.
  constructor(layers, values, givesProbabilities) {
    let start = 0;
    const take = (length) => values.subarray(start, (start += length));
    this.layers = layers.map((layer) => ({
      ...layer,
      W: take(layer.inputs * layer.outputs),
      b: take(layer.outputs),
    }));
    this.givesProbabilities = givesProbabilities;
  }

  get last() {
    return this.layers.length - 1;
  }

  // z = x W + b of layer `l`, normalised if the layer has normalisation, in double precision. Zero inputs are skipped.
  sums(l, x) {
    const { inputs, outputs, W, b } = this.layers[l];
    const z = Float64Array.from(b);
    for (let i = 0; i < inputs; i++) {
      const value = x[i];
      if (value === 0) continue;
      for (let j = 0, k = i * outputs; j < outputs; j++, k++) z[j] += value * W[k];
    }
    return this.layers[l].normalization === "layer" ? layerNorm(z) : z;
  }

  // Run layers `from`, `from` + 1, ... on `x` and return {sums, outputs}, with a row for each layer; rows before `from`
  // are empty. off[l][j] is 1 if neuron j of layer l is switched off: then it gives 0 for every input.
  forward(x, off = [], from = 0) {
    const sums = [];
    const outputs = [];
    for (let l = from; l < this.layers.length; l++) {
      sums[l] = this.sums(l, x);
      const a = ACTIVATIONS[this.layers[l].activation](Float64Array.from(sums[l]));
      x = outputs[l] = this.layers[l].residual ? a.map((v, j) => v + x[j]) : a;
      if (l < this.last && off[l]) for (let j = 0; j < x.length; j++) if (off[l][j]) x[j] = 0;
    }
    return { sums, outputs };
  }

  // The last layer's outputs: logits, or probabilities if the network ends in softmax.
  scores(x, off) {
    return this.forward(x, off).outputs[this.last];
  }

  probabilities(scores) {
    return this.givesProbabilities ? scores : softmax(Float64Array.from(scores));
  }

  // How much neuron j of layer l pushes each class: the scores, minus the scores if it gave 0 and all later layers were
  // computed again. This is exact for any activation and any number of later layers.
  pushes(l, j, outputs, off) {
    const silenced = Float64Array.from(outputs[l]);
    silenced[j] = 0;
    const without = this.forward(silenced, off, l + 1).outputs[this.last];
    return outputs[this.last].map((score, c) => score - without[c]);
  }

  // The weights that come into neuron j of layer l.
  incoming(l, j) {
    const { inputs, outputs, W } = this.layers[l];
    return Float64Array.from({ length: inputs }, (_, i) => W[i * outputs + j]);
  }
}

// The networks of a page, from their rows of layers and the weights of all networks, one after another.
function makeNetworks(members, values) {
  let start = 0;
  return members.map(({ layers, givesProbabilities }) => {
    const size = layers.reduce((sum, layer) => sum + (layer.inputs + 1) * layer.outputs, 0);
    return new Network(layers, values.subarray(start, (start += size)), givesProbabilities);
  });
}

// The mean of the networks' probabilities for x, like the average of an ensemble in barenet. off[k] says which neurons of
// network k are switched off.
function meanProbabilities(networks, x, off = []) {
  const { layers, last } = networks[0];
  const sum = new Float64Array(layers[last].outputs);
  networks.forEach((network, k) => {
    network.probabilities(network.scores(x, off[k])).forEach((share, c) => (sum[c] += share));
  });
  return each(sum, (total) => total / networks.length);
}

function argmax(row) {
  let best = 0;
  for (let i = 1; i < row.length; i++) if (row[i] > row[best]) best = i;
  return best;
}

// Return the array from base64 of zlib of byte planes: the first bytes of all elements, then the second bytes, ...
async function unpack(text, ArrayType) {
  const packed = Uint8Array.from(atob(text.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const size = ArrayType.BYTES_PER_ELEMENT;
  const n = planes.length / size;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < size; plane++) {
    for (let i = 0; i < n; i++) bytes[i * size + plane] = planes[plane * n + i];
  }
  return new ArrayType(bytes.buffer);
}
