// Input: draw by mouse, pen, finger and keys; drop and paste pictures; select neurons and switch them off.

const isPlace = (node) => node instanceof Element && node.closest("[data-j]");
const placeOf = (node) => ({ l: Number(node.dataset.l), j: Number(node.dataset.j) });

const tool = () => document.querySelector("input[name=tool]:checked").value;
const shade = () => (tool() === "eraser" ? 0 : Number(element("shade").value));

// The place in the drawn image, in pixels, of a point on the sheet, which shows the changed image.
function placeInPicture(x, y) {
  const [px, py] = unchangedPlace(x - 0.5, y - 0.5, frame, state.changes);
  return [px + 0.5, py + 0.5];
}

function beginDrawing(x, y) {
  remember();
  state.label = null;
  const [px, py] = placeInPicture(x, y);
  if (tool() === "fill") {
    const inside = px >= 0 && py >= 0 && px < frame.width && py < frame.height;
    if (inside) fillArea(state.base, frame, px, py, shade());
    refresh();
    return null;
  }
  const stroke = new Stroke(state.base, frame, shade(), Number(element("size").value));
  stroke.to(px, py);
  refresh();
  return stroke;
}

function wireDrawing() {
  const image = element("image");
  let stroke = null;
  const point = (event) => {
    const { left, top, width, height } = image.getBoundingClientRect();
    return [((event.clientX - left) / width) * frame.width, ((event.clientY - top) / height) * frame.height];
  };
  image.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    image.setPointerCapture(event.pointerId);
    element("cursor").hidden = true;
    stroke = beginDrawing(...point(event));
  });
  image.addEventListener("pointermove", (event) => {
    if (!stroke) return;
    const all = event.getCoalescedEvents?.() ?? [];
    for (const each of all.length ? all : [event]) stroke.to(...placeInPicture(...point(each)));
    refresh();
  });
  for (const end of ["pointerup", "pointercancel"]) image.addEventListener(end, () => (stroke = null));
}

// Arrow keys move a pen, which draws while space is held.
function wireDrawingByKeys() {
  const image = element("image");
  const cursor = element("cursor");
  const at = { x: Math.floor(frame.width / 2), y: Math.floor(frame.height / 2) };
  let stroke = null;
  const showCursor = () => {
    cursor.hidden = false;
    cursor.style.left = `${(100 * at.x) / frame.width}%`;
    cursor.style.top = `${(100 * at.y) / frame.height}%`;
    cursor.style.width = `${100 / frame.width}%`;
    cursor.style.height = `${100 / frame.height}%`;
  };
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  image.addEventListener("focus", () => image.matches(":focus-visible") && showCursor());
  image.addEventListener("blur", () => ((cursor.hidden = true), (stroke = null)));
  image.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) {
      const [dx, dy] = steps[event.key];
      if (event.shiftKey) return event.preventDefault(), shift(dx, dy);
      at.x = Math.min(Math.max(at.x + dx, 0), frame.width - 1);
      at.y = Math.min(Math.max(at.y + dy, 0), frame.height - 1);
      if (stroke) stroke.to(...placeInPicture(at.x + 0.5, at.y + 0.5));
      refresh();
    } else if (event.key === " " || event.key === "Enter") {
      if (!event.repeat) stroke = beginDrawing(at.x + 0.5, at.y + 0.5); // a held key repeats, and fills only once
    } else if (event.key === "Delete" || event.key === "Backspace") {
      remember();
      new Stroke(state.base, frame, 0, Number(element("size").value)).to(...placeInPicture(at.x + 0.5, at.y + 0.5));
      refresh();
    } else return;
    event.preventDefault();
    showCursor();
  });
  image.addEventListener("keyup", (event) => {
    if (event.key === " " || event.key === "Enter") stroke = null;
  });
}

function shift(dx, dy) {
  state.changes.dx = Math.min(Math.max(state.changes.dx + dx, 1 - frame.width), frame.width - 1);
  state.changes.dy = Math.min(Math.max(state.changes.dy + dy, 1 - frame.height), frame.height - 1);
  refresh();
}

function undo() {
  const before = state.past.pop();
  if (!before) return;
  Object.assign(state, before);
  showImported();
  refresh();
}

