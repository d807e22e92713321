// Hovering over a plot shows the figures of the nearest point; the tables show the same figures.
for (const figure of document.querySelectorAll("figure[data-hover]")) {
  const svg = figure.querySelector("svg");
  const points = JSON.parse(figure.dataset.hover);
  if (!svg || !points.length) continue;
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  figure.append(tip);
  svg.addEventListener("pointermove", (event) => {
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    const near = points.reduce((a, b) => (Math.abs(b[0] - place.x) < Math.abs(a[0] - place.x) ? b : a));
    const at = new DOMPoint(near[0], near[1]).matrixTransform(svg.getScreenCTM());
    const box = figure.getBoundingClientRect();
    tip.textContent = near[2];
    tip.hidden = false;
    const half = tip.offsetWidth / 2;
    tip.style.left = Math.min(Math.max(at.x - box.left, half), box.width - half) + "px";
    tip.style.top = at.y - box.top + "px";
  });
  svg.addEventListener("pointerleave", () => { tip.hidden = true; });
}
