/* Reads the picture of a session aloud: values and reasons at the moment under the pointer or the arrow keys. All words
   and figures stand in data-figures; texts are set as text, never as markup. The chosen unit outlives a refresh. */
(() => {
  "use strict";

  const UNIT = "cpo-unit";
  const UNITS = { W: 0, A: 1 };
  const SVG = "http://www.w3.org/2000/svg";
  const seen = new WeakMap();
  let kept = null; // the moment that is read, in seconds since 1970; null: now

  const figuresOf = (drawings) => {
    if (!seen.has(drawings)) seen.set(drawings, JSON.parse(drawings.dataset.figures));
    return seen.get(drawings);
  };
  const clock = (second) => new Date(second * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC";
  const make = (name, text) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    return element;
  };

  /* What was measured last by then; not what was measured long before. */
  const newest = (figures, second) => {
    const last = figures.measured.findLast((point) => point[0] <= second);
    return last && second - last[0] <= Math.max(300, (figures.till - figures.from) / 60) ? last : null;
  };

  const valuesAt = (figures, second, unit) => {
    const moment = figures.moments.find((m) => m[0] <= second && second < m[1]);
    const measured = newest(figures, second);
    const sameLimits = !moment || (measured && measured[0] >= moment[0]);
    const values = figures.series.map((label, i) => [label, moment && moment[2][i].length ? moment[2][i][UNITS[unit]] : null]);
    const when = measured && measured[0] !== second ? ` at ${clock(measured[0]).slice(11, 19)}` : "";
    values.push([figures.measuredLabel + when, measured ? measured[1 + UNITS[unit]] : null]);
    const reasons = (moment ? moment[3] : []).concat(measured && sameLimits ? [measured[3]] : []);
    return { values, reasons: reasons.map((i) => figures.words[i]) };
  };

  const write = (readout, second, unit, { values, reasons }) => {
    const list = make("dl");
    for (const [label, value] of values) {
      const pair = make("div");
      pair.append(make("dt", label), make("dd", value === null ? "–" : `${value} ${unit}`));
      list.append(pair);
    }
    const why = make("ul");
    for (const reason of reasons) why.append(make("li", reason));
    readout.replaceChildren(make("strong", clock(second)), list, why);
  };

  const mark = (drawing, share) => {
    const plot = drawing.querySelector(".cpo-plot");
    const line = plot.querySelector(".cpo-cursor") || plot.appendChild(document.createElementNS(SVG, "line"));
    const at = `${(share * 100).toFixed(2)}%`;
    const height = plot.querySelector(".cpo-lines").getAttribute("height");
    for (const [name, value] of Object.entries({ class: "cpo-cursor", x1: at, x2: at, y1: 0, y2: Number(height) + 8 })) {
      line.setAttribute(name, value);
    }
  };

  const tell = (drawing, second) => {
    const readout = drawing.closest("[data-part]").querySelector(".cpo-readout");
    write(readout, second, drawing.dataset.unit, valuesAt(figuresOf(drawing.parentElement), second, drawing.dataset.unit));
  };

  const read = (drawing, second) => {
    const figures = figuresOf(drawing.parentElement);
    kept = Math.min(figures.till, Math.max(figures.from, second));
    mark(drawing, (kept - figures.from) / (figures.till - figures.from));
    tell(drawing, kept);
  };

  /* What is read, or how it stands now, in the drawing that is seen. */
  const show = () => {
    const drawing = [...document.querySelectorAll(".cpo-drawing")].find((one) => one.offsetParent !== null);
    if (!drawing) return;
    document.querySelectorAll(".cpo-cursor").forEach((line) => line.remove());
    if (kept === null) tell(drawing, figuresOf(drawing.parentElement).now);
    else read(drawing, kept);
  };
  const back = (drawing) => {
    if (!drawing || drawing === document.activeElement) return;
    kept = null;
    show();
  };

  const underPointer = (drawing, event) => {
    const figures = figuresOf(drawing.parentElement);
    const box = drawing.querySelector(".cpo-plot").getBoundingClientRect();
    return Math.round(figures.from + ((event.clientX - box.left) / box.width) * (figures.till - figures.from));
  };

  /* Every moment at which anything begins, ends or was measured. */
  const stops = (figures) => {
    const all = figures.moments.flatMap((m) => [m[0], m[1]]).concat(figures.measured.map((p) => p[0]));
    return [...new Set(all)].filter((s) => s >= figures.from && s <= figures.till).sort((a, b) => a - b);
  };

  const stepped = (drawing, key) => {
    const figures = figuresOf(drawing.parentElement);
    const all = stops(figures);
    const at = kept ?? figures.now;
    if (key === "Home") return all[0];
    if (key === "End") return all[all.length - 1];
    return key === "ArrowRight" ? all.find((s) => s > at) : all.findLast((s) => s < at);
  };

  const chosen = () => {
    try { return sessionStorage.getItem(UNIT); } catch { return null; }
  };
  const restore = (root) => {
    const input = root.querySelector(`input[name=cpo-unit][value="${chosen() === "A" ? "A" : "W"}"]`);
    if (input) input.checked = true;
  };

  document.addEventListener("pointermove", (event) => {
    const drawing = event.target.closest?.(".cpo-drawing");
    if (drawing) read(drawing, underPointer(drawing, event));
  });
  document.addEventListener("pointerdown", (event) => {
    const drawing = event.target.closest?.(".cpo-drawing");
    if (drawing) read(drawing, underPointer(drawing, event));
  });
  document.addEventListener("keydown", (event) => {
    const drawing = event.target.closest?.(".cpo-drawing");
    if (!drawing || !["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) return;
    event.preventDefault();
    const second = stepped(drawing, event.key);
    if (second !== undefined) read(drawing, second);
  });
  document.addEventListener("change", (event) => {
    if (event.target.name !== "cpo-unit") return;
    try { sessionStorage.setItem(UNIT, event.target.value); } catch { /* then it is chosen anew on the next page */ }
    show();
  });
  /* The pointer must not take the focus: a part that has it is not refreshed. */
  document.addEventListener("mousedown", (event) => { if (event.target.closest?.(".cpo-drawing")) event.preventDefault(); });
  document.addEventListener("pointerout", (event) => {
    const drawing = event.target.closest?.(".cpo-drawing");
    if (drawing && !drawing.contains(event.relatedTarget)) back(drawing);
  });
  document.addEventListener("focusout", (event) => { if (event.target.matches?.(".cpo-drawing")) setTimeout(() => back(event.target)); });
  document.addEventListener("cpo:shown", (event) => {
    restore(document);
    if (event.target.dataset.part === "chart") show();
  });
  restore(document);
  show();
})();