function wireTools() {
  const changed = (values) => {
    Object.assign(state.changes, values);
    refresh();
  };
  element("undo").addEventListener("click", undo);
  element("clear").addEventListener("click", () => setPicture(emptyPicture(frame)));
  element("flip").addEventListener("click", () => changed({ flip: !state.changes.flip }));
  element("noise").addEventListener("input", (event) => changed({ noise: Number(event.target.value) }));
  element("reseed").addEventListener("click", () => changed({ seed: state.changes.seed + 1 }));
  element("reset").addEventListener("click", () => changed(NO_CHANGES));
  for (const button of document.querySelectorAll("[data-shift]")) {
    button.addEventListener("click", () => shift(...button.dataset.shift.split(",").map(Number)));
  }
  element("all-on").addEventListener("click", () => {
    for (const layer of state.offs.flat()) layer.fill(0);
    showScores();
    refresh();
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z") {
      event.preventDefault();
      undo();
    }
  });
}

function wireImport() {
  document.body.dataset.drop = "Drop the picture anywhere"; // for the style sheet, which has no texts to translate
  const options = () => Object.fromEntries(["invert", "stretch", "trim"].map((id) => [id, element(id).checked]));
  const show = (picture) => {
    const { pixels, text } = importPicture(picture, frame, options());
    setPicture(pixels, { imported: { ...picture, text } });
  };
  const take = async (blob) => {
    try {
      show(await readPicture(blob));
    } catch {
      const name = blob.name || "What was pasted";
      element("imported").hidden = false;
      element("imported-text").textContent = `${name} is not a picture that this browser can read.`;
    }
  };
  for (const id of ["invert", "stretch", "trim"]) {
    element(id).addEventListener("change", () => state.imported && show(state.imported));
  }
  element("file").addEventListener("change", (event) => {
    if (event.target.files[0]) take(event.target.files[0]);
    event.target.value = ""; // so that the same file can be opened again
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.add("dropping");
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.items].find((item) => item.kind === "file");
    if (file) take(file.getAsFile());
  });
}

function look(values) {
  Object.assign(state, values);
  if (current) showSelection();
}

function press(place) {
  if (!isSame(state.pinned, place)) look({ pinned: place });
  else if (place.l < network.last) switchNeuron(place);
}

// Handle keys on a neuron or a class.
function pressKey(event) {
  const place = placeOf(isPlace(event.target));
  if (event.key === "Enter" || event.key === " ") return press(place), true;
  if (event.key.toLowerCase() === "x" && place.l < network.last) return switchNeuron(place), true;
  return false;
}

function wireLooking() {
  for (const area of [element("layers"), element("classes")]) {
    area.addEventListener("pointerover", (event) => {
      const node = isPlace(event.target);
      if (event.pointerType === "mouse") look({ pointed: node ? placeOf(node) : null });
    });
    area.addEventListener("pointerleave", () => look({ pointed: null }));
    area.addEventListener("focusin", (event) => {
      if (isPlace(event.target)) look({ focused: placeOf(isPlace(event.target)) });
    });
    area.addEventListener("focusout", (event) => {
      if (!element("inspector").contains(event.relatedTarget)) look({ focused: null });
    });
    area.addEventListener("click", (event) => isPlace(event.target) && press(placeOf(isPlace(event.target))));
  }
  const classes = classRows.map((row) => row.root);
  walkable(element("classes"), classes, () => columnsOf(classes), pressKey);
  const letGo = () => look({ pinned: null, focused: null, pointed: null });
  element("switch").addEventListener("click", () => switchNeuron(state.shown));
  element("unpin").addEventListener("click", letGo);
  document.addEventListener("keydown", (event) => event.key === "Escape" && letGo());
}

function wire() {
  wireDrawing();
  wireDrawingByKeys();
  wireTools();
  wireImport();
  wireLooking();
  let width = 0;
  const resized = ([{ contentRect }]) => {
    if (contentRect.width !== width) layOut(); // not for a new height, which the layout itself causes
    width = contentRect.width;
  };
  new ResizeObserver(resized).observe(element("flow"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    palette = new Palette();
    for (const grid of grids) grid.shown.fill(-1);
    refresh();
  });
}
