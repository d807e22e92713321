// Show values as colours, small canvases and numbers. Blue is negative, orange positive, and the background colour zero.

const element = (id) => document.getElementById(id);

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// A number with its sign, short enough for a label.
function signed(value, digits = 2) {
  const text = Math.abs(value) >= 1000 ? Math.abs(value).toExponential(1) : Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? "−" : "") + text;
}

const withPlus = (value) => (value > 0 && Number(value.toFixed(2)) !== 0 ? "+" : "") + signed(value);

function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${(100 * share).toFixed(share > 0.0995 && share < 0.9995 ? 0 : 1)} %`.replace("100.0", "100");
}

function largest(values) {
  let most = 0;
  for (const v of values) most = Math.max(most, Math.abs(v));
  return most;
}

// The positions of the n values farthest from zero, the farthest first.
function strongestOf(values, n) {
  const sizes = Float64Array.from(values, Math.abs);
  return Array.from({ length: Math.min(n, sizes.length) }, () => {
    const place = argmax(sizes);
    sizes[place] = -1;
    return place;
  });
}

// The colours of the style sheet, for its light or dark theme.
class Palette {
  constructor() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim().split(" ").map(Number);
    const [negative, zero, positive] = ["--negative", "--zero", "--positive"].map(read);
    this.steps = Array.from({ length: 401 }, (_, k) => {
      const t = (k - 200) / 200;
      const strength = Math.abs(t) ** 0.75; // so that small values are visible
      const end = t < 0 ? negative : positive;
      return zero.map((from, channel) => Math.round(from + (end[channel] - from) * strength));
    });
    this.names = this.steps.map((rgb) => `rgb(${rgb})`);
  }

  step(t) {
    return Math.round(200 + 200 * Math.min(Math.max(t || 0, -1), 1));
  }
}

// Paint an image: low is black, high is white.
function paintPicture(canvas, pixels, frame) {
  paintPixels(canvas, frame.width, frame.height, pixels.length, (i) => {
    const grey = 255 * toGrey(pixels[i], frame);
    return [grey, grey, grey];
  });
}

// Paint values from -limit to limit in the palette's colours, row by row.
function paintSigned(canvas, values, width, palette, limit) {
  const height = Math.ceil(values.length / width);
  paintPixels(canvas, width, height, values.length, (i) => palette.steps[palette.step(values[i] / limit)]);
}

function paintPixels(canvas, width, height, n, colourOf) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let i = 0; i < n; i++) image.data.set([...colourOf(i), 255], 4 * i);
  context.putImageData(image, 0, 0);
}

// Let arrow keys move between `items`, which are in rows of columns() items; Tab stops only at the current one.
function walkable(container, items, columns, onKey = () => false) {
  const go = (to) => {
    for (const item of items) if (item.tabIndex === 0) item.tabIndex = -1;
    items[to].tabIndex = 0;
  };
  if (items.length) go(0);
  container.addEventListener("focusin", (event) => {
    const at = items.indexOf(event.target);
    if (at >= 0) go(at);
  });
  container.addEventListener("keydown", (event) => {
    const at = items.indexOf(event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns() };
    let to = at + (steps[event.key] ?? 0);
    if (event.key === "Home") to = 0;
    if (event.key === "End") to = items.length - 1;
    if (to !== at && items[to]) items[to].focus();
    if (to !== at || onKey(event, at)) event.preventDefault();
  });
}
