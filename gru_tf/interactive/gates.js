// A GRU of one unit as a figure that a reader moves: the element <gru-gates>.
//
// It needs a browser and nothing else. gru_tf/interactive/gates.py writes the element with its
// inputs and presets into data-settings, and this module beside it.

const sigmoid = (a) => 0.5 * (1 + Math.tanh(0.5 * a));

/** The four equations, over the numbers x: what gru_tf.equations.gru_forward computes. */
export function forward(x, w, h_0 = 0) {
  const trace = { x, h_prev: [], z: [], r: [], h_hat: [], h: [] };
  let h_prev = h_0;
  for (const x_t of x) {
    const z = sigmoid(x_t * w.W_z + h_prev * w.U_z + w.b_z);
    const r = sigmoid(x_t * w.W_r + h_prev * w.U_r + w.b_r);
    const past = w.reset_after ? r * (h_prev * w.U_h + w.c_h) : r * h_prev * w.U_h;
    const h_hat = Math.tanh(x_t * w.W_h + past + w.b_h);
    const write = w.update_gate === "write" ? z : 1 - z;
    const h = (1 - write) * h_prev + write * h_hat;
    for (const [name, value] of Object.entries({ h_prev, z, r, h_hat, h })) trace[name].push(value);
    h_prev = h;
  }
  return trace;
}

const CHARTS = {
  input: { series: ["x"], ticks: [-1, 0, 1], height: 84 },
  gates: { series: ["r", "z"], ticks: [0, 0.5, 1], height: 104 },
  states: { series: ["h_hat", "h"], ticks: [-1, 0, 1], height: 126 },
};
const MARGIN = { left: 30, right: 6, top: 7, bottom: 7, steps: 34 };
const RANGES = { z: [-12, 12, 0.1], r: [-12, 12, 0.1], h: [-3, 3, 0.05], 0: [-1, 1, 0.05] };
const KINDS = { W: "× input", U: "× last state", b: "bias", c: "bias that r reaches" };

// With the sign of a minus, and none before a 0.00
const number = (value) => value.toFixed(2).replace(/^-(?=.*[1-9])/, "−").replace("-", "");
const plus = (value) => `${value < 0 ? "−" : "+"} ${number(Math.abs(value))}`;
const symbol = (name) => name.replace(/_(.)/, "<sub>$1</sub>");
const within = (value, low, high) => Math.min(high, Math.max(low, value));

function slider(name) {
  const [low, high, step] = RANGES[name.at(-1)];
  const kind = KINDS[name[0]] ?? "first state";
  return `<div class="slider" data-row="${name}">
    <label for="${name}"><i>${symbol(name)}</i> <small>${kind}</small></label>
    <input type="range" id="${name}" min="${low}" max="${high}" step="${step}">
    <output for="${name}"></output></div>`;
}

function choice(name, label, values) {
  const radios = Object.entries(values).map(
    ([value, text]) =>
      `<label><input type="radio" name="${name}" value="${value}">${text}</label>`,
  );
  return `<div class="choice" role="radiogroup" aria-label="${label}">
    <span aria-hidden="true">${label}</span> ${radios.join(" ")}</div>`;
}

function buttons(kind, names) {
  const each = names.map(
    (name) => `<button type="button" data-${kind}="${name}" aria-pressed="false">${name}</button>`,
  );
  return each.join(" ");
}

const key = (name, text) =>
  `<svg class="key" viewBox="0 0 26 8" aria-hidden="true"><path class="${name}" d="M1 4H25"/></svg>
   ${text}`;

const U_h = `<i>${symbol("U_h")}</i>`;

