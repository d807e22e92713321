// Convert a picture of any size and colour to an image like the run's images: grey, with their size and background.
//
// The page names every step, and each can be switched off, except for grey and size. A picture with the size of the
// run's images is taken pixel by pixel.

const LONGEST = 512; // a larger picture is first reduced to this size

// Return {name, width, height, w, h, grey}: the size of the picture, and the brightness, 0-1, of a copy of w x h pixels;
// transparent pixels become white.
async function readPicture(blob) {
  const url = URL.createObjectURL(blob);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const width = image.naturalWidth || LONGEST; // an SVG without a size
    const height = image.naturalHeight || LONGEST;
    const shrink = Math.min(1, LONGEST / Math.max(width, height));
    const w = Math.max(1, Math.round(width * shrink));
    const h = Math.max(1, Math.round(height * shrink));
    const canvas = makeCanvas(w, h, "white");
    drawSmaller(canvas, image, [0, 0, width, height], [0, 0, w, h]);
    return { name: blob.name || "pasted picture", width, height, w, h, grey: greyOf(canvas) };
  } finally {
    URL.revokeObjectURL(url);
  }
}

// Return {pixels, text}: the network's pixels, and the steps in words. options: {invert, stretch, trim}.
function importPicture(picture, frame, options) {
  const { width, height, w, h } = picture;
  const about = `${picture.name}: ${width} × ${height}`;
  const exact = width === frame.width && height === frame.height;
  const steps = [exact ? "taken pixel by pixel" : `made grey and resized to ${frame.width} × ${frame.height}`];
  let grey = picture.grey.slice();
  const bright = median(borderOf(grey, w, h)) > 0.5;
  if (bright !== frame.brightBorder && options.invert) {
    grey = grey.map((v) => 1 - v);
    steps.push(
      bright
        ? "inverted, since its border is bright and those of the run's images are not"
        : "inverted, since its border is dark and those of the run's images are not",
    );
  }
  let box = [0, 0, w, h];
  if (!exact) {
    const paper = median(borderOf(grey, w, h));
    const stretched = options.stretch && stretchContrast(grey, paper, frame);
    if (stretched) steps.push("contrast stretched");
    if (options.trim) {
      const found = boxOfInk(grey, w, h, stretched ? Number(frame.brightBorder) : paper);
      if (found && found[2] * found[3] < 0.95 * w * h) {
        box = found;
        steps.push("cut to what is drawn");
      }
    }
  }
  const small = exact ? grey : resizeGrey(grey, w, h, box, frame, options.trim ? frame.extent : 1);
  const pixels = small.map((v) => snap(frame.low + (frame.high - frame.low) * v, frame));
  return { pixels, text: `${about}, ${steps.join(", ")}.` };
}

function borderOf(grey, w, h) {
  const border = [];
  for (let x = 0; x < w; x++) border.push(grey[x], grey[(h - 1) * w + x]);
  for (let y = 0; y < h; y++) border.push(grey[y * w], grey[y * w + w - 1]);
  return border;
}

function median(values) {
  const sorted = Float64Array.from(values).sort();
  return sorted[sorted.length >> 1];
}

// Make the paper black (or white) and the strongest ink white (or black), in place; return false if there is no ink.
function stretchContrast(grey, paper, frame) {
  const towards = frame.brightBorder ? -1 : 1;
  let strongest = 0;
  for (const v of grey) strongest = Math.max(strongest, towards * (v - paper));
  if (strongest < 0.05) return false; // an empty sheet has only noise
  for (let i = 0; i < grey.length; i++) {
    const ink = Math.min(Math.max((towards * (grey[i] - paper)) / strongest, 0), 1);
    grey[i] = frame.brightBorder ? 1 - ink : ink;
  }
  return true;
}

// Return [x, y, width, height] of the box around all pixels that differ from the paper, or null.
function boxOfInk(grey, w, h, paper) {
  let [left, top, right, bottom] = [w, h, -1, -1];
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      if (Math.abs(grey[y * w + x] - paper) < 0.15) continue;
      [left, right] = [Math.min(left, x), Math.max(right, x)];
      [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
  }
  return right < 0 ? null : [left, top, right - left + 1, bottom - top + 1];
}

// Fit a part of a grey picture into the middle of the frame; its longer side fills the share `extent` of the frame.
function resizeGrey(grey, w, h, box, frame, extent) {
  const source = makeCanvas(w, h, "black");
  const context = source.getContext("2d");
  const image = context.createImageData(w, h);
  for (let i = 0; i < grey.length; i++) image.data.set([255 * grey[i], 255 * grey[i], 255 * grey[i], 255], 4 * i);
  context.putImageData(image, 0, 0);
  const paper = frame.brightBorder ? "white" : "black";
  const target = makeCanvas(frame.width, frame.height, paper);
  const grow = Math.min((extent * frame.width) / box[2], (extent * frame.height) / box[3]);
  const [wide, tall] = [Math.max(1, box[2] * grow), Math.max(1, box[3] * grow)];
  drawSmaller(target, source, box, [(frame.width - wide) / 2, (frame.height - tall) / 2, wide, tall]);
  return greyOf(target);
}

// Draw a part of an image into a box. While it is more than twice too large, it is halved first, to skip no pixels.
function drawSmaller(target, image, [x, y, width, height], [toX, toY, toWidth, toHeight]) {
  while (width > 2 * toWidth && height > 2 * toHeight) {
    const half = makeCanvas(Math.ceil(width / 2), Math.ceil(height / 2));
    const context = half.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, x, y, width, height, 0, 0, half.width, half.height);
    [image, x, y, width, height] = [half, 0, 0, half.width, half.height];
  }
  const context = target.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(image, x, y, width, height, toX, toY, toWidth, toHeight);
}

function makeCanvas(width, height, colour) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  if (colour) {
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = colour;
    context.fillRect(0, 0, width, height);
  }
  return canvas;
}

// Brightness 0-1 of every pixel, by the weights of Rec. 601; a grey pixel keeps its value.
function greyOf(canvas) {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Float32Array.from({ length: data.length / 4 }, (_, i) => {
    const [r, g, b] = data.subarray(4 * i, 4 * i + 3);
    return (r === g && g === b ? r : 0.299 * r + 0.587 * g + 0.114 * b) / 255;
  });
}
