// The drawn image: pixels as network inputs, strokes, filling, and changes. This script uses neither page nor canvas.
//
// `frame` is {height, width, low, high, brightBorder, scale}. Ink goes from 0 (the paper) to 1. If the run's images have
// a bright border, the paper is bright. For runs trained on bytes, pixels are whole bytes times the scale, in float32.

const paperOf = (frame) => (frame.brightBorder ? frame.high : frame.low);
const inkOf = (frame) => (frame.brightBorder ? frame.low : frame.high);

// The possible pixel of the run's images that is nearest to `x`.
function snap(x, frame) {
  const inside = Math.min(Math.max(x, frame.low), frame.high);
  return Math.fround(frame.scale === null ? inside : Math.round(inside / frame.scale) * frame.scale);
}

const toPixel = (ink, frame) => snap(paperOf(frame) + (inkOf(frame) - paperOf(frame)) * ink, frame);
const toInk = (x, frame) => (x - paperOf(frame)) / (inkOf(frame) - paperOf(frame));
// 0 is black, 1 is white.
const toGrey = (x, frame) => Math.min(Math.max((x - frame.low) / (frame.high - frame.low), 0), 1);

const emptyPicture = (frame) => new Float32Array(frame.height * frame.width).fill(toPixel(0, frame));

// One stroke of a round pen with a soft edge and a `shade` (0 erases). A second pass over a pixel changes nothing.
class Stroke {
  constructor(pixels, frame, shade, radius) {
    Object.assign(this, { pixels, frame, shade, radius, last: null });
    this.before = pixels.slice();
    this.cover = new Float32Array(pixels.length);
  }

  to(x, y) {
    const [fromX, fromY] = this.last ?? [x, y];
    const steps = Math.max(1, Math.ceil(Math.hypot(x - fromX, y - fromY) * 3));
    for (let s = 0; s <= steps; s++) this.dab(fromX + ((x - fromX) * s) / steps, fromY + ((y - fromY) * s) / steps);
    this.last = [x, y];
  }

  dab(x, y) {
    const { height, width } = this.frame;
    const reach = Math.ceil(this.radius + 1);
    const [top, bottom] = [Math.max(0, Math.floor(y) - reach), Math.min(height - 1, Math.floor(y) + reach)];
    const [left, right] = [Math.max(0, Math.floor(x) - reach), Math.min(width - 1, Math.floor(x) + reach)];
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
        const i = row * width + column;
        this.cover[i] = Math.max(this.cover[i], Math.min(Math.max(this.radius + 0.5 - distance, 0), 1));
        const before = toInk(this.before[i], this.frame);
        this.pixels[i] = toPixel(before + (this.shade - before) * this.cover[i], this.frame);
      }
    }
  }
}

// Fill the area of similar ink around a pixel, and the soft edge of the line around it.
function fillArea(pixels, frame, x, y, shade) {
  const { height, width } = frame;
  const start = Math.floor(y) * width + Math.floor(x);
  const ink = toInk(pixels[start], frame);
  const [INSIDE, EDGE] = [1, 2];
  const seen = new Uint8Array(pixels.length);
  const waiting = [start];
  while (waiting.length) {
    const i = waiting.pop();
    if (seen[i]) continue;
    seen[i] = Math.abs(toInk(pixels[i], frame) - ink) > 0.25 ? EDGE : INSIDE;
    if (seen[i] === EDGE) continue;
    const column = i % width;
    if (column > 0) waiting.push(i - 1);
    if (column < width - 1) waiting.push(i + 1);
    if (i >= width) waiting.push(i - width);
    if (i < (height - 1) * width) waiting.push(i + width);
  }
  const stronger = shade > ink ? Math.max : Math.min; // so that no lighter edge remains between area and line
  for (let i = 0; i < pixels.length; i++) {
    if (seen[i] === INSIDE) pixels[i] = toPixel(shade, frame);
    if (seen[i] === EDGE) pixels[i] = toPixel(stronger(toInk(pixels[i], frame), shade), frame);
  }
}

// Changes of the drawn image, which is kept as it was: it is flipped, then shifted, then noise is added.
const NO_CHANGES = { dx: 0, dy: 0, flip: false, noise: 0, seed: 1 };

const isChanged = (changes) => Boolean(changes.dx || changes.dy || changes.flip || changes.noise);

function applyChanges(pixels, frame, changes) {
  if (!isChanged(changes)) return pixels.slice();
  const { height, width } = frame;
  const changed = emptyPicture(frame);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [fromX, fromY] = unchangedPlace(x, y, frame, changes);
      const inside = fromX >= 0 && fromX < width && fromY >= 0 && fromY < height;
      if (inside) changed[y * width + x] = pixels[fromY * width + fromX];
    }
  }
  if (!changes.noise) return changed;
  const normal = normalNoise(changes.seed);
  const strength = changes.noise * (frame.high - frame.low);
  return changed.map((x) => snap(x + strength * normal(), frame));
}

// The place in the drawn image of the pixel at (x, y) of the changed image.
function unchangedPlace(x, y, frame, { dx, dy, flip }) {
  return [flip ? frame.width - 1 - (x - dx) : x - dx, y - dy];
}

// Standard normal numbers, the same for the same seed: Box and Muller's method on Marsaglia's xorshift.
function normalNoise(seed) {
  let state = Math.imul(seed, 0x9e3779b1) | 1;
  const uniform = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return ((state >>> 0) + 0.5) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}