const page = (settings) => `
  <div class="buttons" role="group" aria-label="Presets">
    <span>Set it to</span> ${buttons("preset", Object.keys(settings.presets))}</div>
  <p class="says"></p>
  <div class="columns">
    <div class="charts">
      <div class="buttons" role="group" aria-label="Input">
        <span>Input <i>x</i></span> ${buttons("input", Object.keys(settings.inputs))}</div>
      <svg data-chart="input" role="slider" tabindex="0" aria-valuemin="-1" aria-valuemax="1"
        aria-label="Input: left and right choose a step, up and down change its value"></svg>
      <p class="hint">Draw into it, or press its arrow keys.</p>
      <p class="title">${key("z", "update gate <i>z</i>")} ${key("r", "reset gate <i>r</i>")}</p>
      <svg data-chart="gates" role="img"></svg>
      <p class="title">${key("h", "state <i>h</i>")} ${key("h_hat", "candidate <i>ĥ</i>")}</p>
      <svg data-chart="states" role="img"></svg>
    </div>
    <div class="controls">
      <fieldset><legend>Update gate <i>z</i></legend>
        ${["W_z", "U_z", "b_z"].map(slider).join("")}
        ${choice("update_gate", "near 1, it", { write: "writes <i>ĥ</i>", keep: "keeps <i>h</i>" })}
        <button type="button">negate all three</button></fieldset>
      <fieldset><legend>Reset gate <i>r</i></legend>
        ${["W_r", "U_r", "b_r"].map(slider).join("")}
        ${choice("reset_after", "acts", { false: `before ${U_h}`, true: `after ${U_h}` })}
      </fieldset>
      <fieldset><legend>Candidate <i>ĥ</i>, and the start</legend>
        ${["W_h", "U_h", "b_h", "c_h", "h_0"].map(slider).join("")}</fieldset>
    </div>
    <div class="step" role="group" aria-label="The chosen step in numbers"></div>
  </div>`;

const STYLE = `
  :host { display: block; font-size: 14px; line-height: 1.4; --x: #555; --z: #007a59;
    --r: #b0468a; --h_hat: #c25400; --h: #0072b2; color-scheme: light; }
  :host([dark]) { --x: #bbb; --z: #2fc79a; --r: #e79ac6; --h_hat: #f4934a; --h: #62b9ef;
    color-scheme: dark; }
  p { margin: 0; }
  i { font-family: "STIX Two Math", "Cambria Math", Georgia, serif; font-size: 1.08em; }
  .columns { display: flex; flex-wrap: wrap; gap: 0.5rem 1.5rem; align-items: flex-start; }
  .charts { flex: 3 1 24rem; min-width: min(100%, 18rem); }
  .controls { flex: 2 1 19rem; min-width: min(100%, 18rem); }
  .buttons { display: flex; flex-wrap: wrap; gap: 0.3rem; align-items: center; }
  .buttons span { margin-right: 0.3rem; }
  button { font: inherit; color: inherit; padding: 0.1rem 0.6rem; cursor: pointer;
    background: none; border: 1px solid currentColor; border-radius: 0.8rem; }
  button[aria-pressed="true"] { background: var(--h); border-color: var(--h); color: #fff; }
  :host([dark]) button[aria-pressed="true"] { color: #000; }
  button:hover { text-decoration: underline; }
  :focus-visible { outline: 2px solid var(--h); outline-offset: 2px; }
  .says { margin: 0.4rem 0 0.6rem; max-width: 46rem; min-height: 2.8em; }
  svg[data-chart] { display: block; width: 100%; cursor: crosshair;
    touch-action: pan-y; user-select: none; outline-offset: 0; }
  svg text { font-size: 12px; fill: currentColor; }
  .key { width: 26px; height: 8px; margin-left: 0.6rem; }
  .title .key:first-child { margin-left: 0; }
  .hint { font-size: 12.5px; margin-left: ${MARGIN.left}px; }
  .title { margin-top: 0.3rem; }
  path { fill: none; stroke-width: 2; stroke-linejoin: round; }
  .grid { stroke: currentColor; stroke-width: 1; opacity: 0.18; }
  .cursor { stroke: currentColor; stroke-width: 1; opacity: 0.6; stroke-dasharray: 2 2; }
  .x { stroke: var(--x); } .z { stroke: var(--z); } .r { stroke: var(--r); }
  .h { stroke: var(--h); stroke-width: 2.6; } .h_hat { stroke: var(--h_hat); }
  .r, .h_hat { stroke-dasharray: 5 3; }
  circle { fill: var(--x); }
  fieldset { border: 0; border-top: 1px solid color-mix(in srgb, currentColor 25%, transparent);
    margin: 0 0 0.4rem; padding: 0.1rem 0 0; min-width: 0; }
  legend { font-weight: 600; padding: 0 0.5rem 0 0; font-size: inherit; }
  .slider { display: grid; grid-template-columns: 8.2rem minmax(4rem, 1fr) 3.2rem; gap: 0.4rem;
    align-items: center; min-height: 1.7rem; }
  .slider[hidden] { display: none; }
  .slider output { text-align: right; font-variant-numeric: tabular-nums; }
  small { font-size: 12.5px; white-space: nowrap; }
  input { accent-color: var(--h); margin: 0; }
  input[type="range"] { width: 100%; min-height: 1.5rem; }
  input[type="radio"] { margin-right: 0.3rem; vertical-align: -0.1em; }
  .choice { display: flex; flex-wrap: wrap; gap: 0 0.8rem; margin: 0.1rem 0 0.2rem; }
  .choice label { white-space: nowrap; min-height: 1.5rem; }
  .step { flex: 1 1 100%; font-variant-numeric: tabular-nums; }
  .step p { padding-left: 2em; text-indent: -2em; }
`;

/** Return whether an element stands on a dark page: one that writes in a light colour. */
function isDark(element) {
  const rgb = getComputedStyle(element).color.match(/^rgba?\((\d+), (\d+), (\d+)/);
  if (!rgb) return matchMedia("(prefers-color-scheme: dark)").matches;
  return 0.3 * rgb[1] + 0.59 * rgb[2] + 0.11 * rgb[3] > 127;
}

class GRUGates extends (globalThis.HTMLElement ?? Object) {
  static forward = forward; // for a page's tests, which can't import from a script within it

  connectedCallback() {
    if (!this.shadowRoot) this.build();
    this.resized = new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width !== this.drawnAt) this.draw();
      this.drawnAt = contentRect.width;
    });
    this.resized.observe(this);
    // A page changes its theme by an attribute, and the style sheet may follow later.
    const recolour = () => this.toggleAttribute("dark", isDark(this));
    const soon = () => [0, 100, 500].forEach((after) => setTimeout(recolour, after));
    this.themed = new MutationObserver(soon);
    for (const node of [document.documentElement, document.body])
      this.themed.observe(node, { attributes: true });
    this.system = matchMedia("(prefers-color-scheme: dark)");
    this.system.onchange = soon;
    recolour();
  }

  disconnectedCallback() {
    this.resized.disconnect();
    this.themed.disconnect();
    this.system.onchange = null;
  }

  build() {
    this.settings = JSON.parse(this.dataset.settings);
    this.step = 0;
    const root = this.attachShadow({ mode: "open" });
    root.innerHTML = `<style>${STYLE}</style>${page(this.settings)}`;
    // JupyterLab would take the arrow keys for its own
    this.setAttribute("data-lm-suppress-shortcuts", "true");
    root.addEventListener("input", ({ target }) => this.set(target));
    root.addEventListener("click", ({ target }) => this.press(target.closest("button")));
    for (const svg of root.querySelectorAll("svg[data-chart]"))
      for (const kind of ["pointerdown", "pointermove", "pointerup", "pointercancel"])
        svg.addEventListener(kind, (event) => this.point(event, svg));
    root.querySelector("[role=slider]").addEventListener("keydown", (event) => this.type(event));
    this.choose(this.settings.start);
  }

  choose(name) {
    const { weights, input, h_0, says } = this.settings.presets[name];
    Object.assign(this, { preset: name, input, h_0, weights: { c_h: 0, ...weights } });
    this.x = [...this.settings.inputs[input]];
    this.step = Math.max(0, this.x.findIndex((value) => value !== 0));
    this.shadowRoot.querySelector(".says").innerHTML = says.replace(/_(\w)/g, "<sub>$1</sub>");
    this.draw();
  }

  /** Take over what a slider or a radio button says. */
  set({ name, id, value, type }) {
    if (type === "radio") this.weights[name] = name === "reset_after" ? value === "true" : value;
    else if (id === "h_0") this.h_0 = Number(value);
    else this.weights[id] = Number(value);
    this.preset = null;
    this.draw();
  }

  press(button) {
    if (!button) return;
    const { preset, input } = button.dataset;
    if (preset) return this.choose(preset);
    if (input) {
      this.input = input;
      this.x = [...this.settings.inputs[input]];
    } else {
      for (const name of ["W_z", "U_z", "b_z"]) this.weights[name] = 0 - this.weights[name];
      this.preset = null;
    }
    this.draw();
  }

  /** Choose the step under the pointer; in the chart of the input, with a button down, draw. */
  point(event, svg) {
    const box = svg.getBoundingClientRect();
    const share = (event.clientX - box.left - MARGIN.left) / this.width(box);
    const step = within(Math.floor(share * this.x.length), 0, this.x.length - 1);
    const isInput = svg.dataset.chart === "input";
    if (event.type === "pointerdown") {
      svg.focus({ preventScroll: true });
      this.last = isInput ? step : null;
      if (isInput) svg.setPointerCapture(event.pointerId);
    } else if (event.type !== "pointermove") {
      this.last = null;
      return;
    }
    this.step = step;
    if (isInput && this.last != null && event.buttons) {
      const inner = CHARTS.input.height - MARGIN.top - MARGIN.bottom;
      const value = 1 - (2 * (event.clientY - box.top - MARGIN.top)) / inner;
      // A fast pointer leaves out steps
      for (let t = Math.min(this.last, step); t <= Math.max(this.last, step); t++)
        this.enter(t, value);
      this.last = step;
    }
    this.draw();
  }

  type(event) {
    const moves = { ArrowLeft: -1, ArrowRight: 1, Home: -this.x.length, End: this.x.length };
    const changes = { ArrowUp: 0.1, ArrowDown: -0.1, PageUp: 0.5, PageDown: -0.5 };
    if (event.key in moves)
      this.step = within(this.step + moves[event.key], 0, this.x.length - 1);
    else if (event.key in changes) this.enter(this.step, this.x[this.step] + changes[event.key]);
    else return;
    event.preventDefault();
    this.draw();
  }

  enter(step, value) {
    this.x[step] = Math.round(100 * within(value, -1, 1)) / 100;
    this.input = null;
  }

  width(box) {
    return Math.max(1, box.width - MARGIN.left - MARGIN.right);
  }

  draw() {
    const root = this.shadowRoot;
    const { x, weights, h_0, step } = this;
    const trace = forward(x, weights, h_0);
    for (const svg of root.querySelectorAll("svg[data-chart]")) this.chart(svg, trace);
    for (const row of root.querySelectorAll(".slider")) {
      const name = row.dataset.row;
      const value = name === "h_0" ? h_0 : weights[name];
      row.querySelector("input").value = value;
      row.querySelector("output").textContent = number(value);
      row.hidden = name === "c_h" && !weights.reset_after;
    }
    for (const radio of root.querySelectorAll("[type=radio]"))
      radio.checked = String(weights[radio.name]) === radio.value;
    for (const button of root.querySelectorAll("[aria-pressed]")) {
      const { preset, input } = button.dataset;
      const pressed = preset ? preset === this.preset : input === this.input;
      button.setAttribute("aria-pressed", pressed);
    }
    const drawn = root.querySelector("[role=slider]");
    drawn.setAttribute("aria-valuenow", x[step]);
    const said = `step ${step + 1}: input ${number(x[step])}, state ${number(trace.h[step])}`;
    drawn.setAttribute("aria-valuetext", said);
    root.querySelector(".step").innerHTML = this.inNumbers(trace);
  }

  chart(svg, trace) {
    const { series, ticks, height } = CHARTS[svg.dataset.chart];
    const isLast = svg.dataset.chart === "states";
    const total = height + (isLast ? MARGIN.steps : 0);
    const width = this.width(svg.getBoundingClientRect());
    const right = MARGIN.left + width;
    const [low, high] = [ticks[0], ticks.at(-1)];
    const inner = height - MARGIN.top - MARGIN.bottom;
    const at = (t) => (MARGIN.left + ((t + 0.5) / this.x.length) * width).toFixed(1);
    const up = (value) => (MARGIN.top + ((high - value) / (high - low)) * inner).toFixed(1);
    const parts = ticks.map(
      (tick) => `<path class="grid" d="M${MARGIN.left} ${up(tick)}H${right}"/>
        <text x="${MARGIN.left - 6}" y="${up(tick)}" dy="0.35em"
          text-anchor="end">${String(tick).replace("-", "−")}</text>`,
    );
    parts.push(`<path class="cursor" d="M${at(this.step)} 0V${height}"/>`);
    for (const name of series) {
      const points = trace[name].map((value, t) => `${at(t)} ${up(value)}`);
      if (name === "x") {
        parts.push(`<path class="x" d="${trace.x.map((v, t) => `M${at(t)} ${up(0)}V${up(v)}`)}"/>`);
        for (const [t, v] of trace.x.entries())
          parts.push(`<circle r="${t === this.step ? 5 : 2.5}" cx="${at(t)}" cy="${up(v)}"/>`);
      } else parts.push(`<path class="${name}" d="M${points.join("L")}"/>`);
    }
    if (isLast) {
      for (let t = 0; t <= this.x.length; t += 10) {
        const shown = Math.max(1, t);
        parts.push(`<text x="${at(shown - 1)}" y="${height + 9}"
          text-anchor="middle">${shown}</text>`);
      }
      parts.push(`<text x="${MARGIN.left + width / 2}" y="${height + 26}"
        text-anchor="middle">time step</text>`);
    }
    svg.setAttribute("height", total);
    svg.innerHTML = parts.join("");
    if (svg.dataset.chart !== "input") {
      const names = { z: "update gate", r: "reset gate", h: "state", h_hat: "candidate" };
      const told = series.map((name) => {
        const values = trace[name];
        const [least, most] = [Math.min(...values), Math.max(...values)];
        const end = number(values.at(-1));
        return `${names[name]} from ${number(least)} to ${number(most)}, ${end} at the end`;
      });
      svg.setAttribute("aria-label", `Over ${this.x.length} time steps: ${told.join("; ")}`);
    }
  }

  /** The equations of the chosen step, with its numbers. */
  inNumbers(trace) {
    const { weights: w, step: t } = this;
    const text = (value) => (value < 0 ? `(${number(value)})` : number(value));
    const texts = Object.entries(trace).map(([name, values]) => [name, text(values[t])]);
    const { x, h_prev, z, r, h_hat, h } = Object.fromEntries(texts);
    const bare = (shown) => shown.replace(/[()]/g, "");
    const gate = (g) =>
      `σ(${number(w[`W_${g}`])}·${x} ${plus(w[`U_${g}`])}·${h_prev} ${plus(w[`b_${g}`])})`;
    const past = w.reset_after
      ? `+ ${r}·(${number(w.U_h)}·${h_prev} ${plus(w.c_h)})`
      : `${plus(w.U_h)}·(${r}·${h_prev})`;
    const [kept, written] = w.update_gate === "write" ? [`(1 − ${z})`, z] : [z, `(1 − ${z})`];
    const lines = [
      `<b>Step ${t + 1}</b>: input <i>x</i> = ${bare(x)}, last state ${bare(h_prev)}`,
      `<i>z</i> = ${gate("z")} = ${z}`,
      `<i>r</i> = ${gate("r")} = ${r}`,
      `<i>ĥ</i> = tanh(${number(w.W_h)}·${x} ${past} ${plus(w.b_h)}) = ${bare(h_hat)}`,
      `<i>h</i> = ${kept}·${h_prev} + ${written}·${h_hat} = ${bare(h)}`,
    ];
    return lines.map((line) => `<p>${line}</p>`).join("");
  }
}

if (globalThis.customElements && !customElements.get("gru-gates"))
  customElements.define("gru-gates", GRUGates);
